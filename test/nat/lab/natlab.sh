#!/bin/bash
# A NAT lab made of network namespaces: two homes behind routers of a chosen kind, an internet between them, a Coordinator's machine.
# Needs root, iproute2, nftables, conntrack, and a C compiler for links with delay. No namespace has a way out: nothing leaves the machine.
#
#   a  --+                      wan              wan
#        +-- ra (router A) ------------- inet ------------- rb (router B) --- b
#   a2 --+    10.0.1.0/24                  | co                10.0.2.0/24
#                                        coord  192.0.2.10 and 192.0.2.11
#
#   natlab.sh up KIND_A KIND_B [--wire "SPEC"] [--ipv6] [--udp-timeout SECONDS] [--mtu BYTES]    builds it; replaces one of that name
#   natlab.sh down                            removes it with everything that runs in it; safe to repeat
#   natlab.sh sweep                           removes labs whose owner (process NATLAB_OWNER of `up`) is gone
#   natlab.sh exec NODE COMMAND...            in coord, a, a2, b, ra, rb or inet
#   natlab.sh set A|B KIND                    another kind of router; addresses change with it and mappings are forgotten
#   natlab.sh roam A|B                        the router gets another public address
#   natlab.sh flush A|B                       the router forgets its mappings, as after a restart
#   natlab.sh readdr a|a2|b                   the machine gets another address, as from Wi-Fi to mobile; prints it
#   natlab.sh wire a|b|co "SPEC"              another impairment of one link (with --wire only)
#   natlab.sh cut a|b|co, heal a|b|co         a link becomes a silent black hole, and whole again
#   natlab.sh mappings A|B                    entries in the router's connection table
#   natlab.sh counts all|punch, recount       UDP packets that inet saw, as JSON by source and destination; `punch`: those that are no QUIC; from zero again
#   natlab.sh info                            for people
#
# KIND, as mapping / filtering in the words of RFC 4787:
#   none     a public address, no filter
#   fw       a public address behind a stateful firewall
#   full     endpoint-independent / endpoint-independent           "full cone"
#   addr     endpoint-independent / address-dependent              "restricted cone"
#   port     endpoint-independent / address-and-port-dependent     "port-restricted cone", as a Linux router at home
#   sym      address-and-port-dependent, random ports / the same   "symmetric"
#   symseq   the same with ports 40000, 40001, ...
#   blocked  as port, but no UDP either way; TCP passes
# With --ipv6 every machine also has a public IPv6 address behind a stateful firewall (none: no filter; blocked: no UDP).
# SPEC: "delay=25 loss=1 ...", see wire.c; one-way per link, so delay=25 on the three links is 100 ms there and back between any two.
# Several at once: NATLAB=name (default nl). State is in /run/natlab.$NATLAB.
set -Eeuo pipefail
NAME=${NATLAB:-nl}
RUN=/run/natlab.$NAME
HERE=$(cd "$(dirname "$0")" && pwd)
WIRE_PROGRAM=${NATLAB_WIRE:-$HERE/../../../node_modules/.cache/natlab/wire}
NODES="inet coord ra rb a a2 b"

die() { echo "natlab: $*" >&2; exit 1; }
at() { local node=$1; shift; ip netns exec "$NAME-$node" "$@"; }

# What a side consists of: SIDE, ROUTER, MACHINES, GATEWAY (the internet's address there), PUBLIC_1 and PUBLIC_2 (the router's), and networks.
side() {
	SIDE=${1,,}
	ROUTER=r$SIDE
	case $SIDE in
	a) GATEWAY=203.0.113.1 PUBLIC_1=203.0.113.2 PUBLIC_2=203.0.113.3 PRIVATE=10.0.1. OPEN_NET=198.51.100.0/25 OPEN_FIRST=0 MACHINES="a a2" ;;
	b) GATEWAY=203.0.113.9 PUBLIC_1=203.0.113.10 PUBLIC_2=203.0.113.11 PRIVATE=10.0.2. OPEN_NET=198.51.100.128/25 OPEN_FIRST=128 MACHINES="b" ;;
	*) die "no such side: $1" ;;
	esac
}

# The IPv6 prefix (/64) of a home, and of the link of its router.
home6() { echo "2001:db8:$1:"; }
link6() { echo "2001:db8:f$1:"; }

build_wire() {
	[ "$WIRE_PROGRAM" -nt "$HERE/wire.c" ] && return
	command -v gcc >/dev/null || die "links with delay need a C compiler: apt-get install gcc libc6-dev"
	mkdir -p "$(dirname "$WIRE_PROGRAM")"
	gcc -O2 -o "$WIRE_PROGRAM.$$" "$HERE/wire.c"
	mv "$WIRE_PROGRAM.$$" "$WIRE_PROGRAM" # at once whole, for labs that start together
}

