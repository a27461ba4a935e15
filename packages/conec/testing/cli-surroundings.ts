/**
 * Surroundings for runs of `conec` inside a test: typed input, captured output, signals that the test sends, a clock that it moves.
 *
 * @module
 */

import { Transform } from "node:stream";
import { machine, systemClock } from "../src/cli/process-surroundings.ts";
import type { Clock, Signals, StandardStream, Surroundings, Timer } from "../src/cli/surroundings/index.ts";

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
	#nowMs = 0;
	#startMs: number;
	#calls: { readonly atMs: number; readonly callback: () => void }[] = [];

	/** `start`: the date that it begins with. */
	constructor(start: Date = new Date("2026-11-29T12:00:00.000Z")) {
		this.#startMs = start.getTime();
	}

	nowMs(): number {
		return this.#nowMs;
	}

	date(): Date {
		return new Date(this.#startMs + this.#nowMs);
	}

	after(delayMs: number, callback: () => void): Timer {
		const call = { atMs: this.#nowMs + delayMs, callback };
		this.#calls.push(call);
		return {
			cancel: () => {
				this.#calls = this.#calls.filter((other) => other !== call);
			},
		};
	}

	/** Calls that are still to come. */
	get waiting(): number {
		return this.#calls.length;
	}

	/** The process stands still for so long: what is due meanwhile is called late, when it goes on. */
	standsStill(ms: number): void {
		this.#nowMs += ms;
		const due = this.#calls.filter(({ atMs }) => atMs <= this.#nowMs).sort((a, b) => a.atMs - b.atMs);
		for (const call of due) {
			if (!this.#calls.includes(call)) continue;
			this.#calls = this.#calls.filter((other) => other !== call);
			call.callback();
		}
	}

	/** Lets so much time pass; what is due is called in its order. */
	pass(ms: number): void {
		const end = this.#nowMs + ms;
		for (;;) {
			const next = this.#calls.filter(({ atMs }) => atMs <= end).sort((a, b) => a.atMs - b.atMs)[0];
			if (next === undefined) break;
			this.#calls = this.#calls.filter((other) => other !== next);
			this.#nowMs = next.atMs;
			next.callback();
		}
		this.#nowMs = end;
	}
}

/** What becomes of what is written to a {@link CapturedStream}. */
export interface CapturedOptions {
	/** Every write fails with this code of a system error. @default writing works */
	readonly errno?: string | undefined;
	/** Called with each piece. @default it is kept as `data` */
	readonly take?: ((piece: Buffer) => void) | undefined;
	/** @default no terminal */
	readonly isTTY?: boolean | undefined;
}

/** A standard stream whose reader is the test. */
export class CapturedStream implements StandardStream {
	readonly isTTY: boolean;
	/** Code of the system error with which writing fails from now on. */
	errno: string | undefined;
	#listeners: ((error: Error) => void)[] = [];
	#pieces: Buffer[] = [];
	#take: (piece: Buffer) => void;
	#waiting: (() => void)[] | undefined;

	constructor({ errno, take, isTTY = false }: CapturedOptions = {}) {
		this.isTTY = isTTY;
		this.errno = errno;
		this.#take = take ?? ((piece) => void this.#pieces.push(piece));
	}

	/** All that was written. */
	get data(): Buffer {
		if (this.#pieces.length !== 1) this.#pieces = [Buffer.concat(this.#pieces)];
		return this.#pieces[0] as Buffer;
	}

	/** All that was written, as text. */
	get text(): string {
		return this.data.toString();
	}

	on(_event: "error", listener: (error: Error) => void): void {
		this.#listeners.push(listener);
	}

	write(data: string | Uint8Array, done: (error?: Error | null) => void): void {
		if (this.errno !== undefined) return this.#fail(this.errno, done);
		const piece = Buffer.from(data);
		const take = (): void => {
			if (this.errno !== undefined) return this.#fail(this.errno, done);
			this.#take(piece);
			done();
		};
		if (this.#waiting === undefined) take();
		else this.#waiting.push(take);
	}

	/** Nobody reads until {@link resume}. */
	stall(): void {
		this.#waiting ??= [];
	}

	/** What has waited is read. */
	resume(): void {
		const waiting = this.#waiting ?? [];
		this.#waiting = undefined;
		for (const take of waiting) take();
	}

	/** The reader goes away. */
	destroy(): void {
		this.errno = "EPIPE";
		this.resume();
	}

	#fail(code: string, done: (error?: Error | null) => void): void {
		const error = Object.assign(new Error(code), { code });
		setImmediate(() => {
			for (const listener of this.#listeners) listener(error);
			done(error);
		});
	}
}

/** Standard input into which the test writes. What reads it gets pieces of at most 64 KiB, as from a pipe. */
export class WrittenInput extends Transform {
	readonly isTTY: boolean = false;

	constructor() {
		// Else the pieces that wait would be read as one.
		super({ readableObjectMode: true });
	}

	override _transform(data: Uint8Array, _encoding: string, done: () => void): void {
		for (let from = 0; from < data.length; from += PIECE_BYTES) this.push(data.subarray(from, from + PIECE_BYTES));
		done();
	}
}

const PIECE_BYTES = 65_536;

/** Signals that a test sends. */
export class SentSignals implements Signals {
	readonly #listeners = new Set<Parameters<Signals["subscribe"]>[0]>();

	subscribe(listener: Parameters<Signals["subscribe"]>[0]): () => void {
		this.#listeners.add(listener);
		return () => void this.#listeners.delete(listener);
	}

	raise(name: Parameters<Signals["raise"]>[0]): void {
		for (const listener of [...this.#listeners]) listener(name);
	}

	/** Whether a command listens. */
	get isHeard(): boolean {
		return this.#listeners.size > 0;
	}
}

/** The surroundings of one run, and the parts that a test speaks through. */
export interface TestSurroundings extends Surroundings {
	readonly stdin: WrittenInput;
	readonly stdout: CapturedStream;
	readonly stderr: CapturedStream;
	readonly signals: SentSignals;
}

/** Surroundings with an empty environment, on this machine and by its clock, unless said otherwise. The library is the real one. */
export function testSurroundings(changes: Partial<TestSurroundings> = {}): TestSurroundings {
	return {
		stdin: new WrittenInput(),
		stdout: new CapturedStream(),
		stderr: new CapturedStream(),
		signals: new SentSignals(),
		env: {},
		platform: process.platform,
		machine,
		clock: systemClock,
		random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
		terminal: { editor: () => undefined, isForeground: () => true },
		umask: () => 0o022,
		userId: () => process.geteuid?.(),
		exit: (status) => {
			throw new Error(`the run has asked twice to be ended, with status ${status}`);
		},
		start: () => {
			throw new Error("no other process can be started here");
		},
		...changes,
	};
}
