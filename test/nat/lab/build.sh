# Part of natlab.sh: builds a lab and removes it.

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

up() {
	local kinds=() ipv6='' count='' carriers='' node home word
	while [ $# -gt 0 ] && [ "${1#--}" = "$1" ]; do kinds+=("$1"); shift; done
	[ ${#kinds[@]} -ge 2 ] && [ ${#kinds[@]} -le ${#HOMES} ] || die "usage: up KIND_A KIND_B [up to ${#HOMES} kinds] [options]"
	WIRE='' UDP_TIMEOUT=30 MTU=1500
	while [ $# -gt 0 ]; do
		case $1 in
		--ipv6) ipv6=1; shift; continue ;;
		--wire) WIRE=$2 ;;
		--carrier) carriers=$2 ;;
		--machines) count=$2 ;;
		--udp-timeout) UDP_TIMEOUT=$2 ;;
		--mtu) MTU=$2 ;;
		*) die "unknown option $1" ;;
		esac
		shift 2
	done
	[ -z "$ipv6" ] || [ -z "$carriers" ] || die "there is no IPv6 behind a carrier"
	[ -z "$WIRE" ] || build_wire
	down
	mkdir -p "$RUN"
	trap 'down' ERR
	echo "$UDP_TIMEOUT" >"$RUN/udp-timeout"
	echo "$MTU" >"$RUN/mtu"
	echo "${NATLAB_OWNER:-}" >"$RUN/owner"
	for word in $carriers; do echo "${word%%=*} ${word#*=}"; done >"$RUN/carriers"
	plan "${#kinds[@]}" "$count"
	for node in $(nodes); do
		ip netns add "$NAME-$node"
		[ -n "$ipv6" ] || at "$node" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
		# Addresses that are known to be free are usable at once.
		[ -z "$ipv6" ] || at "$node" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_ra=0
		at "$node" sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
		at "$node" ip link set lo up
	done
	build_internet
	[ -z "$ipv6" ] || at inet sysctl -qw net.ipv6.conf.all.forwarding=1
	while read -r word _; do build_carrier "$word"; done <"$RUN/carriers"
	for home in $(homes); do build_home "$home"; done
	[ -z "$ipv6" ] || add_ipv6
	while read -r word kind; do set_kind "c$word" "$kind"; done <"$RUN/carriers"
	for home in $(homes); do set_kind "$home" "${kinds[$(number_of "$home")]}"; done
	trap - ERR
}

# Writes down who there is: plan HOMES MACHINES
plan() {
	local i j home several
	for i in $(seq 0 $(($1 - 1))); do
		home=${HOMES:$i:1}
		echo "$home" >>"$RUN/homes"
		several=${2:-$((i == 0 ? 2 : 1))}
		for j in $(seq "$several"); do
			if [ "$j" = 1 ]; then echo "$home"; else echo "$home$j"; fi
		done >"$RUN/machines.$home"
	done
	{
		echo inet
		echo coord
		awk '{ print "c" $1 }' "$RUN/carriers"
		sed 's/^/r/' "$RUN/homes"
		machines
	} >"$RUN/nodes"
	for i in $(machines); do echo 46 >"$RUN/family.$i"; done
}

build_internet() {
	at inet sysctl -qw net.ipv4.ip_forward=1
	link inet co coord eth0 co
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
	set apart { type ifname . ifname; }
	set udp_all { typeof ip saddr . ip daddr; flags dynamic; size 65535; }
	set udp_punch { typeof ip saddr . ip daddr; flags dynamic; size 65535; }
	chain seen {
		type filter hook prerouting priority raw;
		meta l4proto udp meta nfproto ipv4 update @udp_all { ip saddr . ip daddr counter }
		meta l4proto udp meta nfproto ipv4 @th,64,2 0 update @udp_punch { ip saddr . ip daddr counter }
	}
	chain forward {
		type filter hook forward priority filter;
		iifname @cut drop
		oifname @cut drop
		iifname . oifname @apart drop
		ip saddr { 10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12 } drop
	}
}
RULES
}

