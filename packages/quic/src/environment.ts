/**
 * The JS half of one Node environment: one wake-up, one batch of records, dispatched to the objects they belong to.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { performance } from "node:perf_hooks";
import process from "node:process";
import { setImmediate } from "node:timers";
import { markAsUntransferable } from "node:worker_threads";
import { CatchUp } from "./catch-up.ts";
import { RECORD, SIZE } from "./constants.ts";
import { mapped } from "./errors.ts";
import { type Handle, type Native, nativeSource, requireNative } from "./native.ts";
import { Turn } from "./turn.ts";

/** Memory that holds short frames. Both views begin at its first byte. */
export interface FrameMemory {
	readonly buffer: ArrayBuffer;
	readonly bytes: Uint8Array;
}

/** An object with a handle, which gets its records in order. A new stream or connection (`STREAM_IN`, `CONN_IN`) is told to its owner; `subject` is then the new handle. What `record` throws is reported as uncaught. */
export interface Target {
	readonly handle: Handle;
	record(type: number, kind: number, payload: Uint8Array, subject: Handle): void;
	/** So many short frames of a stream, side by side with their headers. Gives where they end. It throws nothing. */
	frames?(memory: FrameMemory, from: number, count: number): number;
}

/** The clock is looked at after so many bytes, however few records they are. */
const LOOK_BYTES = 64 * 1024;
/** Its reactions run as `queueMicrotask` runs what it is given, and make less garbage. */
const NOW: Promise<void> = Promise.resolve();
const SLOT_MASK = 2 ** SIZE.SLOT_BITS - 1;
const { RECORD_BYTES, MORE } = SIZE;

/**
 * The environment of this thread, started on first use. All copies of this module that share an addon share it, also those of other realms: Jest
 * loads a copy for each file of tests, each with a `globalThis` of its own, and may empty what one file has left there. They have the modules of
 * Node in common, so it hangs on a function of those. What this file needs of Node it imports, because the globals of its realm may go.
 * Throws `QUIC_UNAVAILABLE`.
 */
export function currentEnvironment(): Environment {
	if (environment !== undefined) return environment;
	const native = requireNative();
	const shared = markAsUntransferable as unknown as Record<symbol, Environment | undefined>;
	const key = Symbol.for(`@conec/quic environment of ${nativeSource()}`);
	environment = shared[key];
	if (environment === undefined) {
		environment = mapped(() => new Environment(native));
		Object.defineProperty(shared, key, { value: environment });
	}
	return environment;
}

let environment: Environment | undefined;

/** What short frames are packed for. */
export interface Packer {
	readonly handle: Handle;
	/** Whether its frames have headers. */
	readonly framed: boolean;
	/** When so much is queued, the addon must know. */
	readonly highWaterBytes: number;
	/** What the addon had queued when it was last asked. */
	queuedBelow: number;
}

/** Longer frames are not worth packing: what they cost is their bytes. */
export const PACKED_FRAME_BYTES = 1_024;
/** The addon gets so much at a time. It is less than what has an allocation of its own there. */
const PACK_BYTES = 8 * 1_024;

