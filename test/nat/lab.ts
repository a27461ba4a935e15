/**
 * The NAT lab from TypeScript: see `lab/natlab.sh` for what it consists of. Several labs can be up at once; each is gone when its
 * owner is done, when this process ends, or when the next run finds it without an owner.
 */

import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { NODE_FLAGS } from "../../packages/conec/testing/node-flags.ts";
import { Actor } from "./actor.ts";
import type { RouterKind } from "./nat-kind.ts";

const SCRIPT = fileURLToPath(new URL("lab/natlab.sh", import.meta.url));
const COMMAND_TIMEOUT_MS = 20_000;

/** Address of the Coordinator's machine; it has {@link COORDINATOR_OTHER_ADDRESS} too. */
export const COORDINATOR_ADDRESS = "192.0.2.10";
export const COORDINATOR_OTHER_ADDRESS = "192.0.2.11";
/** The Coordinator's machine in a lab with IPv6. */
export const COORDINATOR_ADDRESS_6 = "2001:db8:c::10";
/** Where nobody is: packets to this network (203.0.113.192/26) are counted and vanish. */
export const VICTIM_ADDRESS = "203.0.113.200";

type Home = "a" | "b" | "c" | "d" | "e";
/** A machine in a home. The second one is there in home A, and in the others with {@link LabOptions.machines}. */
export type Machine = Home | `${Home}${2 | 3 | 4 | 5 | 6}`;
/** Homes behind one router of a carrier. */
type Customers = "a" | "b" | "ab";
/** Whose router: of a home, or of the carrier of such homes. */
export type Side = Uppercase<Home> | `C${Uppercase<Customers>}`;
/** The access links: of a home, of two that share a carrier, of the Coordinator. */
export type Link = Home | "ab" | "co";
export type LabNode = "coord" | "inet" | Machine | `r${Home}` | `c${Customers}`;

/** Impairment of one link, one-way and per direction. What is not given is none. */
export interface WireSpec {
	readonly delayMs?: number;
	readonly jitterMs?: number;
	readonly lossPercent?: number;
	/** Mean length of a run of losses. */
	readonly burstFrames?: number;
	readonly rateMbit?: number;
	readonly duplicatePercent?: number;
	readonly reorderPercent?: number;
	/** How long before its turn a reordered frame comes; negative: after it. Omitted: it skips the whole delay. */
	readonly aheadMs?: number;
	/** @default 1_000 */
	readonly queueFrames?: number;
	readonly seed?: number;
}

/** On all links: 100 ms there and back between any two machines in different places. */
export const RTT_100: WireSpec = { delayMs: 25, seed: 7 };

/** UDP packets that passed the internet. */
export interface PacketCount {
	readonly from: string;
	readonly to: string;
	readonly packets: number;
	readonly bytes: number;
}

/** Whose end is the lab's: a `TestContext`, or `{ after }` of node:test for a file. */
export interface Owner {
	after(end: () => Promise<void> | void): void;
}

export interface LabOptions {
	readonly a?: RouterKind;
	readonly b?: RouterKind;
	/** Routers of homes C, D and E; none unless they are given. */
	readonly more?: readonly RouterKind[];
	/** In every home. @default two in A, one in the others */
	readonly machines?: number;
	/** Routers of carriers between the internet and the routers of homes; `ab` is one for both. */
	readonly carriers?: Readonly<Partial<Record<Customers, RouterKind>>>;
	/** Given: links with impairment, and {@link Lab.wire} works. Omitted: plain links of no delay. */
	readonly wire?: WireSpec;
	readonly ipv6?: boolean;
	/** How long a router keeps a UDP mapping that is not used. @default 30 */
	readonly udpTimeoutSeconds?: number;
	readonly mtuBytes?: number;
}

const labs = new Set<Lab>();
let count = 0;
let guarded = false;

/** Two homes, an internet, a Coordinator's machine. */
export class Lab {
	/** Unique on this machine while this process lives; namespaces are `name-node`. */
	readonly name: string = `t${process.pid}-${++count}`;
	readonly #actors: Actor[] = [];

	/** Builds it, in about half a second. */
	static async up(owner: Owner, options: LabOptions = {}): Promise<Lab> {
		guard();
		const lab = new Lab();
		labs.add(lab);
		owner.after(() => lab.down());
		const { a = "none", b = "none", more = [], machines, carriers, wire, ipv6 = false, udpTimeoutSeconds, mtuBytes } = options;
		const words: string[] = [a, b, ...more];
		if (machines !== undefined) words.push("--machines", String(machines));
		if (carriers !== undefined)
			words.push(
				"--carrier",
				Object.entries(carriers)
					.map(([customers, kind]) => `${customers}=${kind}`)
					.join(" "),
			);
		if (wire !== undefined) words.push("--wire", formatWire(wire));
		if (ipv6) words.push("--ipv6");
		if (udpTimeoutSeconds !== undefined) words.push("--udp-timeout", String(udpTimeoutSeconds));
		if (mtuBytes !== undefined) words.push("--mtu", String(mtuBytes));
		await lab.#run("up", ...words);
		return lab;
	}

	private constructor() {}

	/** Another kind of router: addresses of that side change, and its mappings are forgotten. Clients there have to connect anew. */
	async set(side: Side, kind: RouterKind): Promise<void> {
		await this.#run("set", side, kind);
	}

	/** The router gets its other public address; machines behind it notice nothing. Only of a kind that translates. */
	async roam(side: Side): Promise<void> {
		await this.#run("roam", side);
	}

	/** The router forgets its mappings. */
	async flush(side: Side): Promise<void> {
		await this.#run("flush", side);
	}