# What every router has: an interface inside and one outside.
build_router() {
	at "$ROUTER" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0
	at "$ROUTER" sysctl -qw net.netfilter.nf_conntrack_udp_timeout="$UDP_TIMEOUT" net.netfilter.nf_conntrack_udp_timeout_stream="$UDP_TIMEOUT"
	# Frames between two machines of one home must not meet the router's rules.
	at "$ROUTER" sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0 2>/dev/null || true
	# With an address of its own: else it has the lowest of its ports, which changes when a machine is plugged in again.
	at "$ROUTER" ip link add lan address 02:00:00:00:00:01 type bridge
	at "$ROUTER" ip link set lan up
	address_router "$PUBLIC_1"
}

# build_carrier HOMES: the letters of the homes behind it
build_carrier() {
	router "c$1"
	link inet "w$1" "$ROUTER" wan "$1"
	at inet ip addr add "$GATEWAY/29" dev "w$1"
	build_router
	at "$ROUTER" ip addr add 100.64.0.1/24 dev lan
}

# build_home HOME
build_home() {
	local home=$1 behind machine
	router "$home"
	behind=$(carrier_of "$home")
	if [ -n "$behind" ]; then
		ip link add wan netns "$NAME-$ROUTER" type veth peer name "p-$home" netns "$NAME-c$behind"
		at "$ROUTER" ip link set wan mtu "$MTU" up
		# One customer's frames do not reach another: they meet at the carrier or not at all.
		at "c$behind" ip link set "p-$home" master lan up
		at "c$behind" bridge link set dev "p-$home" isolated on
	else
		link inet "w$home" "$ROUTER" wan "$home"
		at inet ip addr add "$GATEWAY/29" dev "w$home"
		if open_net "$home" >/dev/null; then at inet ip route add "$(open_net "$home")" via "$PUBLIC_1"; fi
	fi
	build_router
	for machine in $(cat "$RUN/machines.$home"); do plug "$machine"; done
}

add_ipv6() {
	local home machine place
	at inet ip addr add 2001:db8:c::1/64 dev co nodad
	at coord ip addr add 2001:db8:c::10/64 dev eth0 nodad
	at coord ip route add default via 2001:db8:c::1
	for home in $(homes); do
		router "$home"
		at "$ROUTER" sysctl -qw net.ipv6.conf.all.forwarding=1
		at inet ip addr add "$(link6 "$home"):1/64" dev "w$home" nodad
		at "$ROUTER" ip addr add "$(link6 "$home"):2/64" dev wan nodad
		at "$ROUTER" ip route add default via "$(link6 "$home"):1"
		at inet ip route add "$(home6 "$home"):/64" via "$(link6 "$home"):2"
		at "$ROUTER" ip addr add "$(home6 "$home"):1/64" dev lan nodad
		place=2
		for machine in $(cat "$RUN/machines.$home"); do
			echo "$(home6 "$home"):$place/64 $(home6 "$home"):1" >"$RUN/ipv6.$machine"
			address_machine "$machine" 6
			place=$((place + 1))
		done
	done
}

# Ends only what runs in this lab's namespaces, and its cables.
down() {
	local file pid node
	for file in "$RUN"/wire.*.pid; do
		[ -e "$file" ] || continue
		pid=$(cat "$file")
		if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = wire ]; then kill "$pid" 2>/dev/null || true; fi
	done
	for node in $(nodes 2>/dev/null); do
		[ -e "/run/netns/$NAME-$node" ] || continue
		for pid in $(ip netns pids "$NAME-$node" 2>/dev/null); do kill -9 "$pid" 2>/dev/null || true; done
		ip netns del "$NAME-$node" 2>/dev/null || [ ! -e "/run/netns/$NAME-$node" ] # another `down` may be at it
	done
	rm -rf "$RUN"
}
