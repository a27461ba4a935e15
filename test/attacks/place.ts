/**
 * Where attackers come from. Loopback is exempt from some limits, so kinds that are about sources come from a network namespace behind a pair
 * of virtual cables, if this process may make one (Linux, root, `ip`). Otherwise from addresses of loopback.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import type { World } from "./kinds/kind.ts";

/** A place for attackers. */
export interface Place {
	/** Words before a command line, to run it there. */
	readonly within: readonly string[];
	/** Where the Coordinator is, as it is seen from there. */
	readonly address: string;
	/** @default the system chooses */
	readonly sources: readonly string[] | undefined;
	/** False: the sources are of loopback, and some limits do not count there. */
	readonly real: boolean;
	remove(): void;
}

/** How many networks there are where a kind asks for many. */
const NETWORKS = 200;
/** Documentation would have 192.0.2.0/24 here; a range for benchmarks (RFC 2544) is not taken for a private one. */
const OURS = "198.18.0.1";
const V4_NETWORK = "198.18.77";
const V6_OURS = "2001:2::1";

/** The place that a kind asks for. */
export function placeFor(sources: World["sources"]): Place {
	const loopback = { within: [], address: "127.0.0.1", real: false, remove: () => undefined };
	if (sources === undefined) return { ...loopback, sources: undefined };
	const elsewhere = namespace();
	if (elsewhere !== undefined) {
		const many = Array.from({ length: NETWORKS }, (_, index) => `2001:2:0:${(index + 256).toString(16)}::1`);
		const one = Array.from({ length: 250 }, (_, index) => `${V4_NETWORK}.${index + 1}`);
		return { ...elsewhere, ...(sources === "one /24" ? { address: OURS, sources: one } : { address: V6_OURS, sources: many }) };
	}
	const own = Array.from({ length: NETWORKS }, (_, index) => (sources === "one /24" ? `127.77.0.${index + 1}` : `127.${index + 1}.0.1`));
	return { ...loopback, sources: own };
}

/** A namespace that has all of {@link V4_NETWORK} and 2001:2::/48 but our own addresses. `undefined`: it may not be made. */
function namespace(): Pick<Place, "within" | "real" | "remove"> | undefined {
	if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
	const name = `conec-attack-${process.pid}`;
	const cable = `ca${process.pid % 100_000}`;
	const remove = (): void => {
		process.off("exit", remove);
		quietly(["netns", "del", name]);
		quietly(["link", "del", cable]);
	};
	// Whoever is interrupted leaves no namespace behind.
	process.once("exit", remove);
	try {
		const inside = ["-n", name];
		ip(["netns", "add", name]);
		ip(["link", "add", cable, "type", "veth", "peer", "name", "there", "netns", name]);
		ip(["addr", "add", `${OURS}/15`, "dev", cable]);
		ip(["-6", "addr", "add", `${V6_OURS}/48`, "dev", cable, "nodad"]);
		ip(["link", "set", cable, "up"]);
		ip([...inside, "link", "set", "lo", "up"]);
		ip([...inside, "link", "set", "there", "up"]);
		ip([...inside, "addr", "add", "198.18.0.2/15", "dev", "there"]);
		ip([...inside, "-6", "addr", "add", "2001:2::2/48", "dev", "there", "nodad"]);
		// Every address of these ranges is one of the namespace's own.
		ip([...inside, "route", "add", "local", `${V4_NETWORK}.0/24`, "dev", "lo"]);
		ip([...inside, "-6", "route", "add", "local", "2001:2:0:100::/56", "dev", "lo"]);
		// IPv6 lets nobody bind to an address of such a route otherwise.
		ip(["netns", "exec", name, "sysctl", "-qw", "net.ipv6.ip_nonlocal_bind=1"]);
		ip(["route", "add", `${V4_NETWORK}.0/24`, "via", "198.18.0.2"]);
		ip(["-6", "route", "add", "2001:2:0:100::/56", "via", "2001:2::2"]);
		return { within: ["ip", "netns", "exec", name], real: true, remove };
	} catch {
		remove();
		return undefined;
	}
}

function ip(words: readonly string[]): void {
	execFileSync("ip", words, { stdio: "ignore" });
}

function quietly(words: readonly string[]): void {
	try {
		ip(words);
	} catch {
		// It was not there.
	}
}
