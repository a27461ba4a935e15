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

# Ends the miniupnpd of that router, if there is one.
end_igd() {
	local pid
	for pid in $(ip netns pids "$NAME-$ROUTER"); do
		if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = miniupnpd ]; then kill -9 "$pid" 2>/dev/null || true; fi
	done
	rm -f "$RUN/igd.$ROUTER.pid"
}

# start_igd pcp|nat-pmp|upnp: runs miniupnpd on the router. It maps no ports at an address that is kept for documentation, as those of the
# lab are. So the router gets another one. `set`, `roam` and `flush` end the mappings, and miniupnpd does not notice.
start_igd() {
	local way=$1 outside=45.33.$(($(number_of "$HOME_LETTER") + 1)).1 upnp=no natpmp=yes
	command -v miniupnpd >/dev/null || die "no miniupnpd: apt-get install miniupnpd miniupnpd-nftables"
	case $way in
	pcp | nat-pmp) ;;
	upnp) upnp=yes natpmp=no ;;
	*) die "no such way to map ports: $way" ;;
	esac
	end_igd
	at inet ip route replace "$outside/32" via "$PUBLIC_1"
	at "$ROUTER" ip addr replace "$outside/32" dev wan
	echo "$outside" >"$RUN/public.$ROUTER"
	renew_router
	at "$ROUTER" nft -f - <<'RULES'
table inet igd {
	chain prerouting { type nat hook prerouting priority dstnat - 10; jump igd_prerouting; }
	chain postrouting { type nat hook postrouting priority srcnat - 10; jump igd_postrouting; }
	chain forward { type filter hook forward priority filter - 10; jump igd_forward; }
	chain igd_prerouting { }
	chain igd_postrouting { }
	chain igd_forward { }
}
RULES
	# NAT-PMP only: it is told by PCP requests that are dropped before it sees them and answered by nobody.
	if [ "$way" = nat-pmp ]; then
		at "$ROUTER" nft 'add table inet old; add chain inet old input { type filter hook input priority filter - 10; }; add rule inet old input udp dport 5351 @th,64,8 2 drop'
	fi
	cat >"$RUN/igd.conf" <<CONF
ext_ifname=wan
ext_ip=$outside
listening_ip=lan
enable_upnp=$upnp
enable_natpmp=$natpmp
secure_mode=yes
system_uptime=yes
uuid=9983d1fe-f129-4a4e-b28e-4559b20e3e83
upnp_table_name=igd
upnp_nat_table_name=igd
upnp_forward_chain=igd_forward
upnp_nat_chain=igd_prerouting
upnp_nat_postrouting_chain=igd_postrouting
allow 1024-65535 10.0.0.0/8 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
CONF
	at "$ROUTER" miniupnpd -d -f "$RUN/igd.conf" -P "$RUN/igd.$ROUTER.pid" </dev/null >"$RUN/igd.$ROUTER.log" 2>&1 &
	disown
	for _ in $(seq 200); do
		if at "$ROUTER" ss -uln | grep -q ":$([ "$upnp" = yes ] && echo 1900 || echo 5351) "; then return; fi
		sleep .02
	done
	die "miniupnpd does not run: $(cat "$RUN/igd.$ROUTER.log")"
}
