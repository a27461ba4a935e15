/**
 * A handler that writes down what it is told, for the compliance suite.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { ConecError } from "../../src/errors.ts";
import type { Frame, IncomingStream, StreamHandler, StreamOptions, TransportConnection, TransportStream } from "../../src/transport/transport.ts";
import { until as untilTrue } from "../until.ts";

/** How long any one thing in the suite may take: only a failure takes that long. */
const DEADLINE_MS = 30_000;

/** What a handler was told. */
export type Recorded =
	| { readonly type: "frame"; readonly kind: number; readonly payload: Uint8Array }
	| { readonly type: "end" }
	| { readonly type: "drained" }
	| { readonly type: "finished" }
	| { readonly type: "reset"; readonly code: number }
	| { readonly type: "stopped"; readonly code: number }
	| { readonly type: "lost"; readonly code: string };

/** Waits until `condition` holds. */
export function until(what: string, condition: () => boolean): Promise<void> {
	return untilTrue(condition, { what, timeoutMs: DEADLINE_MS, pause: () => new Promise((resolve) => setTimeout(resolve, 1)) });
}

/** Gives what is on its way the time to arrive; for showing that something does not happen. */
export function quiet(): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, 50));
}

/** Records, and returns credit at once unless told to hold it. */
export class Recorder implements StreamHandler {
	readonly events: Recorded[] = [];
	/** Payload sizes whose credit is not returned. */
	readonly held: number[] = [];
	/** Bytes of payload that came. */
	receivedBytes: number = 0;
	stream!: TransportStream;
	/** Set while this side is inside a call to the transport. */
	calling: boolean = false;
	#holding: boolean;
	#isLost = false;

	constructor(options: { readonly hold?: boolean } = {}) {
		this.#holding = options.hold ?? false;
	}

	/** Opens a stream and records it. */
	open(connection: TransportConnection, header: Frame, options?: StreamOptions): this {
		this.stream = this.#call(() => connection.openStream(header, this, options));
		return this;
	}

	/** Accepts a stream and records it. */
	accept(incoming: IncomingStream, options?: StreamOptions): this {
		this.stream = this.#call(() => incoming.accept(this, options));
		return this;
	}

	/** Writes, watching that no callback comes from inside. */
	write(kind: number, payload: Uint8Array): number {
		return this.#call(() => this.stream.write(kind, payload));
	}

	/** Returns the credit that was held, and holds none from now on. */
	release(): void {
		this.#holding = false;
		for (const bytes of this.held.splice(0)) {
			this.#call(() => this.stream.consumed(bytes));
		}
	}

	frame(kind: number, payload: Uint8Array): void {
		this.receivedBytes += payload.length;
		this.#record({ type: "frame", kind, payload });
		if (this.#holding) {
			this.held.push(payload.length);
		} else {
			this.stream.consumed(payload.length);
		}
	}

	end(): void {
		this.#record({ type: "end" });
	}

	reset(code: number): void {
		this.#record({ type: "reset", code });
	}

	stopped(code: number): void {
		this.#record({ type: "stopped", code });
	}

	drained(): void {
		this.#record({ type: "drained" });
	}

	finished(): void {
		this.#record({ type: "finished" });
	}

	lost(error: ConecError): void {
		this.#record({ type: "lost", code: error.code });
	}

	/** Whether an event of that type came. */
	has(type: Recorded["type"]): boolean {
		return this.events.some((event) => event.type === type);
	}

	/** Waits for the first event of that type. */
	async first<T extends Recorded["type"]>(type: T): Promise<Extract<Recorded, { type: T }>> {
		await until(`${type} (so far ${this.summary()})`, () => this.has(type));
		return this.events.find((event) => event.type === type) as Extract<Recorded, { type: T }>;
	}

	/** The frames so far. */
	get frames(): Frame[] {
		return this.events.filter((event) => event.type === "frame");
	}

	/** Waits for that many frames. */
	async framesOf(count: number): Promise<Frame[]> {
		await until(`${count} frames came`, () => this.frames.length >= count);
		return this.frames;
	}

	/** How many events of that type came. */
	count(type: Recorded["type"]): number {
		return this.events.filter((event) => event.type === type).length;
	}

	/** The types of the events, for messages. */
	summary(): string {
		return this.events.map((event) => event.type).join(" ") || "nothing";
	}

	#record(event: Recorded): void {
		assert.equal(this.calling, false, `${event.type} came from inside a call`);
		assert.equal(this.#isLost, false, `${event.type} came after lost`);
		this.#isLost = event.type === "lost";
		this.events.push(event);
	}

	#call<T>(action: () => T): T {
		this.calling = true;
		try {
			return action();
		} finally {
			this.calling = false;
		}
	}
}
