/**
 * What a Coordinator keeps in its state directory while it runs: the lock, and the leases, written when they have changed.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { ConecError } from "../errors.ts";
import { writeAtomically } from "../tls/kept-identity.ts";
import { type Clock, systemClock } from "../transport/clock.ts";
import { LEASE_FILE, readLeaseFile, renderLeases } from "./lease-file.ts";
import { type Lease, type LeaseLimits, Leases } from "./leases.ts";
import { lockStateDirectory, type StateLock } from "./state-lock.ts";

/** Leases, and where they are kept. */
export interface CoordinatorState {
	readonly leases: Leases;
	/** Told each time the leases cannot be written after they could. They stay in force, and writing is tried again. */
	onProblem: (error: ConecError) => void;
	/** Writes what is not yet written, and gives the directory back. Never rejects. */
	close(): Promise<void>;
	/** Gives the directory back as it is. */
	destroy(): void;
}

/**
 * Locks the state directory and reads the leases in it. Without a directory nothing is kept.
 *
 * Rejects with `STATE_DIRECTORY_INVALID` and the path.
 */
export async function openState(stateDirectory: string | undefined, limits: LeaseLimits, clock: Clock = systemClock): Promise<CoordinatorState> {
	if (stateDirectory === undefined) {
		const leases = new Leases(limits, () => undefined, [], clock.wallMs());
		return { leases, onProblem: () => undefined, close: async () => undefined, destroy: () => undefined };
	}
	const lock = await lockStateDirectory(stateDirectory);
	try {
		return new KeptState(resolve(stateDirectory), lock, limits, await readLeaseFile(resolve(stateDirectory)), clock);
	} catch (error) {
		lock.release();
		throw error;
	}
}

/** At most one write in this time, however many Clients come and go. */
const WRITE_INTERVAL_MS = 1_000;

const RETRY_INTERVAL_MS = 5_000;

class KeptState implements CoordinatorState {
	readonly leases: Leases;
	onProblem: (error: ConecError) => void = () => undefined;
	readonly #path: string;
	readonly #lock: StateLock;
	readonly #clock: Clock;
	#timer: unknown;
	#nextWriteMs = 0;
	#writing: Promise<void> | undefined;
	#dirty = false;
	#failing = false;
	#over = false;

	constructor(directory: string, lock: StateLock, limits: LeaseLimits, kept: readonly Lease[], clock: Clock) {
		this.#path = join(directory, LEASE_FILE);
		this.#lock = lock;
		this.#clock = clock;
		this.leases = new Leases(limits, () => this.#changed(), kept, clock.wallMs());
	}

	async close(): Promise<void> {
		if (this.#over) return;
		await this.#writing;
		// Destroyed meanwhile: the directory may be another's by now.
		if (this.#dirty && !this.#over) await this.#write();
		this.destroy();
	}

	destroy(): void {
		if (this.#over) return;
		this.#over = true;
		this.#clock.clearTimeout(this.#timer);
		const release = (): void => this.#lock.release();
		if (this.#writing === undefined) release();
		else void this.#writing.then(release);
	}

	#changed(): void {
		this.#dirty = true;
		if (this.#over || this.#writing !== undefined || this.#timer !== undefined) return;
		this.#timer = this.#clock.setTimeout(
			() => {
				this.#timer = undefined;
				void this.#write();
			},
			Math.max(0, this.#nextWriteMs - this.#clock.now()),
		);
	}

	#write(): Promise<void> {
		this.#clock.clearTimeout(this.#timer);
		this.#timer = undefined;
		this.#dirty = false;
		this.#writing = writeAtomically(this.#path, renderLeases(this.leases.entries()), "replace").then(
			() => this.#written(),
			(error: unknown) => this.#written(error),
		);
		return this.#writing;
	}

	#written(error?: unknown): void {
		this.#writing = undefined;
		this.#nextWriteMs = this.#clock.now() + (error === undefined ? WRITE_INTERVAL_MS : RETRY_INTERVAL_MS);
		if (error !== undefined && !this.#failing && !this.#over) {
			const reason = String((error as NodeJS.ErrnoException).code ?? "it failed");
			this.onProblem(new ConecError("STATE_DIRECTORY_INVALID", `Cannot write ${this.#path}: ${reason}; leases are lost at the next start`, { cause: error }));
		}
		this.#failing = error !== undefined;
		if (error !== undefined) this.#dirty = true;
		if (this.#dirty) this.#changed();
	}
}
