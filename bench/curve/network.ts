/**
 * The processes of a measurement: a Coordinator, and Clients in two others. They find each other on loopback, or in machines of the NAT lab.
 *
 * @module
 */

import { cpus } from "node:os";
import { join } from "node:path";
import type { ClientLimits, ClientOptions } from "conec";
import type { BenchIdentity } from "../identity.ts";
import { type Remote, startProgram, threadSeconds } from "../remote.ts";
import { CLIENT, COORDINATOR } from "./limits.ts";

/** What all networks of a run share. */
export interface Site {
	readonly identity: BenchIdentity;
	/** The compiled benchmark. */
	readonly compiled: string;
	/** Ends with the run at the latest. */
	readonly running: Set<Network>;
}

/** Which machines the processes are on, and where the Coordinator is. */
export interface Machines {
	readonly address: string;
	/** The command that runs another in a machine. */
	within(machine: "coordinator" | "sender" | "receiver"): readonly string[];
}

const LOOPBACK: Machines = { address: "127.0.0.1", within: () => [] };

/** What the threads of a network have done meanwhile. */
export interface Usage {
	/** Share of a core, by thread. */
	readonly busy: Readonly<Record<string, number>>;
	/** CPU seconds of all processes. */
	readonly seconds: number;
	/** CPU seconds of the Coordinator. */
	readonly coordinator: number;
	/** By how many cores. */
	readonly cores: number;
	/** How many cores of the machine had nothing to do. */
	readonly idle: number;
}

const PEER = "curve/roles/peer.js";

const THREADS = { javascript: "JavaScript", network: "I/O thread", rest: "collector" } as const;

/** See above. Senders are in one process and receivers in the other; of a crowd each holds half. */
export class Network {
	readonly coordinator: Remote;
	readonly sender: Remote;
	readonly receiver: Remote;
	/** How a Client connects; without its id. */
	where: ClientOptions = { id: "", coordinator: "" };
	readonly #site: Site;
	readonly #machines: Machines;
	#guests: Remote | undefined;

	static async start(site: Site, { machines = LOOPBACK, limits = CLIENT }: { machines?: Machines; limits?: Partial<ClientLimits> } = {}): Promise<Network> {
		const network = new Network(site, machines);
		try {
			const { certificatePem: certificate, privateKeyPem: privateKey } = site.identity;
			const options = { host: machines.address, certificate, privateKey, limits: COORDINATOR };
			const { port, fingerprint } = await network.coordinator.call<{ port: number; fingerprint: string }>("listen", options);
			network.where = { id: "", coordinator: `localhost:${port}`, address: `${machines.address}:${port}`, pin: fingerprint, limits };
			return network;
		} catch (error) {
			await network.end();
			throw error;
		}
	}

	private constructor(site: Site, machines: Machines) {
		this.#site = site;
		this.#machines = machines;
		this.coordinator = this.#start("coordinator", "roles/coordinator.js");
		this.sender = this.#start("sender", PEER);
		this.receiver = this.#start("receiver", PEER);
		site.running.add(this);
	}

	get processes(): readonly Remote[] {
		return [this.coordinator, this.sender, this.receiver, ...(this.#guests === undefined ? [] : [this.#guests])];
	}

	/** A third process with some Clients, which is there from now on. */
	async guests(total: number): Promise<Remote> {
		this.#guests ??= this.#start("sender", PEER);
		await this.grow(this.#guests, "guest", total);
		return this.#guests;
	}

	/** One Client in each process: `sender-0` and `receiver-0`. */
	async connectPair(): Promise<void> {
		await Promise.all([this.grow(this.sender, "sender", 1), this.grow(this.receiver, "receiver", 1)]);
	}

	/** Half of so many Clients in each process. Connects a second. */
	async growTo(total: number, timeoutMs: number): Promise<number> {
		const [left, right] = await Promise.all([
			this.grow(this.sender, "sender", total / 2, timeoutMs),
			this.grow(this.receiver, "receiver", total / 2, timeoutMs),
		]);
		return (left.added + right.added) / Math.max(left.seconds, right.seconds);
	}

	/** Runs some work, and says what all threads have done meanwhile. */
	async during<T>(work: () => Promise<T>): Promise<[result: T, usage: Usage]> {
		const startedMs = performance.now();
		const [before, idleBefore] = [this.#threads(), idleSeconds()];
		const result = await work();
		const [after, idleAfter] = [this.#threads(), idleSeconds()];
		const elapsed = (performance.now() - startedMs) / 1_000;
		const spent = Object.fromEntries(Object.entries(after).map(([name, seconds]) => [name, seconds - (before[name] ?? Number.NaN)]));
		const sum = (names: readonly string[]): number => names.reduce((seconds, name) => seconds + (spent[name] ?? 0), 0);
		const names = Object.keys(spent);
		const seconds = sum(names);
		const busy = Object.fromEntries(names.map((name) => [name, (spent[name] ?? 0) / elapsed]));
		const coordinator = sum(names.filter((name) => name.startsWith("coordinator")));
		return [result, { busy, seconds, cores: seconds / elapsed, coordinator, idle: (idleAfter - idleBefore) / elapsed }];
	}

	/** Ends the processes. Idempotent. */
	async end(): Promise<void> {
		this.#site.running.delete(this);
		await Promise.all(this.processes.map((process) => process.stop()));
	}

	async grow(process: Remote, prefix: string, total: number, timeoutMs = 60_000): Promise<{ added: number; seconds: number }> {
		const { added, connected, seconds } = await process.call<{ added: number; connected: number; seconds: number }>(
			"grow",
			{ where: this.where, prefix, total },
			timeoutMs,
		);
		if (connected !== total) throw new Error(`${connected} of ${total} Clients are connected`);
		return { added, seconds };
	}

	#start(machine: "coordinator" | "sender" | "receiver", file: string): Remote {
		return startProgram(join(this.#site.compiled, file), machine, { within: this.#machines.within(machine) });
	}

	#threads(): Record<string, number> {
		const parts = {
			coordinator: this.coordinator,
			sender: this.sender,
			receiver: this.receiver,
			...(this.#guests === undefined ? {} : { guests: this.#guests }),
		};
		return Object.fromEntries(
			Object.entries(parts).flatMap(([name, { pid }]) =>
				Object.entries(threadSeconds(pid)).map(([thread, seconds]) => [`${name}, ${THREADS[thread as keyof typeof THREADS]}`, seconds]),
			),
		);
	}
}

/** Of all cores together, since the machine started. */
function idleSeconds(): number {
	return cpus().reduce((sum, { times }) => sum + times.idle, 0) / 1_000;
}
