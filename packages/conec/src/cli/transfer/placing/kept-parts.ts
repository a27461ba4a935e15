/**
 * Who writes into a part file that is kept: one transfer at a time, in whatever process. The sender may come again before its last transfer
 * is known to be over, for example after its process was killed. So a transfer into which nothing comes any more makes way.
 *
 * @module
 */

import { join } from "node:path";
import { type DirectoryLock, lockDirectory } from "../../../files/directory-lock.ts";
import type { Clock, Timer } from "../../surroundings/index.ts";

/** After so long without content, a transfer makes way for a newer one. Milliseconds. */
const SILENCE_MS = 3_000;

/** So long a newer transfer waits for an older one, in milliseconds. */
const PATIENCE_MS = 20_000;

/** A part file that is this transfer's. */
export interface PartClaim {
	/** Content has come. */
	touched(): void;
	/** Lets others have it. Idempotent; never throws. */
	release(): void;
}

/** The part files that one process writes into. */
export class KeptParts {
	readonly #clock: Clock;
	readonly #lock: typeof lockDirectory;
	readonly #held = new Map<string, Holder>();

	/** `lock` is for tests. */
	constructor(clock: Clock, lock: typeof lockDirectory = lockDirectory) {
		this.#clock = clock;
		this.#lock = lock;
	}

	/**
	 * Claims a part file by its directory and a name that is unique there. `makeWay` is called when a newer transfer claims it and nothing has
	 * come for 3 s: then this transfer is to end. Resolves with `undefined` if another transfer, here or in another process, goes on
	 * writing into it, after at most about 20 s. Rejects with a system error where the directory takes no lock.
	 */
	async claim(directory: string, name: string, makeWay: () => void): Promise<PartClaim | undefined> {
		const key = join(directory, name);
		const holder = await this.#hold(key, makeWay);
		if (holder === undefined) return undefined;
		const free = (): void => {
			if (this.#held.get(key) === holder) this.#held.delete(key);
			holder.end();
		};
		let lock: DirectoryLock;
		try {
			const outcome = await this.#lock(directory, name);
			if (outcome.type === "taken") {
				free();
				return undefined;
			}
			lock = outcome.lock;
		} catch (error) {
			free();
			throw error;
		}
		return {
			touched: () => holder.touch(this.#clock.nowMs()),
			release() {
				lock.release();
				free();
			},
		};
	}

	/** Waits until no other transfer of this process has it, and takes it at once. `undefined`: another one goes on. */
	async #hold(key: string, makeWay: () => void): Promise<Holder | undefined> {
		const deadlineMs = this.#clock.nowMs() + PATIENCE_MS;
		for (;;) {
			const other = this.#held.get(key);
			const nowMs = this.#clock.nowMs();
			if (other === undefined) {
				const holder = new Holder(nowMs, makeWay);
				this.#held.set(key, holder);
				return holder;
			}
			if (nowMs >= deadlineMs) return undefined;
			const silentAtMs = other.touchedAtMs + SILENCE_MS;
			if (nowMs >= silentAtMs) other.makeWay();
			await orAfter(this.#clock, nowMs >= silentAtMs ? deadlineMs - nowMs : Math.min(silentAtMs, deadlineMs) - nowMs, other.ended);
		}
	}
}

class Holder {
	readonly makeWay: () => void;
	/** Resolves when it holds the part no more. */
	readonly ended: Promise<void>;
	touchedAtMs: number;
	end: () => void = () => undefined;

	constructor(nowMs: number, makeWay: () => void) {
		this.touchedAtMs = nowMs;
		this.makeWay = makeWay;
		this.ended = new Promise((resolve) => {
			this.end = resolve;
		});
	}

	touch(nowMs: number): void {
		this.touchedAtMs = nowMs;
	}
}

/** Resolves with the promise, or after so many milliseconds. */
async function orAfter(clock: Clock, delayMs: number, promise: Promise<void>): Promise<void> {
	let timer: Timer | undefined;
	const late = new Promise<void>((resolve) => {
		timer = clock.after(delayMs, resolve);
	});
	await Promise.race([promise, late]);
	timer?.cancel();
}