# link NODE INTERFACE NODE INTERFACE LINK
link() {
	if [ -n "$WIRE" ]; then
		echo "$WIRE" >"$RUN/wire.$5"
		"$WIRE_PROGRAM" "$NAME-$1" "$2" "$NAME-$3" "$4" "$RUN/wire.$5" 2>"$RUN/wire.$5.log" </dev/null >/dev/null &
		echo $! >"$RUN/wire.$5.pid"
		disown
		for _ in $(seq 200); do
			at "$1" ip link show "$2" &>/dev/null && at "$3" ip link show "$4" &>/dev/null && break
			sleep .01
		done
	else
		ip link add "$2" netns "$NAME-$1" type veth peer name "$4" netns "$NAME-$3"
	fi
	at "$1" ip link set "$2" mtu "$MTU" up
	at "$3" ip link set "$4" mtu "$MTU" up
}

# The rules of a router: ruleset KIND PUBLIC_ADDRESS
ruleset() {
	local sets='' before='' after='' learn='' forward='iifname "lan" oifname "wan" accept; ct state established,related accept; ct status dnat accept;'
	local forward6='iifname "lan" accept; ct state established,related accept; meta l4proto icmpv6 accept;'
	# Endpoint-independent mapping: a map of public ports to machines, learnt from what goes out. Two machines with the same port would confuse it.
	local learn_owner='oifname "wan" meta l4proto udp update @owner { udp sport : ip saddr };'
	case $1 in
	none) forward='accept;' forward6='accept;' ;;
	fw | port) ;; # conntrack filters by address and port
	full)
		learn=$learn_owner
		before='iifname "wan" meta l4proto udp dnat to udp dport map @owner;'
		;;
	addr)
		learn="$learn_owner oifname \"wan\" meta l4proto udp update @known { udp sport . ip daddr };"
		before='iifname "wan" meta l4proto udp udp dport . ip saddr @known dnat to udp dport map @owner;'
		;;
	sym) after="oifname \"wan\" meta l4proto udp snat to $2:1024-65535 fully-random;" ;;
	symseq)
		sets="map next { typeof numgen inc mod 8192 : ip daddr . udp dport; elements = { $(awk -v public="$2" 'BEGIN { for (i = 0; i < 8192; i++) printf "%s%d : %s . %d", (i ? ", " : ""), i, public, 40000 + i }') } }"
		after='oifname "wan" meta l4proto udp snat ip to numgen inc mod 8192 map @next;'
		;;
	blocked) forward="meta l4proto udp drop; $forward" forward6="meta l4proto udp drop; $forward6" ;;
	*) die "no such kind of router: $1" ;;
	esac
	case $1 in none | fw) ;; *) after="$after oifname \"wan\" snat to $2;" ;; esac # keeps the port while it is free, which makes it endpoint-independent
	cat <<RULES
flush ruleset
table ip lab {
	map owner { type inet_service : ipv4_addr; flags dynamic,timeout; timeout ${UDP_TIMEOUT}s; size 65535; }
	set known { type inet_service . ipv4_addr; flags dynamic,timeout; timeout ${UDP_TIMEOUT}s; size 65535; }
	$sets
	chain before { type nat hook prerouting priority dstnat; $before }
	chain after { type nat hook postrouting priority srcnat; $after }
	chain forward { type filter hook forward priority filter; policy drop; $learn $forward }
	# Unasked packets are dropped and not answered: an accepted one would make a connection entry that takes the port of a
	# mapping about to be made, and an ICMP error would end the other side's attempt.
	chain input { type filter hook input priority filter; policy accept; iifname "wan" meta l4proto { tcp, udp } ct state new drop; }
}
table ip6 lab {
	chain forward { type filter hook forward priority filter; policy drop; $forward6 }
}
RULES
}

# Gives the router its present kind and public address afresh, which forgets all mappings.
renew_router() {
	ruleset "$(cat "$RUN/kind.$SIDE")" "$(cat "$RUN/public.$SIDE")" | at "$ROUTER" nft -f -
	at "$ROUTER" conntrack -F &>/dev/null || true
}

set_kind() {
	side "$1"
	local kind=$2 prefix=$PRIVATE length=24 first=0 next=2 machine
	case $kind in none | fw) prefix=198.51.100. length=25 first=$OPEN_FIRST ;; esac
	ruleset "$kind" "$PUBLIC_1" >/dev/null # before anything has changed
	echo "$kind" >"$RUN/kind.$SIDE"
	[ -e "$RUN/public.$SIDE" ] || echo "$PUBLIC_1" >"$RUN/public.$SIDE"
	renew_router
	at "$ROUTER" ip -4 addr flush dev lan
	at "$ROUTER" ip addr add "$prefix$((first + 1))/$length" dev lan
	for machine in $MACHINES; do
		at "$machine" ip -4 addr flush dev eth0
		at "$machine" ip addr add "$prefix$((first + next))/$length" dev eth0
		at "$machine" ip route replace default via "$prefix$((first + 1))"
		next=$((next + 1))
	done
	at "$ROUTER" conntrack -F &>/dev/null || true
}

