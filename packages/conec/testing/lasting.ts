/**
 * A world whose Coordinator comes and goes, and Clients that are watched meanwhile.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Client } from "../src/client/client.ts";
import type { ClientOptions } from "../src/client/options.ts";
import type { ClientStatus } from "../src/client/status.ts";
import type { CoordinatorLimits } from "../src/limits.ts";
import { type Machine, World } from "./world.ts";

/** A Client, what its status has told, and how it has ended. */
export interface Watched {
	readonly client: Client;
	readonly machine: Machine;
	readonly told: ClientStatus[];
	readonly how: { ended?: string | undefined };
	/** The types of what was told. */
	readonly types: () => string;
}

/** See the module. */
export interface Lasting {
	readonly world: World;
	readonly clock: World["clock"];
	/** Connects a Client. */
	client(name: string, options?: Partial<ClientOptions>, machine?: Machine): Promise<Watched>;
	/** Kills the Coordinator. Nobody hears of it but by silence. */
	kill(): void;
	/** Closes these Clients and the Coordinator, and looks that nothing is left. */
	end(...clients: Client[]): Promise<void>;
}

/** A world with a Coordinator that can be killed and started again. */
export async function lasting(limits: Partial<CoordinatorLimits> = {}): Promise<Lasting> {
	const world = new World({ seed: 5, delayMs: 10, coordinator: { limits } });
	const { clock } = world;
	await clock.until(world.listen(), 1_000);
	return {
		world,
		clock,
		async client(name, options = {}, machine = world.machine(name)) {
			const client = await clock.until(world.connect(machine, name, { id: name, ...options }), 10_000);
			return { client, machine, ...follow(client) };
		},
		kill() {
			if (world.coordinatorMachine !== undefined) world.kill(world.coordinatorMachine);
			world.coordinator?.destroy();
			world.coordinatorGone();
		},
		async end(...clients) {
			await clock.until(Promise.all(clients.map((client) => client.close())), 4_000);
			const { coordinator } = world;
			if (coordinator !== undefined) await clock.until(coordinator.close(), 4_000);
			await clock.advance(150_000);
			assert.deepEqual([world.network.openConnections, world.network.liveStreams, clock.pending], [0, 0, 0]);
		},
	};
}

function follow(client: Client): Omit<Watched, "client" | "machine"> {
	const told: ClientStatus[] = [];
	const how: { ended?: string | undefined } = {};
	void (async () => {
		for await (const status of client.status()) told.push(status);
	})();
	void client.closed.then(({ code }) => {
		how.ended = code ?? "gracefully";
	});
	return { told, how, types: () => told.map(({ type }) => type).join(" ") };
}
