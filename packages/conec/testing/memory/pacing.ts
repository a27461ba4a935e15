/**
 * How fast bytes are piped from connections of the memory network that count as one sender.
 *
 * @module
 */

import type { Clock } from "#conec/base/clock";
import { DueTimer } from "#conec/base/due-timer";
import type { Sharing } from "#conec/transport/transport";

/** A bucket of bytes that fills evenly. Flows that find it empty wait, and take turns. */
export class Pacing {
	readonly #clock: Clock;
	readonly #perMs: number;
	readonly #burstBytes: number;
	readonly #timer: DueTimer;
	/** Each is called once when it may read. */
	readonly #waiting: Map<object, () => void> = new Map();
	#leftBytes: number;
	#atMs: number;
	#granted: object | undefined = undefined;
	#toldMs = Number.NEGATIVE_INFINITY;

	constructor(clock: Clock, { bytesPerSecond, burstBytes }: Sharing) {
		this.#clock = clock;
		this.#perMs = bytesPerSecond / 1_000;
		this.#burstBytes = burstBytes;
		this.#leftBytes = burstBytes;
		this.#atMs = clock.now();
		this.#timer = new DueTimer(clock, () => this.#next());
	}

	/** Counts bytes that are taken. Returns for how long no more may be. */
	#spend(bytes: number): number {
		if (this.#perMs === 0) return 0;
		this.#fill();
		this.#leftBytes -= bytes;
		return this.#leftBytes > 0 ? 0 : (1 - this.#leftBytes) / this.#perMs;
	}

	/** Whether a flow may read a frame. If not, `resume` is called when it may, and `slowed` if nobody was told for a while. */
	mayRead(flow: object, resume: () => void, slowed: (() => void) | undefined): boolean {
		if (this.#perMs === 0) return true;
		if (this.#granted === flow) return true;
		if (this.#waiting.has(flow)) return false;
		if (this.#waiting.size === 0 && this.#granted === undefined && this.#spend(0) === 0) return true;
		this.#waiting.set(flow, resume);
		this.#next();
		const nowMs = this.#clock.now();
		if (nowMs - this.#toldMs >= TOLD_EVERY_MS) {
			this.#toldMs = nowMs;
			slowed?.();
		}
		return false;
	}

	/** A flow has read so many bytes, or is over. */
	read(flow: object, bytes: number): void {
		if (this.#perMs === 0) return;
		this.#spend(bytes);
		if (this.#granted === flow) this.#granted = undefined;
		this.#waiting.delete(flow);
		this.#next();
	}

	#next(): void {
		const [first] = this.#waiting;
		if (this.#granted !== undefined || first === undefined) return;
		const waitMs = this.#spend(0);
		if (waitMs > 0) return this.#timer.by(this.#clock.now() + Math.max(1, waitMs));
		const [flow, resume] = first;
		this.#waiting.delete(flow);
		this.#granted = flow;
		resume();
	}

	#fill(): void {
		const nowMs = this.#clock.now();
		this.#leftBytes = Math.min(this.#burstBytes, this.#leftBytes + (nowMs - this.#atMs) * this.#perMs);
		this.#atMs = nowMs;
	}
}

const TOLD_EVERY_MS = 1_000;
