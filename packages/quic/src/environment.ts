/**
 * The JS half of one Node environment: one wake-up, one batch of records, dispatched to the objects they belong to.
 *
 * @module
 */

import { markAsUntransferable } from "node:worker_threads";
import { mapped } from "./errors.ts";
import { type Handle, type Native, nativeSource, requireNative } from "./native.ts";

/** What a record is about; the numbers are those of `queue.rs`. */
export const RECORD = {
	FRAME: 1,
	LARGE: 2,
	END: 3,
	RESET: 4,
	STOPPED: 5,
	DRAIN: 6,
	FINISHED: 7,
	STREAM_LOST: 8,
	STREAM_IN: 9,
	STREAM_DONE: 10,
	CONN_IN: 11,
	CONN_OPEN: 12,
	CONN_CLOSED: 13,
	DATAGRAM: 14,
	RAW: 15,
	PIPE_END: 16,
	ENDPOINT_CLOSED: 17,
	ENDPOINT_LEFT: 18,
} as const;

/** Anything with a handle gets its records in order. What is new (`STREAM_IN`, `CONN_IN`) goes to its owner; `subject` is then the new handle. What `record` throws is reported as uncaught. */
export interface Target {
	readonly handle: Handle;
	record(type: number, kind: number, payload: Uint8Array, subject: Handle): void;
}

/** A retained message keeps at most this much alive. */
const SLAB_BYTES = 256 * 1024;
/** After that much in one turn, other work of the event loop gets its chance. */
const TURN_BYTES = 1024 * 1024;
/** What a turn costs besides what it delivers. */
const TURN_COST_BYTES = 4 * 1024;
const SLOT_MASK = 0xf_ffff;

/** The environment of this thread, started on first use; one for all copies of this module that share an addon. Throws `QUIC_UNAVAILABLE`. */
export function currentEnvironment(): Environment {
	if (environment !== undefined) return environment;
	const native = requireNative();
	const shared = globalThis as unknown as Record<symbol, Environment | undefined>;
	const key = Symbol.for(`@conec/quic environment of ${nativeSource()}`);
	environment = shared[key] ??= mapped(() => new Environment(native));
	return environment;
}

let environment: Environment | undefined;

/** Owns the batch buffer and knows which object a handle stands for. */
export class Environment {
	readonly native: Native;
	readonly #targets: (Target | undefined)[] = [];
	#slab!: ArrayBuffer;
	#bytes!: Buffer;
	#words!: Uint32Array;
	#used = 0;
	#holds = 0;
	/** Bytes delivered since the event loop last went round, as far as anybody counts. */
	#delivered = 0;
	#renewing = false;
	#postponed = false;
	readonly #renewAllowance = (): void => {
		this.#renewing = false;
		this.#delivered = 0;
	};
	readonly #resume = (): void => {
		this.#postponed = false;
		this.#delivered = 0;
		this.#turn();
	};
	#flushing = false;
	readonly #flush = (): void => {
		this.#flushing = false;
		this.native.flush();
	};

	constructor(native: Native) {
		this.native = native;
		this.#renew();
		native.init(() => this.#turn(), process.versions["bun"] === undefined && (process.versions.uv?.startsWith("1.") ?? false));
	}

	adopt(target: Target): void {
		this.#targets[target.handle & SLOT_MASK] = target;
	}

	/** After the last record of a handle. */
	release(handle: Handle): void {
		const slot = handle & SLOT_MASK;
		if (this.#targets[slot]?.handle === handle) this.#targets[slot] = undefined;
		this.native.release(handle);
	}

	/** Sends what little has been written when this tick ends: all of it in as few packets as can be. */
	flushLater(): void {
		if (this.#flushing) return;
		this.#flushing = true;
		queueMicrotask(this.#flush);
	}

	/** While anything holds it, the process stays alive. */
	hold(): void {
		if (this.#holds++ === 0) this.native.setReferenced(true);
	}

	unhold(): void {
		if (--this.#holds === 0) this.native.setReferenced(false);
	}

	#renew(): void {
		this.#bytes = Buffer.allocUnsafeSlow(SLAB_BYTES);
		this.#slab = this.#bytes.buffer as ArrayBuffer;
		this.#words = new Uint32Array(this.#slab);
		this.#used = 0;
		markAsUntransferable(this.#slab); // messages share it: moving one to a worker must not take its neighbours along
	}

	/** Delivers what waits. Node may call this many times before the event loop goes on, so all of them share one allowance. */
	#turn(): void {
		if (this.#postponed) return;
		for (;;) {
			if (this.#delivered >= TURN_BYTES) {
				this.#postponed = true;
				setImmediate(this.#resume);
				return;
			}
			const result = this.native.poll(this.#bytes, this.#used);
			const length = result & 0x7fff_ffff;
			const more = result >= 0x8000_0000;
			const from = this.#used;
			const slab = this.#slab;
			const words = this.#words;
			this.#used += length;
			if (length > 0) this.#delivered += TURN_COST_BYTES + this.#dispatch(slab, words, from, from + length);
			if (this.#delivered >= TURN_BYTES / 2 && !this.#renewing) {
				this.#renewing = true;
				setImmediate(this.#renewAllowance);
			}
			if (!more) return;
			if (length === 0) this.#renew();
		}
	}

	/** Returns the bytes delivered, those outside the batch included. */
	#dispatch(slab: ArrayBuffer, words: Uint32Array, from: number, to: number): number {
		const targets = this.#targets;
		let delivered = to - from;
		let at = from;
		while (at < to) {
			const word = words[at >> 2] as number;
			const handle = words[(at >> 2) + 1] as number;
			const length = words[(at >> 2) + 2] as number;
			const type = word & 0xff;
			let payload: Uint8Array;
			if (type === RECORD.LARGE) {
				const own = Buffer.allocUnsafeSlow(length);
				this.native.take(own);
				payload = new Uint8Array(own.buffer, 0, length);
				delivered += length;
				at += 12;
			} else {
				payload = new Uint8Array(slab, at + 12, length);
				at += 12 + ((length + 3) & ~3);
			}
			const isNew = type === RECORD.STREAM_IN || type === RECORD.CONN_IN;
			const owner = isNew ? readU32(payload, 0) : handle;
			const target = targets[owner & SLOT_MASK];
			if (target === undefined || target.handle !== owner) {
				if (isNew) this.native.release(handle); // its owner is gone: so is it
				continue;
			}
			try {
				target.record(type, (word >> 8) & 0xff, payload, handle);
			} catch (error) {
				// A handler's mistake must not cost others their records, and must not pass in silence either.
				queueMicrotask(() => {
					throw error;
				});
			}
		}
		return delivered;
	}
}

/** A u64 at `offset`, which is a multiple of 4 and small enough for a number. */
export function readU64(payload: Uint8Array, offset: number): number {
	return readU32(payload, offset) + readU32(payload, offset + 4) * 0x1_0000_0000;
}

export function readU32(payload: Uint8Array, offset: number): number {
	return new Uint32Array(payload.buffer, payload.byteOffset + offset, 1)[0] as number;
}

export function readU16(payload: Uint8Array, offset: number): number {
	return new Uint16Array(payload.buffer, payload.byteOffset + offset, 1)[0] as number;
}
