/**
 * A Coordinator and its Clients in one process, on one virtual clock, from one seed: nothing in it waits for the machine, so
 * the same seed gives the same run. Time passes only when a test moves {@link World.clock}.
 *
 * @module
 */

import { type Random, seededRandom } from "../src/base/random.ts";
import { type Client, connectOn } from "../src/client/client.ts";
import type { ClientOptions } from "../src/client/options.ts";
import { type Coordinator, listenOn } from "../src/coordinator/coordinator.ts";
import type { CoordinatorOptions } from "../src/coordinator/options.ts";
import { NO_NETWORK, type Runtime } from "../src/session/runtime.ts";
import { testIdentity } from "./identities.ts";
import { createMemoryNetwork, type MemoryNetwork, type MemoryNetworkOptions, type MemoryTransport } from "./memory/transport.ts";
import { createVirtualClock, type VirtualClock } from "./memory/virtual-clock.ts";

/** How a world begins. */
export interface WorldOptions extends Pick<MemoryNetworkOptions, "delayMs" | "jitterMs" | "windowBytes"> {
	/** Everything that is left to chance comes from it. */
	readonly seed: number;
	/** Of the Coordinator, each time that it starts. Its identity and its port are the world's. */
	readonly coordinator?: CoordinatorOptions;
}

/** A machine of the network: what runs on it, and its sockets. */
export interface Machine {
	readonly name: string;
	readonly runtime: Runtime;
	/** Sockets that it has had, closed ones too. */
	readonly transports: MemoryTransport[];
}

/** See the module. */
export class World {
	readonly clock: VirtualClock;
	readonly network: MemoryNetwork;
	/** For what a test decides. What the world does takes its chances elsewhere, so that neither disturbs the other. */
	readonly random: Random;
	/** What has happened, in order, with the time in milliseconds. */
	readonly log: string[] = [];
	readonly #options: WorldOptions;
	readonly #machines: Machine[] = [];
	#coordinator: { readonly coordinator: Coordinator; readonly machine: Machine } | undefined;

	constructor(options: WorldOptions) {
		const { seed, coordinator: _, ...network } = options;
		this.#options = options;
		this.clock = createVirtualClock({ turns: 0 });
		this.random = seededRandom(seed);
		this.network = createMemoryNetwork({ ...network, clock: this.clock, random: seededRandom(seed ^ 0x6e65_7477) });
	}

	/** The Coordinator that runs now. */
	get coordinator(): Coordinator | undefined {
		return this.#coordinator?.coordinator;
	}

	/** Where it runs. */
	get coordinatorMachine(): Machine | undefined {
		return this.#coordinator?.machine;
	}

	/** Notes something. */
	note(line: string): void {
		this.log.push(`${this.clock.now().toFixed(3).padStart(11)} ${line}`);
	}

	/** Starts the Coordinator, always at the same port and with the same identity. `options` replace those of the world. */
	async listen(options: Partial<CoordinatorOptions> = {}): Promise<Coordinator> {
		const machine = this.machine("coordinator");
		const runtime = { ...machine.runtime, identity: testIdentity("localhost") };
		const coordinator = await listenOn(runtime, { host: "127.0.0.1", port: COORDINATOR_PORT, ...this.#options.coordinator, ...options });
		this.#coordinator = { coordinator, machine };
		return coordinator;
	}

	/** Starts another Coordinator, of which this world knows nothing. `identity` is one of the table. */
	another(machine: Machine, identity: string, port: number = COORDINATOR_PORT): Promise<Coordinator> {
		return listenOn({ ...machine.runtime, identity: testIdentity(identity) }, { host: "127.0.0.1", port });
	}

	/** The Coordinator does not run any more, however that came. */
	coordinatorGone(): void {
		this.#coordinator = undefined;
	}

	/** A further machine. */
	machine(name: string): Machine {
		const number = this.#machines.length + 1;
		const transports: MemoryTransport[] = [];
		const runtime: Runtime = {
			clock: this.clock,
			random: seededRandom(Math.imul(this.#options.seed, 0x9e37_79b1) ^ number),
			lookup: () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]),
			...NO_NETWORK,
			createTransport: ({ host, port, limits }) => {
				const transport = this.network.createTransport({ host, port, limits });
				transports.push(transport);
				return transport;
			},
		};
		const machine = { name, runtime, transports };
		this.#machines.push(machine);
		return machine;
	}

	/** Connects a Client that runs on that machine. `identity` is one of the table. */
	connect(machine: Machine, identity: string, options: Omit<ClientOptions, "coordinator">): Promise<Client> {
		const runtime = { ...machine.runtime, identity: testIdentity(identity) };
		return connectOn(runtime, {
			coordinator: `localhost:${COORDINATOR_PORT}`,
			localAddress: "127.0.0.1",
			pin: testIdentity("localhost").fingerprint,
			...options,
		});
	}

	/** Nothing passes between two machines until the returned function is called. Sockets that come later are not concerned. */
	separate(one: Machine, other: Machine): () => void {
		const meet = one.transports.flatMap((from) => other.transports.map((to) => this.network.separate(from, to)));
		return () => {
			for (const join of meet) join();
		};
	}

	/** Nothing passes between the sockets of a machine and all others that there are now, until the returned functions are called. */
	isolate(machine: Machine): (() => void)[] {
		return this.#machines.filter(({ transports }) => transports !== machine.transports).map((other) => this.separate(machine, other));
	}

	/** Breaks all connections between two machines; both ends notice at once. */
	cut(one: Machine, other: Machine): void {
		for (const from of one.transports) for (const to of other.transports) this.network.cut(from, to);
	}

	/** Kills what runs on a machine: nobody hears of it but by silence. Its objects are the caller's to destroy. */
	kill(machine: Machine): void {
		for (const transport of machine.transports) transport.vanish();
	}
}

const COORDINATOR_PORT = 1719;
