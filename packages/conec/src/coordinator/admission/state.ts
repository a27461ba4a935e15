/**
 * What a Coordinator keeps in its state directory while it runs: the lock, and the leases, written when they have changed.
 *
 * @module
 */

import { join } from "node:path";
import { type Clock, systemClock } from "../../base/clock.ts";
import { ConecError } from "../../errors.ts";
import { absolutePath } from "../../files/absolute-path.ts";
import type { DirectoryLock } from "../../files/directory-lock.ts";
import { fileProblemWords } from "../../files/file-error-words.ts";
import { monotonicMs, ownBoot } from "../../files/process-identity.ts";
import { writeAtomically } from "../../files/write-atomically.ts";
import { type BootTime, LEASE_FILE, leasesNow, readLeaseFile, renderLeases } from "./lease-file.ts";
import { type KeptLease, type LeaseLimits, Leases } from "./leases.ts";
import { lockStateDirectory } from "./state-lock.ts";

/** Leases, and where they are kept. */
export interface CoordinatorState {
	readonly leases: Leases;
	/** What the directory cannot do, though it can be used; told to the application. */
	readonly remark: ConecError | undefined;
	/** Told each time the leases cannot be written after they could. They stay in force, and writing is tried again. */
	onProblem: (error: ConecError) => void;
	/** Writes what is not yet written, and gives the directory back. Never rejects. */
	close(): Promise<void>;
	/** Gives the directory back as it is. */
	destroy(): void;
}

/** The clock of this boot, which nobody sets, for the next process. Like the directory it is the machine's, whatever the {@link Clock}. */
const ownBootTime = (): BootTime => ({ boot: ownBoot(), ms: monotonicMs() });

/**
 * Locks the state directory and reads the leases in it. Without a directory nothing is kept. Leases run by `clock.now()`; `bootTime` says
 * how much of them has passed between two processes.
 *
 * Rejects with `STATE_DIRECTORY_INVALID` and the path.
 */
export async function openState(
	stateDirectory: string | undefined,
	limits: LeaseLimits,
	clock: Clock = systemClock,
	bootTime: () => BootTime = ownBootTime,
): Promise<CoordinatorState> {
	if (stateDirectory === undefined) {
		const leases = new Leases(limits, () => undefined, [], clock.now());
		return { leases, remark: undefined, onProblem: () => undefined, close: async () => undefined, destroy: () => undefined };
	}
	const directory = absolutePath(stateDirectory);
	const lock = await lockStateDirectory(directory);
	try {
		const record = await readLeaseFile(directory);
		return new KeptState(directory, lock, limits, record === undefined ? [] : leasesNow(record, bootTime()), clock, bootTime);
	} catch (error) {
		lock.release();
		throw error;
	}
}

/** At most one write in this time, however many Clients come and go. */
const WRITE_INTERVAL_MS = 1_000;

const RETRY_INTERVAL_MS = 5_000;

/** What a crash of the machine can give back to leases that run: they are written again so often, as they become less. */
const REFRESH_INTERVAL_MS = 3_600_000;

class KeptState implements CoordinatorState {
	readonly leases: Leases;
	readonly remark: ConecError | undefined;
	onProblem: (error: ConecError) => void = () => undefined;
	readonly #directory: string;
	readonly #lock: DirectoryLock;
	readonly #clock: Clock;
	readonly #bootTime: () => BootTime;
	#timer: unknown;
	#refresh: unknown;
	#nextWriteMs = 0;
	#writing: Promise<void> | undefined;
	#dirty = false;
	#failing = false;
	#over = false;

	constructor(directory: string, lock: DirectoryLock, limits: LeaseLimits, kept: readonly KeptLease[], clock: Clock, bootTime: () => BootTime) {
		this.#directory = directory;
		this.#lock = lock;
		this.#clock = clock;
		this.#bootTime = bootTime;
		this.leases = new Leases(limits, () => this.#changed(), kept, clock.now());
		this.remark =
			lock.remark === undefined
				? undefined
				: new ConecError("STATE_DIRECTORY_INVALID", `Cannot lock ${directory} reliably: ${lock.remark}. Make sure that no other Coordinator uses it`);
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
		this.#clock.clearTimeout(this.#refresh);
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
		this.#clock.clearTimeout(this.#refresh);
		this.#timer = undefined;
		this.#dirty = false;
		this.#writing = this.#save().then(
			() => this.#written(),
			(error: unknown) => this.#written(error),
		);
		return this.#writing;
	}

	async #save(): Promise<void> {
		// The directory of another Coordinator by now: its leases are not ours to replace.
		if (!(await this.#lock.isVisible())) throw new ConecError("STATE_DIRECTORY_INVALID", "the directory was removed or replaced while it was in use");
		const leases = this.leases.kept(this.#clock.now());
		await writeAtomically(join(this.#directory, LEASE_FILE), renderLeases({ written: this.#bootTime(), leases }), "replace");
		if (leases.some(({ leftMs }) => leftMs !== undefined) && !this.#over) {
			this.#refresh = this.#clock.setTimeout(() => this.#changed(), REFRESH_INTERVAL_MS);
		}
	}

	#written(error?: unknown): void {
		this.#writing = undefined;
		this.#nextWriteMs = this.#clock.now() + (error === undefined ? WRITE_INTERVAL_MS : RETRY_INTERVAL_MS);
		if (error !== undefined && !this.#failing && !this.#over) {
			const reason = error instanceof ConecError ? error.message : fileProblemWords(error);
			const message = `Cannot write ${join(this.#directory, LEASE_FILE)}: ${reason}; leases are lost at the next start`;
			this.onProblem(new ConecError("STATE_DIRECTORY_INVALID", message, { cause: error }));
		}
		this.#failing = error !== undefined;
		if (error !== undefined) this.#dirty = true;
		if (this.#dirty) this.#changed();
	}
}
