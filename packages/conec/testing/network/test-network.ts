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
 * A network in memory. Its Clients and its Coordinator are those of `conec`. Below them there are no sockets, no addon and no TLS, and by
 * default nothing waits. Disposing is `close()`.
 */
export interface TestNetwork extends AsyncDisposable {
	/**
	 * Starts the network's Coordinator, like `Coordinator.listen`. There is one at a time. Its key is the same each time, so Clients that pin
	 * it trust it again after a restart.
	 *
	 * @throws the errors of `Coordinator.listen`; TypeError `OPTION_INVALID` also for options that do nothing here; ConecError
	 * `ADDRESS_IN_USE` while there is a Coordinator, `COORDINATOR_CLOSED` when the network is closed
	 */
	listen(options?: TestCoordinatorOptions): Promise<Coordinator>;
	/**
	 * Connects a Client, like `Client.connect`. Without `ca` and `pin` it trusts the network's Coordinator.
	 *
	 * Without `certificate` and `stateDirectory` it has a new key each time. So a second Client with the same id gets `ID_TAKEN` while the first is
	 * connected. With the same `stateDirectory`, an id has the same key. Nothing is written there.
	 *
	 * @throws the errors of `Client.connect`, such as `COORDINATOR_UNREACHABLE` after 10 s of the network's time if no Coordinator listens;
	 * TypeError `OPTION_INVALID` also for options that do nothing here; ConecError `COORDINATOR_CLOSED` when the network is closed
	 */
	connect(options: TestClientOptions): Promise<Client>;
	/** The Coordinator that runs now. `undefined`: none does. */
	readonly coordinator: Coordinator | undefined;
	/** Milliseconds since the network began. */
	now(): number;
	/**
	 * Moves time forward, and resolves when `ms` milliseconds have passed in the network. In virtual time that is at once. Calls at the same
	 * time count from the same moment.
	 *
	 * @throws RangeError `OPTION_INVALID` for less than 0; ConecError `COORDINATOR_CLOSED` when the network closes
	 */
	advance(ms: number): Promise<void>;
	/**
	 * Lets time pass until the promise has settled, and returns its value. With `time: "manual"`, use it to wait for anything; time stops when
	 * the promise has settled. With other times it is a deadline.
	 *
	 * @param withinMs the deadline, in milliseconds of the network's time. @default 60_000
	 * @throws the error of the promise; ConecError `PEER_TIMEOUT` if it has not settled after `withinMs`, `COORDINATOR_CLOSED` when the
	 * network closes
	 */
	run<T>(promise: Promise<T>, withinMs?: number): Promise<T>;
	/**
	 * Resolves when `ms` milliseconds have passed in the network. It does not make them pass. Programs under test use it in place of a timer
	 * of the machine.
	 *
	 * @throws `signal.reason` on abort; RangeError `OPTION_INVALID` for less than 0; ConecError `COORDINATOR_CLOSED` when the network closes
	 */
	sleep(ms: number, options?: { readonly signal?: AbortSignal }): Promise<void>;
	/**
	 * Lets nothing pass between two sides. Dials get no answer, and what is on connections waits. When the partition is over, connections go on,
	 * unless the silence has ended them (`limits.idleTimeoutMs`). It also holds for Clients that connect later. If there is only one side, it
	 * is parted from all others.
	 *
	 * A Client is named by its id, the Coordinator by `null`. Two Clients that are parted still have the path through the Coordinator.
	 *
	 * @returns a function that ends this partition
	 * @throws TypeError `ID_INVALID`; RangeError `OPTION_INVALID` for an empty side, or for a party that is on both sides
	 */
	partition(one: Party | readonly Party[], other?: Party | readonly Party[]): () => void;
	/** Ends all partitions. */
	heal(): void;
	/**
	 * Breaks the connections between two parties, or all connections of one party. Both ends notice at once. What was on its way is lost.
	 *
	 * @throws TypeError `ID_INVALID`; ConecError `PEER_UNKNOWN` or `COORDINATOR_CLOSED` if the Client or the Coordinator does not run
	 */
	cut(one: Party, other?: Party): void;
	/**
	 * Kills a Client or, with `null`, the Coordinator, as if its process had ended. It is destroyed. The others notice only that it is silent
	 * (`limits.idleTimeoutMs`).
	 *
	 * @throws the errors of {@link cut}
	 */
	kill(party: Party): void;
	/**
	 * Closes all Clients, then the Coordinator, and ends time. Everything that waits in the network is rejected. It takes at most 6 s of the
	 * network's time. A second call waits for the same end.
	 */
	close(): Promise<void>;
}

/**
 * Makes a network in memory. Networks do not know of each other. Its functions work without the object: for example, a program that
 * normally gets `Client.connect` can be given `network.connect`.
 *
 * @throws TypeError or RangeError `OPTION_INVALID`
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
