/**
 * A network in memory: real Clients and a real Coordinator without sockets, addon and waiting.
 *
 * @module
 */

import { seededRandom } from "#conec/base/random";
import { type Client, connectOn } from "#conec/client/client";
import { type Coordinator, listenOn } from "#conec/coordinator/coordinator";
import { argumentError, ConecError } from "#conec/errors";
import { NO_NETWORK, type Runtime } from "#conec/session/runtime";
import type { LocalIdentity } from "#conec/tls/identity";
import { isId } from "#conec/wire/ids";
import { DEFAULT_PORT } from "#conec/wire/versions";
import { createMemoryNetwork } from "../memory/transport.ts";
import { seededIdentity } from "./identities.ts";
import { type Machine, Machines, type Party } from "./machines.ts";
import {
	checkClientOptions,
	checkCoordinatorOptions,
	type ResolvedNetworkOptions,
	resolveNetworkOptions,
	type TestClientOptions,
	type TestCoordinatorOptions,
	type TestNetworkOptions,
} from "./options.ts";
import { createTime, type NetworkTime } from "./time.ts";

/**
 * A network in memory. Its Clients and its Coordinator are those of `conec`; only what is below them is another: no sockets,
 * no addon, no TLS, and by default no waiting.
 */
export interface TestNetwork extends AsyncDisposable {
	/**
	 * Starts the network's Coordinator, like `Coordinator.listen`. Its key is the same each time, so that Clients that pin it
	 * know it again after a restart. One at a time.
	 *
	 * Rejects like `Coordinator.listen`; with TypeError `OPTION_INVALID` also for options that do nothing here, with
	 * `ADDRESS_IN_USE` while there is a Coordinator, with `COORDINATOR_CLOSED` when the network is closed.
	 */
	listen(options?: TestCoordinatorOptions): Promise<Coordinator>;
	/**
	 * Connects a Client, like `Client.connect`. Without `ca` and `pin` it trusts the network's Coordinator.
	 *
	 * Without `certificate` and `stateDirectory` it has a new key each time, so that a second Client with the id of one that is
	 * connected gets `ID_TAKEN`. With the same `stateDirectory` an id has the same key; nothing is written there.
	 *
	 * Rejects like `Client.connect`: with `COORDINATOR_UNREACHABLE`, after 10 s of the network's time, where no Coordinator
	 * listens. With TypeError `OPTION_INVALID` also for options that do nothing here, with `COORDINATOR_CLOSED` when the
	 * network is closed.
	 */
	connect(options: TestClientOptions): Promise<Client>;
	/** The Coordinator that runs now. */
	readonly coordinator: Coordinator | undefined;
	/** Milliseconds since the network began. */
	now(): number;
	/**
	 * Resolves when that many milliseconds have passed in the network, which in virtual time is at once. Calls at the same time
	 * count from the same moment.
	 *
	 * Rejects with RangeError `OPTION_INVALID` for less than 0; `COORDINATOR_CLOSED` when the network closes.
	 */
	advance(ms: number): Promise<void>;
	/**
	 * Lets time pass until the promise has settled, and gives what it gives. Time stops at that moment. With `time: "manual"`
	 * this is the way to wait for anything; elsewhere it is a deadline.
	 *
	 * Rejects like the promise; with `PEER_TIMEOUT` if it has not settled after `withinMs` of the network's time; with
	 * `COORDINATOR_CLOSED` when the network closes.
	 *
	 * @param withinMs milliseconds. @default 60_000
	 */
	run<T>(promise: Promise<T>, withinMs?: number): Promise<T>;
	/**
	 * Resolves when that many milliseconds have passed in the network, but does not make them pass: for programs that wait, in
	 * the place of a timer of the machine.
	 *
	 * Rejects with `signal.reason`; RangeError `OPTION_INVALID` for less than 0; `COORDINATOR_CLOSED` when the network closes.
	 */
	sleep(ms: number, options?: { readonly signal?: AbortSignal }): Promise<void>;
	/**
	 * Nothing passes between two sides: who asks gets no answer, and what is on connections waits. Connections go on when the
	 * partition is over, unless silence has ended them by then (`limits.idleTimeoutMs`). It holds for Clients that connect later,
	 * too. With one side only, that side is parted from everybody else.
	 *
	 * A Client is named by its id, the Coordinator by `null`. Parting two Clients leaves them the way through the Coordinator.
	 *
	 * @returns what ends this partition
	 * @throws TypeError `ID_INVALID`; RangeError `OPTION_INVALID` for an empty side, or one and the same party on both
	 */
	partition(one: Party | readonly Party[], other?: Party | readonly Party[]): () => void;
	/** Ends all partitions. */
	heal(): void;
	/**
	 * Breaks the connections between two parties, or all of one party. Both ends notice at once; what was on its way is lost.
	 *
	 * @throws TypeError `ID_INVALID`; ConecError `PEER_UNKNOWN` or `COORDINATOR_CLOSED` where nothing of that name runs
	 */
	cut(one: Party, other?: Party): void;
	/**
	 * Kills a Client or, with `null`, the Coordinator, as if its process had ended: it is destroyed, and the others notice only
	 * by its silence (`limits.idleTimeoutMs`).
	 *
	 * @throws like {@link cut}
	 */
	kill(party: Party): void;
	/**
	 * Closes all Clients, then the Coordinator, and ends time. Everything that waits in the network is rejected. At most 6 s of
	 * the network's time. Idempotent.
	 */
	close(): Promise<void>;
}

