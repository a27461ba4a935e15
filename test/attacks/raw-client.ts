/**
 * A hostile Client: it speaks the protocol with the library's encodings and `@conec/quic`, and keeps none of the rules that `Client` keeps.
 *
 * @module
 */

import type { Connection, Stream, StreamHandler } from "@conec/quic";
import { encodeFrame, FRAME, FrameDecoder } from "../../packages/conec/src/wire/frames.ts";
import { decodeAck, decodeResumable, encodeAck } from "../../packages/conec/src/wire/stream-frames.ts";

/** What a raw opener says of its leg: it takes 256 KiB. */
export const RESUME: { readonly limit: number; readonly messageBytes: number } = { limit: 262_144, messageBytes: 1_048_576 };
const ALLOWED_BYTES = 262_144;
const UNIT_COST = 64;

/** A handler that does nothing but what is given. */
export function handler(part: Partial<StreamHandler> = {}): StreamHandler {
	const nothing = (): void => undefined;
	return { frame: nothing, end: nothing, reset: nothing, stopped: nothing, drained: nothing, finished: nothing, lost: nothing, ...part };
}

/** `text` as a CONTROL frame. */
export function controlFrame(text: string): Uint8Array {
	return encodeFrame(FRAME.CONTROL, Buffer.from(text));
}

/** So many copies of it in one piece. */
export function repeated(bytes: Uint8Array, times: number): Uint8Array {
	return Buffer.concat(Array.from({ length: times }, () => bytes));
}

/** One connection of one key. */
export class RawClient {
	readonly id: string;
	readonly connection: Connection;
	readonly control: Stream;
	/** False once the connection is over. */
	alive = true;
	/** Whether it reads its control stream. */
	reads = true;
	/** Is told each control message, if it is set. Without it nothing is decoded. */
	heard: ((message: Readonly<Record<string, unknown>>) => void) | undefined;
	readonly #decoder: FrameDecoder = new FrameDecoder({ messageBytes: 0xff_ff_ff });
	#nextId = 1;

	/** Says hello. Resolves with the first answer's type: `welcome`, or the code of a refusal, or `closed`. */
	static async enter(connection: Connection, id: string, kept: boolean): Promise<{ readonly client: RawClient; readonly answer: string }> {
		const client = new RawClient(connection, id);
		const capabilities = ["direct", "presence", "broadcast"];
		const answer = await new Promise<string>((resolve) => {
			client.heard = ({ type, code }) => resolve(String(type === "welcome" ? type : (code ?? type)));
			void connection.closed.then(() => resolve("closed"));
			client.say(JSON.stringify({ type: "hello", versions: [2], id, key: kept ? "kept" : "ephemeral", capabilities }));
		});
		client.heard = undefined;
		if (answer !== "welcome") connection.close(0);
		return { client, answer };
	}

	private constructor(connection: Connection, id: string) {
		this.connection = connection;
		this.id = id;
		// What is opened to it is left where it is, unless a kind says otherwise.
		connection.onStream = () => undefined;
		void connection.closed.then(() => {
			this.alive = false;
		});
		const take = (chunk: Uint8Array): void => {
			if (this.reads) this.control.consumed(chunk.length);
			if (this.heard === undefined) return;
			for (const event of this.#decoder.push(chunk))
				if (event.type === "frame" && event.kind === FRAME.CONTROL) this.heard?.(JSON.parse(Buffer.from(event.payload).toString()));
		};
		this.control = connection.openStream(handler({ frame: (_, chunk) => take(chunk) }), { mode: "bytes" });
	}

	/** Sends a control message. */
	say(text: string): void {
		this.control.write(0, controlFrame(text));
	}

	/** Sends frames as they are. */
	bytes(frames: Uint8Array): void {
		this.control.write(0, frames);
	}

	/** Opens a stream with a proper OPEN; `fields` say where to. Nothing of it is read unless `part` does. */
	open(fields: object, part: Partial<StreamHandler> = {}): Stream {
		return this.connection.openStream(handler(part), {}, this.#header(fields));
	}

	/** Opens a stream on which whole messages are sent within what the other side allows. */
	messages(fields: object, reads: boolean = true): RawMessages {
		return new RawMessages((own) => this.connection.openStream(own, {}, this.#header(fields)), reads);
	}

	#header(fields: object): { kind: number; payload: Uint8Array } {
		return { kind: FRAME.OPEN, payload: Buffer.from(JSON.stringify({ id: this.#nextId++, resume: RESUME, ...fields })) };
	}
}

/** A stream of messages that keeps to the limits of the other side: otherwise it would be reset, and cost nothing more. */
export class RawMessages {
	readonly stream: Stream;
	/** False once it is over. */
	alive = true;
	#limit = 0;
	#sent = 0;
	#received = 0;
	#taken = 0;
	#said = 0;

	constructor(open: (handler: StreamHandler) => Stream, reads: boolean) {
		const over = (): void => {
			this.alive = false;
		};
		this.stream = open(
			handler({
				frame: (kind, payload) => {
					if (reads) this.stream.consumed(payload.length);
					this.#frame(kind, payload, reads);
				},
				...{ reset: over, stopped: over, lost: over, end: over },
			}),
		);
	}

	/** Sends as many of these as may go now, at most `most`. Returns how many. */
	send(message: Uint8Array, most: number): number {
		const cost = message.length + UNIT_COST;
		const count = this.alive ? Math.min(most, Math.floor((this.#limit - this.#sent) / cost)) : 0;
		for (let i = 0; i < count; i++) this.stream.write(FRAME.DATA, message);
		this.#sent += Math.max(0, count) * cost;
		return Math.max(0, count);
	}

	#frame(kind: number, payload: Uint8Array, reads: boolean): void {
		if (kind === FRAME.RESUMABLE) this.#limit = Math.max(this.#limit, decodeResumable(payload)?.limit ?? 0);
		else if (kind === FRAME.ACK) this.#limit = Math.max(this.#limit, decodeAck(payload)?.limit ?? 0);
		else if (kind === FRAME.REJECT) this.alive = false;
		else if (kind === FRAME.DATA && reads) this.#came(payload.length + UNIT_COST);
	}

	#came(cost: number): void {
		this.#received++;
		this.#taken += cost;
		if (this.#taken - this.#said < ALLOWED_BYTES / 4) return;
		this.#said = this.#taken;
		this.stream.write(FRAME.ACK, encodeAck(this.#received, this.#taken + ALLOWED_BYTES));
	}
}
