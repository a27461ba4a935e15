# Part of natlab.sh: what a router does with packets, by its kind.

# So many ports outside, as a map from numbers: ports PUBLIC FIRST STEP
ports() {
	awk -v public="$1" -v first="$2" -v step="$3" 'BEGIN {
		printf "map ports { typeof numgen inc mod 8192 : ip daddr . udp dport; elements = { "
		for (i = 0; i < 8192; i++) printf "%s%d : %s . %d", (i ? ", " : ""), i, public, first + step * i
		print " } }"
	}'
}

# The rules of a router: ruleset KIND PUBLIC_ADDRESS INSIDE_NETWORK
ruleset() {
	local kind=${1%+hairpin} public=$2 inside=$3
	local sets='' before='' after='' learn='' forward='iifname "lan" oifname "wan" accept; ct state established,related accept; ct status dnat accept;'
	local forward6='iifname "lan" accept; ct state established,related accept; meta l4proto icmpv6 accept;'
	# Unasked packets are dropped and not answered: an accepted one would make a connection entry that takes the port of a
	# mapping about to be made, and an ICMP error would end the other side's attempt. Some kinds do just that.
	local input='iifname "wan" meta l4proto { tcp, udp } ct state new drop;'
	# Endpoint-independent mapping: a map of public ports to machines, learnt from what goes out. Two machines with the same port would confuse it.
	local learn_owner='oifname "wan" meta l4proto udp update @owner { udp sport : ip saddr };'
	local translate="oifname \"wan\" snat to $public;" # keeps the port while it is free, which makes it endpoint-independent
	case $kind in
	none) forward='accept;' forward6='accept;' translate='' ;;
	fw) translate='' ;; # conntrack filters by address and port
	port) ;;
	full)
		learn=$learn_owner
		before='iifname "wan" meta l4proto udp dnat to udp dport map @owner;'
		;;
	addr)
		learn="$learn_owner oifname \"wan\" meta l4proto udp update @known { udp sport . ip daddr };"
		before='iifname "wan" meta l4proto udp udp dport . ip saddr @known dnat to udp dport map @owner;'
		;;
	reject) input='iifname "wan" meta l4proto tcp ct state new reject with tcp reset; iifname "wan" meta l4proto udp ct state new reject;' ;;
	masq) input='' translate='oifname "wan" masquerade;' ;;
	eim | adm)
		sets=$(ports "$public" 20000 5)
		# The number of a port follows from who sends (with adm: and to which address) and from a seed that the next flush changes.
		local by='ip saddr . udp sport'
		[ "$kind" = eim ] || by="$by . ip daddr"
		after="oifname \"wan\" meta l4proto udp snat ip to jhash $by mod 8192 seed $((RANDOM * 32768 + RANDOM + 1)) map @ports;"
		;;
	sym) after="oifname \"wan\" meta l4proto udp snat to $public:1024-65535 fully-random;" ;;
	symseq)
		sets=$(ports "$public" 40000 1)
		after='oifname "wan" meta l4proto udp snat ip to numgen inc mod 8192 map @ports;'
		;;
	blocked) forward="meta l4proto udp drop; $forward" forward6="meta l4proto udp drop; $forward6" ;;
	*) die "no such kind of router: $1" ;;
	esac
	if [ "$kind" != "$1" ]; then
		case $kind in port | full | addr) ;; *) die "no hairpin with this kind of router: $1" ;; esac
		learn="$learn_owner $learn"
		before="$before iifname \"lan\" ip daddr $public meta l4proto udp dnat to udp dport map @owner;"
		after="oifname \"lan\" ip saddr $inside ct status dnat snat to $public; $after"
	fi
	cat <<RULES
flush ruleset
table ip lab {
	map owner { type inet_service : ipv4_addr; flags dynamic,timeout; timeout ${UDP_TIMEOUT}s; size 65535; }
	set known { type inet_service . ipv4_addr; flags dynamic,timeout; timeout ${UDP_TIMEOUT}s; size 65535; }
	$sets
	chain before { type nat hook prerouting priority dstnat; $before }
	chain after { type nat hook postrouting priority srcnat; $after $translate }
	chain forward { type filter hook forward priority filter; policy drop; $learn $forward }
	chain input { type filter hook input priority filter; policy accept; $input }
}
table ip6 lab {
	chain forward { type filter hook forward priority filter; policy drop; $forward6 }
}
RULES
}

# Gives the router its present kind and public address afresh, which forgets all mappings.
renew_router() {
	ruleset "$(cat "$RUN/kind.$ROUTER")" "$(cat "$RUN/public.$ROUTER")" "$INSIDE" | at "$ROUTER" nft -f -
	at "$ROUTER" conntrack -F &>/dev/null || true
}

# Its addresses outside. Masquerading takes the first one.
address_router() {
	local present=$1 other=$PUBLIC_1
	[ "$present" != "$PUBLIC_1" ] || other=$PUBLIC_2
	at "$ROUTER" ip -4 addr flush dev wan
	at "$ROUTER" ip addr add "$present/$PUBLIC_LENGTH" dev wan
	at "$ROUTER" ip addr add "$other/$PUBLIC_LENGTH" dev wan
	at "$ROUTER" ip route replace default via "$GATEWAY"
	echo "$present" >"$RUN/public.$ROUTER"
}

roam() {
	if [ "$(cat "$RUN/public.$ROUTER")" = "$PUBLIC_1" ]; then address_router "$PUBLIC_2"; else address_router "$PUBLIC_1"; fi
	renew_router
}

# set_kind ROUTER KIND
set_kind() {
	router "$1"
	local kind=$2 network=$INSIDE place=2 machine
	case $kind in
	none | fw)
		[ -n "$HOME_LETTER" ] && [ -z "$(carrier_of "$HOME_LETTER")" ] || die "$1 has to translate: it cannot be $kind"
		network=$(open_net "$HOME_LETTER") || die "there are no public addresses for home $1: it cannot be $kind"
		;;
	esac
	ruleset "$kind" "$PUBLIC_1" "$INSIDE" >/dev/null # before anything has changed
	echo "$kind" >"$RUN/kind.$ROUTER"
	renew_router
	[ -n "$HOME_LETTER" ] || return 0
	at "$ROUTER" ip -4 addr flush dev lan
	at "$ROUTER" ip addr add "$(host_in "$network" 1)" dev lan
	for machine in $(cat "$RUN/machines.$HOME_LETTER"); do
		echo "$(host_in "$network" $place) $(host_in "$network" 1)" >"$RUN/ipv4.$machine"
		address_machine "$machine" 4
		place=$((place + 1))
	done
	at "$ROUTER" conntrack -F &>/dev/null || true
}

# The address of that number in a network, with the network's length: host_in 10.0.1.0/24 2
host_in() { local base=${1%/*}; echo "${base%.*}.$((${base##*.} + $2))/${1#*/}"; }
