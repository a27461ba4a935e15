/**
 * Units of one stream that are written to many streams with one call.
 *
 * @module
 */

import type { Beside, Sending } from "./sending.ts";

/** Units that several streams have in common, and their cumulative cost. They are counted once for all of these streams. */
export interface SharedCount {
	readonly units: number;
	readonly costBytes: number;
}

/**
 * Sets room aside before units are written, under the peer's limit and among what the connection may carry. So those who write to many
 * streams need not ask each of them each time. What was written for all is counted when something depends on it.
 */
export class Bulk implements Beside {
	readonly #sending: Sending;
	readonly #givenBack: () => void;
	/** What is set aside and not counted as written. */
	#asideBytes = 0;
	#shared: SharedCount | undefined = undefined;
	#units = 0;
	#costBytes = 0;

	/** `givenBack` is called when nothing is set aside any more because everything is acknowledged. */
	constructor(sending: Sending, givenBack: () => void) {
		this.#sending = sending;
		this.#givenBack = givenBack;
		sending.beside = this;
	}

	/** What is set aside, as far as it can be used. */
	get asideBytes(): number {
		return Math.min(this.#asideBytes, this.#sending.roomBytes);
	}

	/** Sees to it that units of that cost may be written, and of more if there is room. Gives what is set aside. If that is less, the stream hears when it may have room. */
	setAside(needBytes: number, wantedBytes: number): number {
		this.sync();
		const sending = this.#sending;
		const leg = sending.ready;
		const more = Math.min(Math.max(needBytes, wantedBytes), sending.roomBytes) - this.#asideBytes;
		if (this.#asideBytes >= needBytes) return this.#asideBytes;
		if (leg === undefined || needBytes > sending.roomBytes) {
			sending.lacks(needBytes);
		} else if (leg.share.admits(more)) {
			leg.share.wrote(more);
			this.#asideBytes += more;
		} else {
			const least = needBytes - this.#asideBytes;
			if (more > least && leg.share.admits(least)) {
				leg.share.wrote(least);
				this.#asideBytes += least;
			} else {
				sending.lacks(needBytes);
			}
		}
		return this.#asideBytes;
	}

	/** Writes units that there is room for, and gives the bytes now queued. -1: sending is over. */
	write(frames: Uint8Array, units: number, costBytes: number): number {
		const leg = this.#sending.ready;
		if (leg === undefined) return -1;
		const queued = leg.wire.writeFrames(frames);
		if (queued >= 0) this.wrote(units, costBytes);
		return queued;
	}

	/** Units were written that there was room for. */
	wrote(units: number, costBytes: number): void {
		this.#asideBytes -= costBytes;
		this.#sending.wrote(units, costBytes);
	}

	/** From now on all units that `shared` counts are written on this stream too. */
	follow(shared: SharedCount): void {
		this.#shared = shared;
		this.#units = shared.units;
		this.#costBytes = shared.costBytes;
	}

	/** They are not any more. */
	leave(): void {
		this.sync();
		this.#shared = undefined;
	}

	sync(): void {
		const shared = this.#shared;
		if (shared === undefined || shared.units === this.#units) return;
		const [units, costBytes] = [shared.units - this.#units, shared.costBytes - this.#costBytes];
		this.#units = shared.units;
		this.#costBytes = shared.costBytes;
		this.wrote(units, costBytes);
	}

	/** What is idle is given back: a long unit of another stream may need everything that there is. */
	allAcked(): void {
		const leg = this.#sending.ready;
		if (this.#asideBytes === 0 || leg === undefined) return;
		const bytes = this.#asideBytes;
		this.#asideBytes = 0;
		this.#givenBack();
		leg.share.acked(bytes);
	}
}