add_ipv6() {
	local node s machine next
	# Addresses that are known to be free are usable at once.
	for node in $NODES; do at "$node" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_ra=0; done
	for node in inet ra rb; do at $node sysctl -qw net.ipv6.conf.all.forwarding=1; done
	at inet ip addr add 2001:db8:c::1/64 dev co nodad
	at coord ip addr add 2001:db8:c::10/64 dev eth0 nodad
	at coord ip route add default via 2001:db8:c::1
	for s in a b; do
		side $s
		at inet ip addr add "$(link6 $s):1/64" dev w$s nodad
		at "$ROUTER" ip addr add "$(link6 $s):2/64" dev wan nodad
		at "$ROUTER" ip route add default via "$(link6 $s):1"
		at inet ip route add "$(home6 $s):/64" via "$(link6 $s):2"
		at "$ROUTER" ip addr add "$(home6 $s):1/64" dev lan nodad
		next=2
		for machine in $MACHINES; do
			at "$machine" ip addr add "$(home6 $s):$next/64" dev eth0 nodad
			at "$machine" ip route add default via "$(home6 $s):1"
			next=$((next + 1))
		done
	done
}

up() {
	[ $# -ge 2 ] || die "usage: up KIND_A KIND_B [options]"
	local kind_a=$1 kind_b=$2 ipv6='' node s machine
	shift 2
	WIRE='' UDP_TIMEOUT=30 MTU=1500
	while [ $# -gt 0 ]; do
		case $1 in
		--ipv6) ipv6=1; shift; continue ;;
		--wire) WIRE=$2 ;;
		--udp-timeout) UDP_TIMEOUT=$2 ;;
		--mtu) MTU=$2 ;;
		*) die "unknown option $1" ;;
		esac
		shift 2
	done
	[ -z "$WIRE" ] || build_wire
	down
	mkdir -p "$RUN"
	trap 'down' ERR
	echo "$UDP_TIMEOUT" >"$RUN/udp-timeout"
	echo "${NATLAB_OWNER:-}" >"$RUN/owner"
	for node in $NODES; do
		ip netns add "$NAME-$node"
		[ -n "$ipv6" ] || at "$node" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
		at "$node" sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
		at "$node" ip link set lo up
	done
	for node in inet ra rb; do at $node sysctl -qw net.ipv4.ip_forward=1; done
	for node in ra rb; do
		at $node sysctl -qw net.netfilter.nf_conntrack_udp_timeout="$UDP_TIMEOUT" net.netfilter.nf_conntrack_udp_timeout_stream="$UDP_TIMEOUT"
		# Frames between two machines of one home must not meet the router's rules.
		at $node sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0 2>/dev/null || true
	done
	link inet co coord eth0 co
	link inet wa ra wan a
	link inet wb rb wan b
	at inet ip addr add 192.0.2.1/24 dev co
	at coord ip addr add 192.0.2.10/24 dev eth0
	at coord ip addr add 192.0.2.11/24 dev eth0
	at coord ip route add default via 192.0.2.1
	# 203.0.113.192/26 is where nobody is: packets to it are counted, and vanish. What `cut` names is dropped at a router, so
	# that senders see silence and no EPERM. Private sources do not pass.
	at inet ip route add blackhole 203.0.113.192/26
	at inet nft -f - <<'RULES'
table inet lab {
	set cut { type ifname; }
	set udp_all { typeof ip saddr . ip daddr; flags dynamic; size 65535; }
	set udp_punch { typeof ip saddr . ip daddr; flags dynamic; size 65535; }
	chain seen {
		type filter hook prerouting priority raw;
		meta l4proto udp meta nfproto ipv4 update @udp_all { ip saddr . ip daddr counter }
		meta l4proto udp meta nfproto ipv4 @th,64,2 0 update @udp_punch { ip saddr . ip daddr counter }
	}
	chain forward { type filter hook forward priority filter; iifname @cut drop; oifname @cut drop; ip saddr 10.0.0.0/8 drop; }
}
RULES
	for s in a b; do
		side $s
		at inet ip addr add "$GATEWAY/29" dev w$s
		at inet ip route add "$OPEN_NET" via "$PUBLIC_1"
		at "$ROUTER" ip addr add "$PUBLIC_1/29" dev wan
		at "$ROUTER" ip addr add "$PUBLIC_2/29" dev wan
		at "$ROUTER" ip route add default via "$GATEWAY"
		at "$ROUTER" ip link add lan type bridge
		at "$ROUTER" ip link set lan up
		for machine in $MACHINES; do
			ip link add eth0 netns "$NAME-$machine" type veth peer name "p-$machine" netns "$NAME-$ROUTER"
			at "$ROUTER" ip link set "p-$machine" master lan up
			at "$machine" ip link set eth0 mtu "$MTU" up
		done
	done
	[ -z "$ipv6" ] || add_ipv6
	set_kind a "$kind_a"
	set_kind b "$kind_b"
	trap - ERR
}

