/**
 * Gives incoming streams to the handlers of their protocols. Streams without a protocol go to `incomingStreams`. It is the same at a
 * Client and at a Coordinator.
 *
 * @module
 */

import { type Clock, systemClock } from "../../base/clock.ts";
import type { PoolKeys } from "../../base/fair-pool.ts";
import { within } from "../../base/signals.ts";
import { argumentError, ConecError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { FramedStream } from "../../stream/framed-stream.ts";
import { IncomingStreams } from "../../stream/incoming-streams.ts";
import { acceptMessageStream, legProblem, type NewStream, rejectStream } from "../../stream/open-stream.ts";
import { RESET_CODES, type RejectCode } from "../../wire/codes.ts";
import { checkProtocol } from "../open-stream-options.ts";
import { checkHandler, type HandlerFailed, type Handling, type ProtocolHandler } from "./handler.ts";
import { HandlerRuns } from "./runs.ts";
import { type Arrival, openerOf, WaitingStreams } from "./waiting.ts";

/** Why a stream is not accepted. */
interface Refusal {
	readonly code: RejectCode;
	/** A text for people at the other side. */
	readonly reason: string;
}

/** What a reception is made of. */
export interface ReceptionParts {
	/** How refusals name the owner of this reception. */
	readonly owner: "the peer" | "the Coordinator";
	readonly limits: Limits;
	/** @default the machine's */
	readonly clock?: Clock;
	/** The handlers that are there from the beginning. */
	readonly handlers: ReadonlyMap<string, ProtocolHandler>;
	/** A handler has failed. */
	readonly failed: (failure: HandlerFailed) => void;
}

/** See the module. */
export class Reception {
	/** Streams without a protocol. */
	readonly incoming: IncomingStreams;
	readonly #owner: ReceptionParts["owner"];
	readonly #limits: Limits;
	readonly #clock: Clock;
	readonly #handlers: Map<string, ProtocolHandler>;
	readonly #runs: HandlerRuns;
	/** Streams that wait for a place in {@link incoming}. */
	readonly #untaken: WaitingStreams;
	/** Streams that wait until a handler may run. */
	readonly #unhandled: WaitingStreams;
	#over: Refusal | undefined;

	constructor({ owner, limits, clock = systemClock, handlers, failed }: ReceptionParts) {
		this.incoming = new IncomingStreams(limits.incomingStreams, () => this.#serve(this.#untaken, () => this.incoming.hasRoom));
		this.#owner = owner;
		this.#limits = limits;
		this.#clock = clock;
		this.#handlers = new Map(handlers);
		this.#runs = new HandlerRuns(limits.runningHandlers, failed, () => {
			if (this.#runs.hasRoom) this.#serve(this.#unhandled, (opener) => this.#runs.hasRoomFor(opener));
		});
		this.#untaken = new WaitingStreams(limits.waitingOpens);
		this.#unhandled = new WaitingStreams(limits.waitingOpens);
	}

	/** Streams that wait for a place. */
	get waiting(): number {
		return this.#untaken.length + this.#unhandled.length;
	}

	/** Handlers that run. */
	get running(): number {
		return this.#runs.size;
	}

	/**
	 * From now on, `handler` gets the streams of a protocol.
	 *
	 * Throws TypeError `OPTION_INVALID` if the name is not valid, `handler` is not a function, or the protocol has a handler;
	 * ConecError `LIMIT_EXCEEDED` beyond `limits.protocols`.
	 */
	handle(protocol: string, handler: ProtocolHandler): Handling {
		checkProtocol(protocol, "The name of a protocol");
		checkHandler(handler, protocol);
		const handlers = this.#handlers;
		const most = this.#limits.protocols;
		if (handlers.has(protocol))
			throw argumentError("type", "OPTION_INVALID", `Cannot handle protocol "${protocol}": it has a handler already. Close that first`);
		if (handlers.size >= most)
			throw new ConecError("LIMIT_EXCEEDED", `Cannot handle protocol "${protocol}": there are ${most} handlers already (limits.protocols)`);
		handlers.set(protocol, handler);
		let open = true;
		const close = (): void => {
			if (!open) return;
			open = false;
			handlers.delete(protocol);
			const { code, reason } = unhandled(protocol);
			this.#unhandled.reject(code, reason, protocol);
		};
		return { protocol, close, [Symbol.dispose]: close };
	}

	/**
	 * Takes a stream whose OPEN has been understood. It is accepted at once if there is a place for it. Otherwise it waits for one, in turn among
	 * those who have opened streams here. No opener gets all places of running handlers, or all places to wait, see `base/fair-pool.ts`. Answers REJECT: `PROTOCOL_UNHANDLED`, and `PEER_BUSY` if too many wait.
	 */
	arrive(arrival: Arrival): void {
		const { incoming, init, resume } = arrival;
		const { protocol } = init;
		const refusal = legProblem(resume) ?? this.#refusal(protocol);
		if (refusal !== undefined) return rejectStream(incoming, refusal.code, refusal.reason);
		const opener = openerOf(arrival);
		const waiting = protocol === undefined ? this.#untaken : this.#unhandled;
		const hasRoom = protocol === undefined ? this.incoming.hasRoom : this.#runs.hasRoomFor(opener);
		// Those of others wait although there is room if they hold too much already.
		if (hasRoom && waiting.lengthOf(init.peer) === 0) {
			const stream = acceptMessageStream(incoming, init, resume as NewStream);
			arrival.accepted(stream);
			return this.take(stream, opener);
		}
		if (waiting.add(arrival, resume as NewStream)) return;
		arrival.busy?.();
		rejectStream(incoming, "PEER_BUSY", `too many streams wait for ${this.#owner}'s application`);
	}

	/** Hands over a stream that has been accepted. `opener`: to whom it counts. */
	take(stream: FramedStream, opener: PoolKeys = [stream.peer]): void {
		const { protocol } = stream;
		if (protocol === undefined) return this.incoming.push(stream);
		const handler = this.#handlers.get(protocol);
		if (handler !== undefined) return this.#runs.begin(protocol, handler, stream, opener);
		stream.destroy(new ConecError("PROTOCOL_UNHANDLED", `Cannot take a stream: nobody handles protocol "${protocol}"`), RESET_CODES.REJECTED);
	}

	/** Takes no more streams. Those that the application has not taken are reset with `wireCode`, iterating `incomingStreams` ends, and handlers are told to end. */
	close(error: ConecError, wireCode: (typeof RESET_CODES)[keyof typeof RESET_CODES]): void {
		this.#end();
		this.incoming.close(error, wireCode);
		this.#runs.end(error, wireCode);
	}

	/** The same, but iterating `incomingStreams` ends with the error. */
	destroy(error: ConecError, wireCode: (typeof RESET_CODES)[keyof typeof RESET_CODES]): void {
		this.#end();
		this.incoming.destroy(error, wireCode);
		this.#runs.end(error, wireCode);
	}

	/** Why no such stream is accepted, now or later. */
	#refusal(protocol: string | undefined): Refusal | undefined {
		if (this.#over !== undefined) return this.#over;
		if (protocol !== undefined) return this.#handlers.has(protocol) ? undefined : unhandled(protocol);
		if (this.#limits.incomingStreams > 0 || this.incoming.hasRoom) return undefined;
		return { code: "PROTOCOL_UNHANDLED", reason: "it takes no streams without a protocol" };
	}

	/** Gives places to those who wait for them, in turn. */
	#serve(waiting: WaitingStreams, hasRoomFor: (opener: PoolKeys) => boolean): void {
		for (let next = waiting.accept(hasRoomFor); next !== undefined; next = waiting.accept(hasRoomFor)) this.take(next.stream, next.opener);
	}

	#end(): void {
		this.#over ??= LEAVING[this.#owner];
		for (const waiting of [this.#untaken, this.#unhandled]) waiting.reject(this.#over.code, this.#over.reason);
	}

	/** Resolves when the handlers have ended, or have had the time that closing leaves them: `limits.lingerMs`, and never all of `limits.closeTimeoutMs`. */
	async settled(): Promise<void> {
		if (this.#runs.size === 0) return;
		const { lingerMs, closeTimeoutMs } = this.#limits;
		await within(Math.min(lingerMs, (2 * closeTimeoutMs) / 3), this.#runs.settled(), this.#clock);
	}
}

const LEAVING: Readonly<Record<ReceptionParts["owner"], Refusal>> = {
	"the peer": { code: "CLIENT_CLOSED", reason: "the Client is leaving" },
	"the Coordinator": { code: "COORDINATOR_CLOSED", reason: "the Coordinator is stopping" },
};

function unhandled(protocol: string): Refusal {
	return { code: "PROTOCOL_UNHANDLED", reason: `it handles no protocol "${protocol}" (check the name, and the version of the program there)` };
}
