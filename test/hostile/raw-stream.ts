/**
 * A stream that says whatever a test wants, byte for byte, and writes down what it is told.
 */

import assert from "node:assert/strict";
import type { QuicError, Stream, StreamHandler } from "@conec/quic";
import { encodeFrame, FRAME, FrameDecoder } from "../../packages/conec/src/wire/frames.ts";
import { encodeAck } from "../../packages/conec/src/wire/stream-frames.ts";
import { ANSWER } from "../../packages/conec/testing/stream-fixture.ts";

/** How long a test waits for what must come. */
const DEADLINE_MS = 12_000;

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(FRAME).map(([name, kind]) => [kind, name]));

/** Remembers frames (`RESUMABLE`, `DATA hi`, `REJECT PEER_BUSY`, `CONTROL welcome`) and events (`FIN`, `RESET 5`, `STOP 5`, `ACKED`, `LOST ...`) as words. */
export class RawStream {
	readonly words: string[] = [];
	/** Of CONTROL and REJECT: the last one's JSON. */
	last: Readonly<Record<string, unknown>> = {};
	/** Set it to false, and nothing more is taken: the other side must wait. */
	reading = true;
	readonly #decoder: FrameDecoder = new FrameDecoder({ messageBytes: 0xff_ff_ff });
	readonly #waiting: Set<() => void> = new Set();
	#stream: Stream | undefined;

	/** What `@conec/quic` is to call, with `mode: "bytes"`. */
	readonly handler: StreamHandler = {
		frame: (_kind, chunk) => this.#chunk(chunk),
		end: () => this.#heard("FIN"),
		reset: (code) => this.#heard(`RESET ${code}`),
		stopped: (code) => this.#heard(`STOP ${code}`),
		drained: () => undefined,
		finished: () => this.#heard("ACKED"),
		lost: (error: QuicError) => this.#heard(`LOST ${error.code}`),
	};

	attach(stream: Stream): this {
		this.#stream = stream;
		return this;
	}

	get queuedBytes(): number {
		return this.#stream?.queuedBytes ?? 0;
	}

	/** Sends these bytes, which need not be frames. */
	bytes(...parts: readonly Uint8Array[]): this {
		for (const part of parts) this.#stream?.write(0, part);
		return this;
	}

	/** Sends whole frames. */
	frame(kind: number, payload: Uint8Array | string = ""): this {
		return this.bytes(encodeFrame(kind, typeof payload === "string" ? Buffer.from(payload) : payload));
	}

	/** Answers OPEN. It takes 256 KiB. */
	answer(): this {
		return this.frame(FRAME.RESUMABLE, ANSWER);
	}

	/** Acknowledges so many units. */
	ack(received: number): this {
		return this.frame(FRAME.ACK, encodeAck(received, 262_144));
	}

	fin(): this {
		this.#stream?.finish();
		return this;
	}

	reset(code: number): this {
		this.#stream?.reset(code);
		return this;
	}

	stop(code: number): this {
		this.#stream?.stop(code);
		return this;
	}

	/** Resolves when all of these words have been heard. */
	async until(...words: readonly string[]): Promise<this> {
		const happened = (): boolean => words.every((word) => this.words.includes(word));
		if (happened()) return this;
		await new Promise<void>((resolve, reject) => {
			const check = (): void => {
				if (!happened()) return;
				this.#waiting.delete(check);
				clearTimeout(timer);
				resolve();
			};
			const timer = setTimeout(() => {
				this.#waiting.delete(check);
				reject(new assert.AssertionError({ message: `waited for ${words.join(", ")}; heard ${this.words.join(", ")}` }));
			}, DEADLINE_MS);
			this.#waiting.add(check);
		});
		return this;
	}

	#chunk(chunk: Uint8Array): void {
		if (this.reading) this.#stream?.consumed(chunk.length);
		for (const event of this.#decoder.push(chunk)) {
			this.#heard(event.type === "frame" ? this.#word(event.kind, event.payload) : event.type);
		}
	}

	#word(kind: number, payload: Uint8Array): string {
		const name = NAMES.get(kind) ?? `0x${kind.toString(16)}`;
		// What these say is in bytes.
		if (kind >= FRAME.RESUMABLE && kind <= FRAME.BLOCKED) return name;
		if (kind !== FRAME.CONTROL && kind !== FRAME.REJECT) return payload.length === 0 ? name : `${name} ${Buffer.from(payload).toString("latin1", 0, 32)}`;
		this.last = JSON.parse(Buffer.from(payload).toString());
		return `${name} ${this.last["type"] ?? this.last["code"]}`;
	}

	#heard(word: string): void {
		this.words.push(word);
		for (const check of this.#waiting) check();
	}
}