/**
 * Makes a network in memory. Networks do not know of each other. Its functions can be handed on alone, such as `connect` to a
 * program that takes `Client.connect` otherwise. Throws TypeError or RangeError `OPTION_INVALID`.
 */
export function createTestNetwork(options: TestNetworkOptions = {}): TestNetwork {
	const network = new Network(resolveNetworkOptions(options));
	return {
		listen: (listenOptions) => network.listen(listenOptions),
		connect: (connectOptions) => network.connect(connectOptions),
		get coordinator() {
			return network.coordinator;
		},
		now: () => network.now(),
		advance: (ms) => network.advance(ms),
		run: (promise, withinMs) => network.run(promise, withinMs),
		sleep: (ms, sleepOptions) => network.sleep(ms, sleepOptions),
		partition: (one, other) => network.partition(one, other),
		heal: () => network.heal(),
		cut: (one, other) => network.cut(one, other),
		kill: (party) => network.kill(party),
		close: () => network.close(),
		[Symbol.asyncDispose]: () => network.close(),
	};
}

class Network {
	readonly #options: ResolvedNetworkOptions;
	readonly #time: NetworkTime;
	readonly #machines: Machines;
	readonly #clients: Set<Client> = new Set();
	/** "starting": it has not listened yet. */
	#coordinator: Coordinator | "starting" | undefined;
	#port: number = DEFAULT_PORT;
	/** Of the last Coordinator. */
	#pin: string | undefined;
	#closing: Promise<void> | undefined;
	#over = false;

	constructor(options: ResolvedNetworkOptions) {
		const { time, startMs, seed, delayMs, jitterMs, windowBytes } = options;
		this.#options = options;
		this.#time = createTime(time, startMs);
		const network = createMemoryNetwork({
			clock: this.#time.clock,
			random: seededRandom(seed ^ 0x6e65_7477),
			delayMs,
			jitterMs,
			...(windowBytes === undefined ? {} : { windowBytes }),
		});
		this.#machines = new Machines(network);
	}

	get coordinator(): Coordinator | undefined {
		return this.#coordinator === "starting" ? undefined : this.#coordinator;
	}

