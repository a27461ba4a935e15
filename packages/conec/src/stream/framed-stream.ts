/**
 * The MessageStream over a transport's stream of frames, and what its owner (Client, Coordinator) needs beside it.
 *
 * @module
 */

import { type Clock, systemClock } from "../base/clock.ts";
import type { CloseInfo } from "../base/close-info.ts";
import { abortable, reasonOf } from "../base/signals.ts";
import { argumentError, ConecError, type ConecErrorCode } from "../errors.ts";
import { APPLICATION_CODE_MAX, isApplicationCode, RESET_CODES } from "../wire/codes.ts";
import type { JsonValue } from "../wire/json.ts";
import { nothingUntil, type StreamStatus } from "./changes.ts";
import type { StreamBudgets } from "./flow.ts";
import type { LegInit, StreamKeeper, Survival } from "./leg-way.ts";
import type { MessageStream } from "./message-stream.ts";
import { type BatchOptions, type Decode, type DecodedReads, mostMessages } from "./queue-iterators.ts";
import type { StreamShell } from "./shell.ts";
import { readableOf, writableOf } from "./web-streams.ts";

/** What is known of a stream before its first message, and of its first leg. */
export interface StreamInit extends LegInit {
	/** Id of the authenticated peer; `null`: the Coordinator. */
	readonly peer: string | null;
	readonly id: number;
	readonly metadata: JsonValue | undefined;
	/** @default none */
	readonly protocol?: string | undefined;
	/** For error messages: `stream 7 to "bob"`. */
	readonly describe: string;
	/** What the loss of the connection means to the application. @default "CONNECTION_LOST" */
	readonly lostCode?: ConecErrorCode;
	/** What it shares with all streams of the process. @default with those of its connection */
	readonly budgets?: StreamBudgets | undefined;
	/** It survives the loss of its leg, if both ends agree. @default it ends then */
	readonly survival?: Survival | undefined;
}

/** A {@link MessageStream} and the handles of its owner. Made by `openMessageStream` and `acceptMessageStream`. */
export class FramedStream implements MessageStream, DecodedReads<Uint8Array> {
	readonly peer: string | null;
	readonly id: number;
	readonly metadata: JsonValue | undefined;
	readonly protocol: string | undefined;
	readonly closed: Promise<CloseInfo>;
	readonly #shell: StreamShell;
	readonly #firstPath: "direct" | "proxied";
	readonly #lingerMs: number;
	readonly #clock: Clock;
	#readable: ReadableStream<Uint8Array> | undefined = undefined;
	#writable: WritableStream<Uint8Array> | undefined = undefined;

	constructor(init: StreamInit, shell: StreamShell) {
		this.peer = init.peer;
		this.id = init.id;
		this.#firstPath = init.path;
		this.metadata = init.metadata;
		this.protocol = init.protocol;
		this.closed = shell.closed;
		this.#shell = shell;
		this.#lingerMs = init.limits.lingerMs;
		this.#clock = init.clock ?? systemClock;
	}

	get path(): "direct" | "proxied" {
		return this.#shell.exchange.path ?? this.#firstPath;
	}

	/** Resolves when the peer has accepted or rejected the stream, or it has ended without that. Never rejects. */
	get answered(): Promise<void> {
		return this.#shell.answered;
	}

	get resumable(): boolean {
		return this.#shell.exchange.resumable;
	}

	get suspended(): boolean {
		return this.#shell.isSuspended;
	}

	send(message: Uint8Array | string, options?: { readonly signal?: AbortSignal }): Promise<void> {
		return this.#shell.sending.send(message, options?.signal);
	}

	trySend(message: Uint8Array | string): boolean {
		return this.#shell.sending.trySend(message);
	}

	receive(options?: { readonly signal?: AbortSignal }): Promise<Uint8Array | null> {
		return this.#shell.receiving.receive(options?.signal);
	}

	batches(options: BatchOptions = {}): AsyncIterable<Uint8Array[]> {
		const [{ receiving }, most] = [this.#shell, mostMessages(options)];
		return { [Symbol.asyncIterator]: () => receiving.iterateBatches(most) };
	}

	decoded<V>(decode: Decode<Uint8Array, V>): AsyncIterator<V, undefined> {
		return this.#shell.receiving.iterateDecoded(decode);
	}

	decodedBatches<V>(decode: Decode<Uint8Array, V>, most: number): AsyncIterator<V[], undefined> {
		return this.#shell.receiving.iterateBatches(most, decode);
	}

	close(options?: { readonly signal?: AbortSignal }): Promise<void> {
		const signal = options?.signal;
		if (signal === undefined) {
			return this.#shell.close();
		}
		return signal.aborted ? Promise.reject(reasonOf(signal)) : abortable(this.#shell.close(), signal);
	}

	reset(code: number = 0): void {
		this.#shell.exchange.resetLocally(checkedCode(code));
	}

	stop(code: number = 0): void {
		this.#shell.stop(checkedCode(code));
	}

	status(): AsyncIterable<StreamStatus> {
		return this.#shell.keeper?.status() ?? nothingUntil(this.closed);
	}

	get readable(): ReadableStream<Uint8Array> {
		this.#readable ??= readableOf(this);
		return this.#readable;
	}

	get writable(): WritableStream<Uint8Array> {
		this.#writable ??= writableOf(this);
		return this.#writable;
	}

	[Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
		return this.#shell.receiving.iterate();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		let timer: unknown;
		const expired = new Promise<"expired">((resolve) => {
			timer = this.#clock.setTimeout(() => resolve("expired"), this.#lingerMs);
		});
		const outcome = await Promise.race([this.#shell.close().catch(() => undefined), expired]);
		this.#clock.clearTimeout(timer);
		if (outcome === "expired") this.destroy(new ConecError("STREAM_CLOSED", `Cannot close ${this.#shell.exchange.describe} in time`), RESET_CODES.CANCELLED);
		else this.stop(0);
	}

	/** See `LiveStream`. */
	get unheard(): boolean {
		return this.#shell.exchange.unheard;
	}

	/** See `LiveStream`. */
	heard(): Promise<void> {
		return this.#shell.exchange.untilHeard();
	}

	/** Whether both directions are over. */
	get over(): boolean {
		return this.#shell.exchange.over;
	}

	/** Who keeps it, if it is meant to survive the loss of its leg. */
	get keeper(): StreamKeeper | undefined {
		return this.#shell.keeper;
	}

	/** Messages that wait for the application. */
	get waitingMessages(): number {
		return this.#shell.receiving.length;
	}

	/** The error of each direction that has broken. What the application itself did, by `close`, `reset` or `stop`, does not count. */
	get failures(): readonly ConecError[] {
		const { receiving, sending } = this.#shell;
		return [receiving.failure, sending.failure].filter((error): error is ConecError => error !== undefined && error.code !== "STREAM_CLOSED");
	}

	/** Ends both directions at once: `error` here, `wireCode` (one of `RESET_CODES`) at the peer. */
	destroy(error: ConecError, wireCode: number = RESET_CODES.CANCELLED): void {
		this.#shell.exchange.destroy(error, wireCode);
	}
}

function checkedCode(code: number): number {
	if (!isApplicationCode(code)) {
		throw argumentError("range", "OPTION_INVALID", `A code must be an integer from 0 to ${APPLICATION_CODE_MAX}`);
	}
	return code;
}