	/** The router of a home maps ports for its machines from now on (miniupnpd), at a public address of its own. Gives that address. */
	async portMapping(home: Uppercase<Home>, way: "pcp" | "nat-pmp" | "upnp"): Promise<string> {
		await this.#run("igd", home, way);
		return `45.33.${home.charCodeAt(0) - 64}.1`;
	}

	/** The machine gets another address in its network. */
	async readdr(machine: Machine): Promise<string> {
		return (await this.#run("readdr", machine)).trim();
	}

	/** Its network card is taken out and put in again: it has the same addresses, on the youngest of its interfaces. */
	async replug(machine: Machine): Promise<void> {
		await this.#run("replug", machine);
	}

	/** It gets so many bridges with private addresses, as a Docker host has them: 172.17.0.1, 172.18.0.1, ... */
	async bridges(machine: Machine, count: number): Promise<void> {
		await this.#run("bridges", machine, String(count));
	}

	/** From now on it has only IPv4, only IPv6, or both; of a lab with IPv6. */
	async family(machine: Machine, family: "4" | "6" | "46"): Promise<void> {
		await this.#run("family", machine, family);
	}

	/** Another impairment of one link from now on; of a lab that was made with one. */
	async wire(link: Link, spec: WireSpec): Promise<void> {
		await this.#run("wire", link, formatWire(spec));
	}

	/** The link becomes a silent black hole; `a-b`: only for what goes between these two homes. */
	async cut(link: Link | `${Home}-${Home}`): Promise<void> {
		await this.#run("cut", link);
	}

	async heal(link: Link | `${Home}-${Home}`): Promise<void> {
		await this.#run("heal", link);
	}

	/** Entries in the router's connection table. */
	async mappings(side: Side): Promise<number> {
		return Number(await this.#run("mappings", side));
	}

	/** UDP packets over IPv4 that reached the internet since {@link recount}, delivered or not; `punch`: only those whose first byte says that they are no QUIC. */
	async packets(which: "all" | "punch" = "all"): Promise<PacketCount[]> {
		return parseCounts(await this.#run("counts", which));
	}

	/** Begins to count from zero. */
	async recount(): Promise<void> {
		await this.#run("recount");
	}

	/** Runs a command to its end; gives its standard output. */
	async exec(node: LabNode, ...command: string[]): Promise<string> {
		return await this.#run("exec", node, ...command);
	}

	/** Starts a program in a machine. It ends with the lab at the latest. */
	spawn(node: LabNode, command: readonly string[]): ChildProcess {
		return spawn("ip", ["netns", "exec", `${this.name}-${node}`, ...command], { stdio: ["pipe", "pipe", "pipe"] });
	}

	/** Starts `actors/FILE.ts` in a machine, in about a second. */
	async actor(node: LabNode, file: "client" | "coordinator" | "herd" | "hostile" | "many" | "mapping"): Promise<Actor> {
		const path = fileURLToPath(new URL(`actors/${file}.ts`, import.meta.url));
		const actor = new Actor(`${file} on ${node}`, this.spawn(node, [process.execPath, ...NODE_FLAGS, path]));
		this.#actors.push(actor);
		await actor.ready;
		return actor;
	}

	/** What it looks like, for a failure's message. */
	async info(): Promise<string> {
		return await this.#run("info");
	}

	/** Removes it and all that runs in it. */
	async down(): Promise<void> {
		await Promise.all(this.#actors.map((actor) => actor.kill()));
		await this.#run("down");
		labs.delete(this); // only now: until then the end of this process has to do it
	}

	/** @internal */
	downNow(): void {
		labs.delete(this);
		execFileSync(SCRIPT, ["down"], { env: this.#env(), timeout: COMMAND_TIMEOUT_MS });
	}

	async #run(command: string, ...words: string[]): Promise<string> {
		const { stdout } = await promisify(execFile)(SCRIPT, [command, ...words], { env: this.#env(), timeout: COMMAND_TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 });
		return stdout;
	}

	#env(): NodeJS.ProcessEnv {
		return { ...process.env, NATLAB: this.name, NATLAB_OWNER: String(process.pid) };
	}
}

/** The words that `wire.c` reads. */
export function formatWire(spec: WireSpec): string {
	const words: [string, number | undefined][] = [
		["delay", spec.delayMs ?? 0],
		["jitter", spec.jitterMs],
		["loss", spec.lossPercent],
		["burst", spec.burstFrames],
		["rate", spec.rateMbit],
		["dup", spec.duplicatePercent],
		["reorder", spec.reorderPercent],
		["ahead", spec.aheadMs],
		["queue", spec.queueFrames],
		["seed", spec.seed],
	];
	return words.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`])).join(" ");
}

/** What `nft -j list set` says of a set of pairs of addresses with counters. */
export function parseCounts(json: string): PacketCount[] {
	const { nftables } = JSON.parse(json) as {
		nftables: { set?: { elem?: { elem: { val: { concat: [string, string] }; counter: { packets: number; bytes: number } } }[] } }[];
	};
	return nftables.flatMap(({ set }) =>
		(set?.elem ?? []).map(({ elem }) => ({ from: elem.val.concat[0], to: elem.val.concat[1], packets: elem.counter.packets, bytes: elem.counter.bytes })),
	);
}

/** Packets to one address. */
export function packetsTo(counts: readonly PacketCount[], address: string): number {
	return counts.reduce((sum, count) => sum + (count.to === address ? count.packets : 0), 0);
}

/** Labs end with this process. What ends it without its knowledge (SIGKILL; an error at the top of a test file) leaves them to the next sweep: here and in scripts/test-nat.mjs. */
function guard(): void {
	if (guarded) return;
	guarded = true;
	execFileSync(SCRIPT, ["sweep"], { timeout: COMMAND_TIMEOUT_MS });
	process.on("exit", () => {
		for (const lab of labs) lab.downNow();
	});
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));
}
