/** A Coordinator of the lab that is killed and comes again with the same key. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CoordinatorOptions } from "../../../packages/conec/src/index.ts";
import type { Actor } from "../actor.ts";
import { COORDINATOR_ADDRESS, type Lab, type Owner } from "../lab.ts";
import type { Where } from "../world.ts";

const PORT = 1719;

/** How late the event loop was, in milliseconds. */
export interface Lateness {
	readonly p50: number;
	readonly p99: number;
	readonly max: number;
}

/** See the module. */
export class LastingCoordinator {
	readonly #lab: Lab;
	readonly #options: CoordinatorOptions;
	#actor: Actor | undefined;
	#prepared: Actor | undefined;
	#pin = "";

	static async up(owner: Owner, lab: Lab, port: number = PORT): Promise<LastingCoordinator> {
		const stateDirectory = await mkdtemp(join(tmpdir(), "conec-lab-"));
		owner.after(() => rm(stateDirectory, { recursive: true, force: true }));
		const coordinator = new LastingCoordinator(lab, { port, stateDirectory });
		await coordinator.start();
		return coordinator;
	}

	private constructor(lab: Lab, options: CoordinatorOptions) {
		this.#lab = lab;
		this.#options = options;
	}

	get where(): Where {
		return { coordinator: `${COORDINATOR_ADDRESS}:${this.#options.port}`, pin: this.#pin };
	}

	/** Loads the program of the next one, which does not listen yet: that takes long on a busy machine, and is not what a test is about. */
	async prepare(): Promise<void> {
		this.#prepared ??= await this.#lab.actor("coord", "coordinator");
	}

	/** Starts it, again perhaps. `boundMs`: when its port was bound, or a moment before. */
	async start(): Promise<{ readonly boundMs: number }> {
		await this.prepare();
		[this.#actor, this.#prepared] = [this.#prepared, undefined];
		const { pin, boundMs } = (await this.#actor?.call<{ pin: string; boundMs: number }>("listen", this.#options)) ?? assert.fail();
		this.#pin = pin;
		return { boundMs };
	}

	/** Ends it as a crash would. */
	async kill(): Promise<void> {
		await this.#actor?.kill();
	}

	async lateness(): Promise<Lateness> {
		return (await this.#actor?.call<Lateness>("lateness")) ?? { p50: Number.NaN, p99: Number.NaN, max: Number.NaN };
	}
}