# Ends only what runs in this lab's namespaces, and its cables.
down() {
	local file pid node
	for file in "$RUN"/wire.*.pid; do
		[ -e "$file" ] || continue
		pid=$(cat "$file")
		if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = wire ]; then kill "$pid" 2>/dev/null || true; fi
	done
	for node in $NODES; do
		[ -e "/run/netns/$NAME-$node" ] || continue
		for pid in $(ip netns pids "$NAME-$node" 2>/dev/null); do kill -9 "$pid" 2>/dev/null || true; done
		ip netns del "$NAME-$node" 2>/dev/null || [ ! -e "/run/netns/$NAME-$node" ] # another `down` may be at it
	done
	rm -rf "$RUN"
}

sweep() {
	local state owner
	for state in /run/natlab.*; do
		owner=$(cat "$state/owner" 2>/dev/null) || continue
		if [ -z "$owner" ] || [ -e "/proc/$owner" ]; then continue; fi
		NATLAB=${state#/run/natlab.} "$0" down
		echo "natlab: removed ${state#/run/natlab.}, whose owner is gone"
	done
}

readdr() {
	local node=$1 present gateway address last next
	present=$(at "$node" ip -4 -o addr show dev eth0 | awk '{print $4; exit}')
	gateway=$(at "$node" ip -4 route show default | awk '{print $3}')
	address=${present%/*}
	last=${address##*.}
	next=$((last % 128 < 60 ? last + 50 : last - 50))
	at "$node" ip addr del "$present" dev eth0
	at "$node" ip addr add "${address%.*}.$next/${present#*/}" dev eth0
	at "$node" ip route replace default via "$gateway"
	echo "${address%.*}.$next"
}

info() {
	local s machine file
	for s in a b; do
		side $s
		echo "$ROUTER: $(cat "$RUN/kind.$s"), public $(cat "$RUN/public.$s"), $(at "$ROUTER" conntrack -C) connections"
	done
	for machine in coord a a2 b; do echo "$machine: $(at $machine ip -o addr show dev eth0 scope global | awk '{print $4}' | xargs)"; done
	for file in "$RUN"/wire.*.pid; do
		[ -e "$file" ] || continue
		kill -USR1 "$(cat "$file")"
		sleep .05
		echo "link $(basename "$file" .pid): $(tail -n2 "${file%.pid}.log" | xargs -d'\n')"
	done
}

help() { sed -n '2,/^set -E/p' "$0" | sed '$d; s/^# \{0,1\}//'; }

main() {
	local command=${1:-help} interface
	shift || true
	case $command in
	help) help; return ;;
	esac
	[ "$(id -u)" = 0 ] || die "must be root"
	case $command in
	up | down | sweep) "$command" "$@"; return ;;
	esac
	[ -d "$RUN" ] || die "no lab is up"
	UDP_TIMEOUT=$(cat "$RUN/udp-timeout")
	case $command in
	exec) [ -e "/run/netns/$NAME-$1" ] || die "no node $1"; exec ip netns exec "$NAME-$1" "${@:2}" ;;
	set) set_kind "$1" "$2" ;;
	roam)
		side "$1"
		if [ "$(cat "$RUN/public.$SIDE")" = "$PUBLIC_1" ]; then echo "$PUBLIC_2"; else echo "$PUBLIC_1"; fi >"$RUN/public.next"
		mv "$RUN/public.next" "$RUN/public.$SIDE"
		renew_router
		;;
	flush) side "$1"; renew_router ;;
	readdr) readdr "$1" ;;
	wire)
		[ -e "$RUN/wire.$1.pid" ] || die "link $1 is plain (up with --wire)"
		echo "$2" >"$RUN/wire.$1"
		kill -HUP "$(cat "$RUN/wire.$1.pid")"
		;;
	cut | heal)
		interface=$1
		[ "$interface" = co ] || interface=w$interface
		if [ "$command" = cut ]; then at inet nft add element inet lab cut "{ $interface }"; else at inet nft delete element inet lab cut "{ $interface }"; fi
		;;
	mappings) side "$1"; at "$ROUTER" conntrack -C ;;
	counts) at inet nft -j list set inet lab "udp_$1" ;;
	recount) at inet nft flush set inet lab udp_all; at inet nft flush set inet lab udp_punch ;;
	info) info ;;
	*) die "no such command: $command (try help)" ;;
	esac
}
main "$@"
