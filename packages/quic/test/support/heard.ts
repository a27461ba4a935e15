/**
 * A stream handler that remembers what it was told, and lets a test wait for it.
 *
 * @module
 */

import type { QuicError, Stream, StreamHandler } from "../../src/index.ts";

/** How long a test waits for what must come: only a failure takes that long. */
const DEADLINE_MS = 60_000;

export interface HeardFrame {
	readonly kind: number;
	readonly payload: Uint8Array;
}

/** Keeps frames (unless `keep` is false) and the other events as text: `end`, `reset 7`, `stopped 7`, `drained`, `finished`, `lost CODE`. */
export class Heard implements StreamHandler {
	readonly frames: HeardFrame[] = [];
	readonly events: string[] = [];
	/** Frames and payload bytes received. */
	count = 0;
	bytes = 0;
	/** Set it, and what arrives is consumed at once. */
	stream: Stream | undefined;
	keep = true;
	error: QuicError | undefined;
	readonly #waiting = new Set<() => void>();

	frame(kind: number, payload: Uint8Array): void {
		this.count++;
		this.bytes += payload.length;
		if (this.keep) this.frames.push({ kind, payload });
		this.stream?.consumed(payload.length);
		this.#changed();
	}

	end(): void {
		this.#event("end");
	}

	reset(code: number): void {
		this.#event(`reset ${code}`);
	}

	stopped(code: number): void {
		this.#event(`stopped ${code}`);
	}

	drained(): void {
		this.#event("drained");
	}

	finished(): void {
		this.#event("finished");
	}

	lost(error: QuicError): void {
		this.error = error;
		this.#event(`lost ${error.code}`);
	}

	/** Resolves once all of these have happened. */
	async until(...events: string[]): Promise<void> {
		await this.#when(() => events.every((event) => this.events.includes(event)), events.join(", "));
	}

	async untilCount(count: number): Promise<void> {
		await this.#when(() => this.count >= count, `${count} frames`);
	}

	async untilBytes(bytes: number): Promise<void> {
		await this.#when(() => this.bytes >= bytes, `${bytes} bytes`);
	}

	#event(event: string): void {
		this.events.push(event);
		this.#changed();
	}

	#changed(): void {
		for (const check of this.#waiting) check();
	}

	async #when(happened: () => boolean, what: string): Promise<void> {
		if (happened()) return;
		await new Promise<void>((resolve, reject) => {
			const check = (): void => {
				if (!happened()) return;
				this.#waiting.delete(check);
				clearTimeout(timer);
				resolve();
			};
			const timer = setTimeout(() => {
				this.#waiting.delete(check);
				reject(new Error(`Waited for ${what}; heard ${this.count} frames, ${this.bytes} bytes, [${this.events.join(", ")}]`));
			}, DEADLINE_MS);
			this.#waiting.add(check);
		});
	}
}
