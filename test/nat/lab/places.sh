# Part of natlab.sh: who is where, and with which addresses.
HOMES=abcde

nodes() { cat "$RUN/nodes"; }
homes() { cat "$RUN/homes"; }
machines() { local home; for home in $(homes); do cat "$RUN/machines.$home"; done; }

# The letters of the homes behind a home's carrier, its own among them; nothing without one.
carrier_of() { awk -v home="$1" 'index($1, home) { print $1 }' "$RUN/carriers"; }

# The number of a home: A is 0.
number_of() {
	local before=${HOMES%%"$1"*}
	[ ${#1} = 1 ] && [ ${#before} -lt ${#HOMES} ] || die "no such home: $1"
	echo ${#before}
}

# router NAME: of a home (A, or ra) or of a carrier (CA, CAB). Sets ROUTER, HOME_LETTER (empty for a carrier), PUBLIC_1, PUBLIC_2 and
# PUBLIC_LENGTH (its addresses outside), GATEWAY (whom it asks there), INSIDE (the network behind it).
router() {
	local name=${1,,} number
	case $name in
	c?*)
		ROUTER=$name HOME_LETTER=
		number=$(number_of "${name:1:1}")
		INSIDE=100.64.0.0/24
		;;
	*)
		HOME_LETTER=${name#r} ROUTER=r${name#r}
		number=$(number_of "$HOME_LETTER")
		INSIDE=10.0.$((number + 1)).0/24
		;;
	esac
	grep -qwF "$ROUTER" "$RUN/nodes" || die "no such router: $1"
	if [ -n "$HOME_LETTER" ] && [ -n "$(carrier_of "$HOME_LETTER")" ]; then
		GATEWAY=100.64.0.1 PUBLIC_1=100.64.0.$((8 * number + 2)) PUBLIC_2=100.64.0.$((8 * number + 3)) PUBLIC_LENGTH=24
	else
		GATEWAY=203.0.113.$((8 * number + 1)) PUBLIC_1=203.0.113.$((8 * number + 2)) PUBLIC_2=203.0.113.$((8 * number + 3)) PUBLIC_LENGTH=29
	fi
}

# machine NAME: a, a2, b, ... Sets MACHINE, and what `router` sets of its home.
machine() {
	MACHINE=$1
	router "${1:0:1}"
	grep -qwF "$MACHINE" "$RUN/machines.$HOME_LETTER" || die "no such machine: $1"
}

# The network of public addresses of home A or B, for routers that do not translate.
open_net() {
	case $1 in
	a) echo 198.51.100.0/25 ;;
	b) echo 198.51.100.128/25 ;;
	*) return 1 ;;
	esac
}

# The IPv6 prefix (/64) of a home, and of the link of its router.
home6() { echo "2001:db8:$1:"; }
link6() { echo "2001:db8:f$1:"; }
