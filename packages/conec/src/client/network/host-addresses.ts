/**
 * Addresses of this machine at which a peer on the same network may find this Client's socket, or, with IPv6, anywhere.
 *
 * @module
 */

import type { NetworkInterfaceInfo } from "node:os";
import type { SocketAddress } from "../../transport/transport.ts";
import { HOSTS_LISTED } from "../../wire/channel-messages.ts";

/**
 * Of the socket bound at `bound` ("::" and "0.0.0.0": on every interface), all addresses that mean something elsewhere. Link-local
 * addresses are left out: they mean nothing without an interface. So is loopback, which the Coordinator sees by itself where it counts.
 */
export function ownAddresses(bound: SocketAddress, interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): SocketAddress[] {
	return listed(bound, interfaces).map(({ address }) => ({ address, port: bound.port }));
}

/**
 * Of {@link ownAddresses}, at most as many as a request may name, the most useful first: those that this machine sends from (`sources`,
 * see `routeSources`), then those of other interfaces, then those of bridges to containers and virtual machines, of which a machine can have
 * dozens, all of them of no use to others, and further IPv6 addresses of one network. Each family keeps two places.
 */
export function hostAddresses(bound: SocketAddress, sources: readonly string[], interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): SocketAddress[] {
	const ranked: Ranked[] = [];
	const networks = new Set(sources.map(networkOf));
	for (const one of listed(bound, interfaces)) {
		const network = networkOf(one.address);
		const again = one.family === "IPv6" && networks.has(network);
		if (one.family === "IPv6") networks.add(network);
		ranked.push({ ...one, rank: sources.includes(one.address) ? 0 : again ? 3 : one.virtual ? 2 : 1 });
	}
	// The order of the kernel among equals; IPv4 first, as that is what has NATs.
	ranked.sort((a, b) => a.rank - b.rank || Number(a.family === "IPv6") - Number(b.family === "IPv6"));
	const kept = new Set(ranked.slice(0, HOSTS_LISTED));
	for (const family of ["IPv4", "IPv6"]) {
		for (const one of ranked.filter((each) => each.family === family).slice(0, KEPT_PLACES)) {
			if (kept.has(one)) continue;
			const last = [...kept].filter((each) => each.family !== family).at(-1);
			if (last !== undefined) kept.delete(last);
			kept.add(one);
		}
	}
	return ranked.filter((one) => kept.has(one)).map(({ address }) => ({ address, port: bound.port }));
}

interface Own {
	/** Most likely of a network inside this machine. */
	readonly virtual: boolean;
	readonly address: string;
	readonly family: string;
}

interface Ranked extends Own {
	readonly rank: number;
}

function listed({ address }: SocketAddress, interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): Own[] {
	if (address !== "::" && address !== "0.0.0.0")
		return isLoopback(address) ? [] : [{ virtual: false, address, family: address.includes(":") ? "IPv6" : "IPv4" }];
	return Object.entries(interfaces).flatMap(([name, list = []]) => {
		const virtual = VIRTUAL.test(name) || list.some((one) => isOfContainers(one.address));
		return list
			.filter((one) => !one.internal && !isLinkLocal(one.address) && (one.family === "IPv4" || address === "::"))
			.map((one) => ({ virtual, address: one.address, family: one.family }));
	});
}

/** Docker takes its networks from there first. */
function isOfContainers(address: string): boolean {
	const [a, b] = address.split(".").map(Number);
	return a === 172 && b !== undefined && b >= 17 && b <= 31;
}

/** Of IPv6 the first 64 bits, else the address itself. */
function networkOf(address: string): string {
	if (!address.includes(":")) return address;
	const [head = "", tail = ""] = address.split("::");
	const [before, after] = [head, tail].map((part) => part.split(":").filter((group) => group !== "")) as [string[], string[]];
	const zeros = address.includes("::") ? Array.from({ length: 8 - before.length - after.length }, () => "0") : [];
	return [...before, ...zeros, ...after].slice(0, 4).join(":");
}

function isLoopback(address: string): boolean {
	return address === "::1" || address.startsWith("127.");
}

function isLinkLocal(address: string): boolean {
	return address.startsWith("169.254.") || /^fe[89ab]/i.test(address);
}

/** For each family: an address that others can reach, and one more, of the own network or of a tunnel. */
const KEPT_PLACES = 2;

/** Docker, Podman, libvirt, LXC, Kubernetes, VMware, VirtualBox, Hyper-V. `br-lan` is a router's own network. */
const VIRTUAL =
	/^(docker|br-(?!lan)|veth|virbr|vnet|vmnet|vboxnet|lxc|lxd|incus|podman|cni|flannel|cali|cilium|kube|weave|vethernet|virtualbox|vmware|bridge1\d\d)/i;