/** Owns the batch buffer and knows which object a handle stands for. */
export class Environment {
	readonly #native: Native;
	/** Short frames of one stream, which go to the addon in one call: at the end of the tick, or before any other call. */
	readonly #pack: Uint8Array = new Uint8Array(PACK_BYTES);
	#packedBytes = 0;
	#packer: Packer | undefined = undefined;
	readonly #targets: (Target | undefined)[] = [];
	#slab!: FrameMemory;
	#bytes!: Buffer;
	#words!: Uint32Array;
	#used = 0;
	#holds = 0;
	/** What was fetched and is not dispatched yet: from here to there in the batch buffer. */
	#at = 0;
	#end = 0;
	/** So many frames of the record at `#at` are dispatched, up to there: a turn may end between frames that came side by side. */
	#runCount = 0;
	#runAt = 0;
	/** Something may wait that was not fetched yet. */
	#more = false;
	readonly #allowance = new Turn();
	#renewing = false;
	#settling = false;
	#postponed = false;
	readonly #renewAllowance = (): void => {
		this.#renewing = false;
		if (!this.#postponed) this.#allowance.renew();
	};
	readonly #catchUp = new CatchUp();
	readonly #resume = (): void => {
		this.#postponed = false;
		this.#catchUp.expire(performance.now());
		this.#allowance.renew();
		this.#turn();
	};
	readonly #settle = (): void => {
		this.#settling = false;
		this.#allowance.settle(performance.now());
	};
	readonly #settleLater = (): void => process.nextTick(this.#settle);
	#continuing = false;
	readonly #continue = (): void => {
		this.#continuing = false;
		this.#allowance.settle(performance.now());
		this.#deliver();
	};
	readonly #continueLater = (): void => process.nextTick(this.#continue);
	#flushing = false;
	readonly #flush = (): void => {
		this.#flushing = false;
		this.native.flush();
	};

	constructor(native: Native) {
		this.#native = native;
		this.#renew();
		native.init(() => this.#turn(), process.versions["bun"] === undefined && (process.versions.uv?.startsWith("1.") ?? false));
		// The peers would otherwise wait for their idle limits. Node tells the addon nothing when `process.exit()` or an uncaught error ends the main thread.
		process.on("exit", () => this.native.leave());
	}

	/** The addon. What is packed goes to it first, so that it gets everything in order. */
	get native(): Native {
		if (this.#packer !== undefined) this.#unpack();
		return this.#native;
	}

	/** Queues a copy of a short frame. Gives the bytes now queued, or -1 when this direction is over and the addon knows so. */
	pack(packer: Packer, kind: number, payload: Uint8Array): number {
		const length = payload.length;
		if (this.#packer !== packer || this.#packedBytes + SIZE.FRAME_HEADER_BYTES + length > PACK_BYTES) {
			this.#unpack();
			// Some of it may have left since.
			if (packer.queuedBelow > 0) packer.queuedBelow = this.#native.streamQueued(packer.handle);
			this.#packer = packer;
			this.flushLater();
		}
		const pack = this.#pack;
		let at = this.#packedBytes;
		if (packer.framed) {
			pack[at] = kind;
			pack[at + 1] = 0;
			pack[at + 2] = length >>> 8;
			pack[at + 3] = length;
			at += 4;
		}
		pack.set(payload, at);
		this.#packedBytes = at + length;
		const queued = packer.queuedBelow + this.#packedBytes;
		return queued < packer.highWaterBytes ? queued : this.#unpack();
	}

	#unpack(): number {
		const packer = this.#packer;
		if (packer === undefined) return -1;
		const length = this.#packedBytes;
		this.#packer = undefined;
		this.#packedBytes = 0;
		const queued = this.#native.streamWritePacked(packer.handle, this.#pack, length);
		packer.queuedBelow = Math.max(queued, 0);
		return queued;
	}

	/** Whether something waits that this turn has not delivered. */
	get isBehind(): boolean {
		return this.#postponed || this.#continuing;
	}

	/**
	 * Resolves when what has come by now is delivered, or half a second later. Never rejects. A timer that judges a peer's silence asks this
	 * first: while the process is busy, timers run ahead of what waits.
	 */
	caughtUp(): Promise<void> {
		return new Promise((resolve) => {
			// The addon's call comes in the phase before.
			setImmediate(() => {
				if (this.isBehind) this.#catchUp.add(resolve, performance.now());
				else resolve();
			});
		});
	}

	adopt(target: Target): void {
		this.#targets[target.handle & SLOT_MASK] = target;
	}

	/** Forgets a handle, after its last record. */
	release(handle: Handle): void {
		const slot = handle & SLOT_MASK;
		if (this.#targets[slot]?.handle === handle) this.#targets[slot] = undefined;
		this.native.release(handle);
	}

	/** Sends the little that has been written when this tick ends, all of it in as few packets as possible. */
	flushLater(): void {
		if (this.#flushing) return;
		this.#flushing = true;
		void NOW.then(this.#flush);
	}

	/** While anything holds it, the process stays alive. */
	hold(): void {
		if (this.#holds++ === 0) this.#native.setReferenced(true);
	}

	unhold(): void {
		if (--this.#holds === 0) this.#native.setReferenced(false);
	}

	#renew(): void {
		this.#bytes = Buffer.allocUnsafeSlow(SIZE.BATCH_BYTES);
		const buffer = this.#bytes.buffer as ArrayBuffer;
		this.#slab = { buffer, bytes: new Uint8Array(buffer) };
		this.#words = new Uint32Array(buffer);
		this.#used = 0;
		markAsUntransferable(buffer); // messages share it, and moving one to a worker must not take its neighbours along
	}

	/** Delivers what waits. Node may call this many times before the event loop goes on, so all of them share one allowance. */
	#turn(): void {
		this.#more = true;
		if (!this.#postponed && !this.#continuing) this.#deliver();
	}

	/** Delivers a batch, and sees to what is left. */
	#deliver(): void {
		const allowance = this.#allowance;
		allowance.begin(performance.now());
		while (!allowance.isSpent && !allowance.isBatchDone) {
			if (this.#at < this.#end) this.#dispatch();
			else if (this.#more) this.#fetch();
			else break;
		}
		if (this.#more || this.#at < this.#end) {
			if (!allowance.isSpent) {
				this.#continuing = true;
				// Promises settle first, and the event loop does not go round for that.
				void NOW.then(this.#continueLater);
				return;
			}
			this.#postponed = true;
			setImmediate(this.#resume);
		} else {
			this.#catchUp.release();
		}
		if (!allowance.isLong) return;
		if (!this.#renewing) {
			this.#renewing = true;
			setImmediate(this.#renewAllowance);
		}
		if (!this.#settling) {
			this.#settling = true;
			// This tick runs when all promises have settled.
			void NOW.then(this.#settleLater);
		}
	}

	#fetch(): void {
		const result = this.#native.poll(this.#bytes, this.#used, this.#allowance.fetchedRecords);
		const length = result & ~MORE;
		this.#more = result >= MORE;
		this.#at = this.#used;
		this.#used += length;
		this.#end = this.#used;
		if (this.#more && length === 0) this.#renew();
	}

	/** Delivers what was fetched, until that is done or the turn is over. */
	#dispatch(): void {
		const allowance = this.#allowance;
		const targets = this.#targets;
		const slab = this.#slab;
		const words = this.#words;
		const to = this.#end;
		let at = this.#at;
		let records = 0;
		let bytes = 0;
		let look = allowance.lookRecords;
		while (at < to) {
			const word = words[at >> 2] as number;
			const handle = words[(at >> 2) + 1] as number;
			const length = words[(at >> 2) + 2] as number;
			const type = word & 0xff;
			const begin = at + RECORD_BYTES;
			const next = begin + (type === RECORD.LARGE ? 0 : (length + 3) & ~3);
			if (type === RECORD.FRAMES) {
				const left = (word >>> 16) - this.#runCount;
				const count = Math.min(left, look - records);
				const target = targets[handle & SLOT_MASK];
				const from = this.#runCount === 0 ? begin : this.#runAt;
				const to = target?.handle === handle ? (target.frames?.(slab, from, count) ?? next) : next;
				const isDone = count === left || to === next;
				this.#runCount = isDone ? 0 : this.#runCount + count;
				this.#runAt = to;
				if (isDone) at = next;
				records += count;
				bytes += to - from;
			} else {
				at = next;
				records++;
				bytes += RECORD_BYTES + length;
				const payload = type === RECORD.LARGE ? this.#take(length) : new Uint8Array(slab.buffer, begin, length);
				const isNew = type === RECORD.STREAM_IN || type === RECORD.CONN_IN;
				const owner = isNew ? readU32(payload, 0) : handle;
				const target = targets[owner & SLOT_MASK];
				if (target !== undefined && target.handle === owner) this.#tell(target, type, (word >> 8) & 0xff, payload, handle);
				else if (isNew) this.native.release(handle); // its owner is gone, and it goes too
			}
			if (records < look && bytes < LOOK_BYTES) continue;
			if (allowance.count(records, bytes, performance.now()) || allowance.isBatchDone) {
				records = 0;
				break;
			}
			records = bytes = 0;
			look = allowance.lookRecords;
		}
		this.#at = at;
		if (records > 0) allowance.count(records, bytes, performance.now());
	}

	#tell(target: Target, type: number, kind: number, payload: Uint8Array, handle: Handle): void {
		try {
			target.record(type, kind, payload, handle);
		} catch (error) {
			throwLater(error);
		}
	}

	/** The bytes of the long payload that comes next. */
	#take(length: number): Uint8Array {
		const own = Buffer.allocUnsafeSlow(length);
		this.#native.take(own);
		return new Uint8Array(own.buffer, 0, length);
	}
}

/** A handler's mistake must not cost others their records, and must not pass in silence either. */
export function throwLater(error: unknown): void {
	queueMicrotask(() => {
		throw error;
	});
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
