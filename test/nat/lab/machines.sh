# Part of natlab.sh: the machines in a home, their addresses and interfaces. `machine` has been called before the commands here.

# address_machine NAME FAMILY: gives it its address of that family afresh, as far as it is to have one.
address_machine() {
	local name=$1 family=$2 has address gateway
	has=$(cat "$RUN/family.$name")
	at "$name" ip "-$family" addr flush dev eth0 scope global
	[ -e "$RUN/ipv$family.$name" ] || return 0
	case $has in *$family*) ;; *) return 0 ;; esac
	read -r address gateway <"$RUN/ipv$family.$name"
	if [ "$family" = 6 ]; then at "$name" ip addr add "$address" dev eth0 nodad; else at "$name" ip addr add "$address" dev eth0; fi
	at "$name" ip "-$family" route replace default via "${gateway%/*}"
}

family() {
	case ${1:-} in 4 | 6 | 46) ;; *) die "a machine's family is 4, 6 or 46" ;; esac
	echo "$1" >"$RUN/family.$MACHINE"
	address_machine "$MACHINE" 4
	[ ! -e "$RUN/ipv6.$MACHINE" ] || address_machine "$MACHINE" 6
}

readdr() {
	local address gateway last next
	read -r address gateway <"$RUN/ipv4.$MACHINE"
	local host=${address%/*}
	last=${host##*.}
	next=$((last % 128 < 60 ? last + 50 : last - 50))
	echo "${host%.*}.$next/${address#*/} $gateway" >"$RUN/ipv4.$MACHINE"
	address_machine "$MACHINE" 4
	echo "${host%.*}.$next"
}

# The cable between a machine and its router: plug MACHINE
plug() {
	ip link add eth0 netns "$NAME-$1" type veth peer name "p-$1" netns "$NAME-$ROUTER"
	at "$ROUTER" ip link set "p-$1" master lan up
	at "$1" ip link set eth0 mtu "$(cat "$RUN/mtu")" up
}

replug() {
	at "$MACHINE" ip link del eth0
	plug "$MACHINE"
	address_machine "$MACHINE" 4
	[ ! -e "$RUN/ipv6.$MACHINE" ] || address_machine "$MACHINE" 6
}

# Like those of Docker: 172.17.0.1, 172.18.0.1, ... each with something plugged in, as a bridge without counts as down.
bridges() {
	local i
	for i in $(seq 0 $(($1 - 1))); do
		at "$MACHINE" ip link add "docker$i" type bridge
		at "$MACHINE" ip link add "inside$i" type veth peer name "outside$i"
		at "$MACHINE" ip link set "outside$i" master "docker$i" up
		at "$MACHINE" ip link set "inside$i" up
		at "$MACHINE" ip link set "docker$i" up
		at "$MACHINE" ip addr add "172.$((17 + i)).0.1/16" dev "docker$i"
	done
}