	async listen(options: TestCoordinatorOptions = {}): Promise<Coordinator> {
		checkCoordinatorOptions(options);
		// One that has just been destroyed is over in the next turn.
		await undefined;
		this.#assertOpen("Cannot listen");
		if (this.#coordinator !== undefined) throw new ConecError("ADDRESS_IN_USE", "Cannot listen: this network has a Coordinator already. Close it first.");
		this.#coordinator = "starting";
		try {
			const coordinator = await this.#start(null, async (machine) => {
				const identity = options.certificate === undefined ? await this.#coordinatorIdentity(options.names) : undefined;
				return await listenOn(this.#runtime(machine, identity), { ...options, host: HOST });
			});
			this.#coordinator = coordinator;
			this.#port = coordinator.address.port;
			this.#pin = coordinator.fingerprint;
			void coordinator.closed.then(() => {
				if (this.#coordinator === coordinator) this.#coordinator = undefined;
			});
			return coordinator;
		} catch (error) {
			this.#coordinator = undefined;
			throw error;
		}
	}

	async connect(options: TestClientOptions): Promise<Client> {
		checkClientOptions(options);
		const { stateDirectory, coordinator = `localhost:${this.#port}`, ...rest } = options;
		if (stateDirectory !== undefined && (typeof stateDirectory !== "string" || stateDirectory === ""))
			throw argumentError("type", "OPTION_INVALID", `Option "stateDirectory" must be a string that is not empty`);
		this.#assertOpen("Cannot connect");
		const client = await this.#start(options.id, async (machine) => {
			const pin = options.ca === undefined && options.pin === undefined ? { pin: this.#pin ?? (await this.#coordinatorIdentity()).fingerprint } : {};
			const identity = options.certificate === undefined && isId(options.id) ? await this.#clientIdentity(options.id, machine, stateDirectory) : undefined;
			return await connectOn(this.#runtime(machine, identity), { ...rest, ...pin, coordinator, localAddress: HOST });
		});
		this.#clients.add(client);
		void client.closed.then(() => this.#clients.delete(client));
		return client;
	}

	now(): number {
		return this.#time.clock.now();
	}

	async advance(ms: number): Promise<void> {
		this.#assertNotOver("Cannot let time pass");
		await this.#time.advance(ms);
	}

	async run<T>(promise: Promise<T>, withinMs: number = 60_000): Promise<T> {
		this.#assertNotOver("Cannot let time pass");
		if (!(withinMs >= 0)) throw argumentError("range", "OPTION_INVALID", `"withinMs" must be milliseconds, not ${String(withinMs)}`);
		return await this.#time.run(promise, withinMs);
	}

	async sleep(ms: number, { signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
		this.#assertNotOver("Cannot sleep");
		await this.#time.sleep(ms, signal);
	}

	partition(one: Party | readonly Party[], other?: Party | readonly Party[]): () => void {
		return this.#machines.partition(listOf(one), other === undefined ? undefined : listOf(other));
	}

	heal(): void {
		this.#machines.heal();
	}

	cut(one: Party, other?: Party): void {
		this.#machines.cut(one, other);
	}

	kill(party: Party): void {
		this.#machines.kill(party);
	}

	close(): Promise<void> {
		this.#closing ??= this.#close();
		return this.#closing;
	}

	async #close(): Promise<void> {
		const closing = async (): Promise<void> => {
			await Promise.all([...this.#clients].map((client) => client.close()));
			await this.coordinator?.close();
		};
		await this.#time.run(closing(), Number.POSITIVE_INFINITY);
		this.#over = true;
		this.#machines.end();
		this.#time.stop(networkClosed("Cannot go on"));
	}

	/** Starts something on a machine of its own, which lasts as long as what runs there. */
	async #start<T extends Client | Coordinator>(party: Party, start: (machine: Machine) => Promise<T>): Promise<T> {
		const machine = this.#machines.add(party);
		try {
			const starting = start(machine);
			const started = await this.#time.run(starting, Number.POSITIVE_INFINITY);
			if (this.#closing !== undefined) {
				started.destroy();
				throw networkClosed("Cannot go on");
			}
			machine.destroy = () => started.destroy();
			void started.closed.then(() => this.#machines.remove(machine));
			return started;
		} catch (error) {
			this.#machines.remove(machine);
			throw error;
		}
	}

	#runtime(machine: Machine, identity: LocalIdentity | undefined): Runtime {
		return {
			...NO_NETWORK,
			clock: this.#time.clock,
			random: seededRandom(Math.imul(this.#options.seed, 0x9e37_79b1) ^ machine.number),
			lookup: () => Promise.resolve([{ address: HOST, family: 4 }]),
			createTransport: (options) => this.#machines.createTransport(machine, options),
			...(identity === undefined ? {} : { identity }),
		};
	}

	#coordinatorIdentity(names: readonly string[] = ["localhost"]): Promise<LocalIdentity> {
		return seededIdentity({ seed: this.#options.seed, role: "coordinator" }, names, this.#time.clock.wallMs(), "kept");
	}

	#clientIdentity(id: string, machine: Machine, stateDirectory: string | undefined): Promise<LocalIdentity> {
		const { seed } = this.#options;
		const nowMs = this.#time.clock.wallMs();
		return stateDirectory === undefined
			? seededIdentity({ seed, role: "client", id, which: machine.number }, [id], nowMs, "ephemeral")
			: seededIdentity({ seed, role: "kept client", id, which: stateDirectory }, [id], nowMs, "kept");
	}

	#assertOpen(action: string): void {
		if (this.#closing !== undefined) throw networkClosed(action);
	}

	#assertNotOver(action: string): void {
		if (this.#over) throw networkClosed(action);
	}
}

/** Where everything is; a port means the same socket on every address. */
const HOST = "127.0.0.1";

function listOf(parties: Party | readonly Party[]): readonly Party[] {
	return typeof parties === "string" || parties === null ? [parties] : parties;
}

function networkClosed(action: string): ConecError {
	return new ConecError("COORDINATOR_CLOSED", `${action}: the test network is closed`);
}
