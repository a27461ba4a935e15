#!/bin/bash
# A NAT lab made of network namespaces: homes behind routers of a chosen kind, an internet between them, a Coordinator's machine.
# Needs root, iproute2, nftables, conntrack, and a C compiler for links with delay. No namespace has a way out: nothing leaves the machine.
#
#   a  --+                      wan              wan
#        +-- ra (router A) ------------- inet ------------- rb (router B) --- b
#   a2 --+    10.0.1.0/24                  | co                10.0.2.0/24
#                                        coord  192.0.2.10 and 192.0.2.11
#
#   natlab.sh up KIND_A KIND_B [KIND_C ...] [OPTION...]    builds it, with up to five homes; replaces one of that name
#       --wire "SPEC"           links with delay and so on, see wire.c; without it they have none
#       --ipv6                  every machine also has a public IPv6 address
#       --carrier "a=KIND"      home A's router is behind one of a carrier (CGNAT), which has the public address; "a=KIND b=KIND": each
#                               behind its own; "ab=KIND": both behind the same one. The routers are called ca, cb, cab
#       --machines N            machines in every home: a, a2, a3, ...; without it two in A and one in the others
#       --udp-timeout SECONDS   how long a router keeps a mapping that is not used (30)
#       --mtu BYTES             of all links (1500)
#   natlab.sh down                            removes it with everything that runs in it; safe to repeat
#   natlab.sh sweep                           removes labs whose owner (process NATLAB_OWNER of `up`) is gone
#   natlab.sh exec NODE COMMAND...            in coord, inet, a machine or a router
#   natlab.sh set ROUTER KIND                 another kind of router; addresses change with it and mappings are forgotten
#   natlab.sh roam ROUTER                     the router gets another public address
#   natlab.sh flush ROUTER                    the router forgets its mappings, as after a restart
#   natlab.sh igd ROUTER pcp|nat-pmp|upnp     the router of a home maps ports for its machines (miniupnpd), and has a public address that is kept for nobody
#   natlab.sh readdr MACHINE                  the machine gets another address, as from Wi-Fi to mobile; prints it
#   natlab.sh replug MACHINE                  its network card is taken out and put in again: the same addresses on the youngest interface
#   natlab.sh bridges MACHINE COUNT           it gets so many bridges with private addresses, as a Docker host has them
#   natlab.sh family MACHINE 4|6|46           it has only IPv4, only IPv6 (of a lab with --ipv6), or both
#   natlab.sh wire LINK "SPEC"                another impairment of one link (with --wire only)
#   natlab.sh cut LINK, heal LINK             a link becomes a silent black hole, and whole again; a-b: only what goes between those two
#   natlab.sh mappings ROUTER                 entries in the router's connection table
#   natlab.sh counts all|punch, recount       UDP packets that inet saw, as JSON by source and destination; `punch`: those that are no QUIC; from zero again
#   natlab.sh info                            for people
#
# ROUTER: A, B, ... of a home; CA, CB, CAB of a carrier. LINK: a, b, ... (ab of a shared carrier) to the internet; co to the Coordinator.
# KIND, as mapping / filtering in the words of RFC 4787:
#   none     a public address, no filter
#   fw       a public address behind a stateful firewall
#   full     endpoint-independent / endpoint-independent           "full cone"
#   addr     endpoint-independent / address-dependent              "restricted cone"
#   port     endpoint-independent / address-and-port-dependent     "port-restricted cone", as a Linux router at home
#   reject   as port, but unasked packets are answered with an ICMP error, as by OpenWrt
#   masq     as port, but without any filter for the router itself, as a Docker or virtual machine host: an unasked packet takes the port
#   eim      as port, but the port outside is not the one inside, and another after a flush, as of many carriers
#   adm      address-dependent, random ports / address-and-port-dependent
#   sym      address-and-port-dependent, random ports / the same   "symmetric"
#   symseq   the same with ports 40000, 40001, ...
#   blocked  as port, but no UDP either way; TCP passes
# full, addr and port may have a hairpin: "port+hairpin" lets machines behind it meet at its public address.
# IPv6 has no translation: a stateful firewall with every kind (none: no filter; blocked: no UDP).
# SPEC: "delay=25 loss=1 ...", see wire.c; one-way per link, so delay=25 on the three links is 100 ms there and back between any two.
# Several labs at once: NATLAB=name (default nl). State is in /run/natlab.$NATLAB.
set -Eeuo pipefail
NAME=${NATLAB:-nl}
RUN=/run/natlab.$NAME
HERE=$(cd "$(dirname "$0")" && pwd)
WIRE_PROGRAM=${NATLAB_WIRE:-$HERE/../../../node_modules/.cache/natlab/wire}

die() { echo "natlab: $*" >&2; exit 1; }
at() { local node=$1; shift; ip netns exec "$NAME-$node" "$@"; }

. "$HERE/places.sh"
. "$HERE/routers.sh"
. "$HERE/machines.sh"
. "$HERE/build.sh"

sweep() {
	local state owner
	for state in /run/natlab.*; do
		owner=$(cat "$state/owner" 2>/dev/null) || continue
		if [ -z "$owner" ] || [ -e "/proc/$owner" ]; then continue; fi
		NATLAB=${state#/run/natlab.} "$0" down
		echo "natlab: removed ${state#/run/natlab.}, whose owner is gone"
	done
}

# cut or heal one link, or the way between two
cut_or_heal() {
	local what=$1 link=$2 verb=add one other
	[ "$what" = cut ] || verb=delete
	case $link in
	co) at inet nft $verb element inet lab cut "{ co }" ;;
	*-*)
		one=w${link%-*} other=w${link#*-}
		at inet nft $verb element inet lab apart "{ $one . $other, $other . $one }"
		;;
	*) at inet nft $verb element inet lab cut "{ w$link }" ;;
	esac
}

info() {
	local node file
	for node in $(nodes); do
		case $node in
		r? | c?*)
			[ -e "$RUN/kind.$node" ] || continue
			echo "$node: $(cat "$RUN/kind.$node"), public $(cat "$RUN/public.$node"), $(at "$node" conntrack -C) connections"
			;;
		esac
	done
	for node in coord $(machines); do echo "$node: $(at "$node" ip -o addr show scope global | awk '{print $4}' | xargs)"; done
	for file in "$RUN"/wire.*.pid; do
		[ -e "$file" ] || continue
		kill -USR1 "$(cat "$file")"
		sleep .05
		echo "link $(basename "$file" .pid): $(tail -n2 "${file%.pid}.log" | xargs -d'\n')"
	done
}

help() { sed -n '2,/^set -E/p' "$0" | sed '$d; s/^# \{0,1\}//'; }

main() {
	local command=${1:-help}
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
	roam) router "$1"; roam ;;
	flush) router "$1"; renew_router ;;
	igd) router "$1"; start_igd "$2" ;;
	readdr | replug | bridges | family) machine "$1"; "$command" "${@:2}" ;;
	wire)
		[ -e "$RUN/wire.$1.pid" ] || die "link $1 is plain (up with --wire)"
		echo "$2" >"$RUN/wire.$1"
		kill -HUP "$(cat "$RUN/wire.$1.pid")"
		;;
	cut | heal) cut_or_heal "$command" "$1" ;;
	mappings) router "$1"; at "$ROUTER" conntrack -C ;;
	counts) at inet nft -j list set inet lab "udp_$1" ;;
	recount) at inet nft flush set inet lab udp_all; at inet nft flush set inet lab udp_punch ;;
	info) info ;;
	*) die "no such command: $command (try help)" ;;
	esac
}
main "$@"
