/**
 * Handlers that run, each with one stream: how they begin, and what becomes of the stream when they end.
 *
 * @module
 */

import type { CloseInfo } from "../../base/close-info.ts";
import { FairPool, type PoolKeys } from "../../base/fair-pool.ts";
import { reasonOf } from "../../base/signals.ts";
import { ConecError, isConecError } from "../../errors.ts";
import type { FramedStream } from "../../stream/framed-stream.ts";
import type { HandlerFailed, ProtocolHandler } from "./handler.ts";

interface Run {
	readonly abort: AbortController;
	/** To whom its place counts. */
	readonly opener: PoolKeys;
	/** Resolves when the handler has ended, or when its stream is over, which leaves it nothing to do here. */
	ended: Promise<unknown>;
}

/** See the module. */
export class HandlerRuns {
	readonly #places: FairPool;
	readonly #failed: (failure: HandlerFailed) => void;
	readonly #onRoom: () => void;
	readonly #running: Set<Run> = new Set();
	/** Handlers that returned nothing, while their streams live: the application has these, and its signals. */
	readonly #handedOver: Set<Run> = new Set();
	#over: { readonly error: ConecError; readonly wireCode: number } | undefined = undefined;

	/** `most`: `limits.runningHandlers`. `failed` is told once for each handler that fails, until {@link end}. `onRoom` is told each time that a handler has ended. */
	constructor(most: number, failed: (failure: HandlerFailed) => void, onRoom: () => void = () => {}) {
		this.#places = new FairPool(most);
		this.#failed = failed;
		this.#onRoom = onRoom;
	}

	/** Handlers that have not ended. */
	get size(): number {
		return this.#running.size;
	}

	/** Whether another handler may begin. */
	get hasRoom(): boolean {
		return this.#over === undefined && !this.#places.full;
	}

	/** Whether another handler may begin with a stream of this opener. */
	hasRoomFor(opener: PoolKeys): boolean {
		return this.#over === undefined && this.#places.takes(opener);
	}

	/** Gives a stream to a handler after the present turn. A handler may do anything, also to the connection that brought the stream. */
	begin(protocol: string, handler: ProtocolHandler, stream: FramedStream, opener: PoolKeys = [stream.peer]): void {
		const run: Run = { abort: new AbortController(), opener, ended: stream.closed };
		this.#running.add(run);
		this.#places.take(opener);
		void stream.closed.then((info) => {
			this.#handedOver.delete(run);
			const [failure] = stream.failures;
			if (failure !== undefined) run.abort.abort(brokenOff(stream, info.code ?? failure.code));
		});
		const work = this.#run(run, protocol, handler, stream);
		run.ended = Promise.race([work, stream.closed]);
	}

	/** No more handlers begin, and those that run are told to end. If a handler rejects with `error`, its stream ends with it, at the peer with `wireCode`. */
	end(error: ConecError, wireCode: number): void {
		if (this.#over !== undefined) return;
		this.#over = { error, wireCode };
		for (const { abort } of [...this.#running, ...this.#handedOver]) abort.abort(error);
	}

	/** Resolves when each handler that runs now has ended, or its stream is over. */
	async settled(): Promise<void> {
		await Promise.all(Array.from(this.#running, ({ ended }) => ended));
	}

	/** Never rejects. */
	async #run(run: Run, protocol: string, handler: ProtocolHandler, stream: FramedStream): Promise<void> {
		const { signal } = run.abort;
		try {
			await null;
			// Everything may be ending, or the stream may have broken since. Messages that came whole are read even then.
			if (this.#over !== undefined || (stream.over && stream.waitingMessages === 0)) return;
			const returned: unknown = handler(stream, { signal });
			if (!isThenable(returned)) {
				if (!stream.over) this.#handedOver.add(run);
				return;
			}
			await returned;
			if (!stream.over) void stream[Symbol.asyncDispose]();
		} catch (error) {
			const over = this.#over;
			// Before it is reset here.
			const { failures } = stream;
			if (over !== undefined && error === over.error) return stream.destroy(over.error, over.wireCode);
			stream.reset(0);
			stream.stop(0);
			// At once: both directions are over now.
			const info = await stream.closed;
			if (over === undefined && !isPassedOn(error, failures, info, signal)) this.#failed({ type: "handler-failed", protocol, peer: stream.peer, error });
		} finally {
			this.#running.delete(run);
			this.#places.giveBack(run.opener);
			this.#onRoom();
		}
	}
}

/** Whether a handler has only passed on what its stream or its signal has told it. */
function isPassedOn(error: unknown, failures: readonly ConecError[], info: CloseInfo, signal: AbortSignal): boolean {
	if (signal.aborted && error === reasonOf(signal)) return true;
	// The two directions may have broken in two ways, and only the first is in `info`.
	return isConecError(error) && (failures.includes(error) || error.code === info.code);
}

function brokenOff(stream: FramedStream, code: NonNullable<CloseInfo["code"]>): ConecError {
	const from = stream.peer === null ? "the Coordinator" : `"${stream.peer}"`;
	return new ConecError(code, `Cannot continue the stream from ${from}: it has broken off`, stream.peer === null ? {} : { peer: stream.peer });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
	return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
