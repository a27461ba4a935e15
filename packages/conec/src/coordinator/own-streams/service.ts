/**
 * The streams between a Coordinator's own application and its Clients, opened by either side.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { ConecError } from "../../errors.ts";
import type { CoordinatorLimits } from "../../limits.ts";
import { describeStream } from "../../session/describe-stream.ts";
import type { OpenStreamOptions } from "../../session/open-stream-options.ts";
import type { Reception } from "../../session/protocols/index.ts";
import { Survivors } from "../../session/resumption/index.ts";
import { StreamSet, type StreamSetEnd } from "../../session/stream-set.ts";
import type { StreamBudgets } from "../../stream/flow.ts";
import type { FramedStream, StreamInit } from "../../stream/framed-stream.ts";
import type { MessageStream } from "../../stream/message-stream.ts";
import type { IncomingStream } from "../../transport/transport.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import type { OpenDirect, OpenToCoordinator } from "../../wire/open.ts";
import type { Defence } from "../defence/index.ts";
import type { Session } from "../sessions/index.ts";

/** See the module. */
export class OwnStreams {
	readonly #limits: CoordinatorLimits;
	/** What all of them share. */
	readonly #budgets: StreamBudgets;
	readonly #clock: Clock;
	/** Counts streams that are refused. */
	readonly #defence: Pick<Defence, "count">;
	readonly #streams: StreamSet;
	readonly #reception: Reception;
	#ended = 0;
	/** Streams of Clients that survive the loss of their connection. The Coordinator opens no legs itself. */
	readonly #survivors: Survivors;

	constructor(limits: CoordinatorLimits, clock: Clock, random: Random, reception: Reception, budgets: StreamBudgets, defence: Pick<Defence, "count">) {
		this.#defence = defence;
		this.#limits = limits;
		this.#budgets = budgets;
		this.#clock = clock;
		this.#reception = reception;
		this.#survivors = new Survivors({ limits, clock, random, way: () => undefined });
		this.#streams = new StreamSet(undefined, clock, { waiting: limits.waitingCalls, live: () => Number.POSITIVE_INFINITY });
	}

	/** Those that are not over, or, if that is more, those that survive the loss of their connection and are not gone. */
	get size(): number {
		return Math.max(this.#streams.size, this.#survivors.size);
	}

	/** Streams that are over, since the beginning. */
	get ended(): number {
		return this.#ended;
	}

	/** Opens a stream to a Client. Rejects like `Coordinator.openStream`. */
	async open(session: Session, options: OpenStreamOptions): Promise<MessageStream> {
		const make = (id: number): { init: StreamInit; open: OpenDirect } => {
			const open = { id, metadata: options.metadata, protocol: options.protocol, priority: options.priority };
			return { init: this.#init(session, open, describeStream(id, "to", session.id)), open };
		};
		const stream = await this.#streams.open(session.connection, options, make, [session.silence]);
		this.#count(session, stream);
		return stream;
	}

	/** Takes a stream that a Client has opened to the Coordinator, now or when there is a place for it, or answers REJECT (`PEER_BUSY`, `PROTOCOL_UNHANDLED`). */
	accept(session: Session, incoming: IncomingStream, open: OpenToCoordinator): void {
		const accepted = (stream: FramedStream): void => {
			this.#streams.add(stream);
			this.#count(session, stream);
		};
		const init = this.#init(session, open, describeStream(open.id, "from", session.id));
		const legCame = (): void => {
			session.used = true;
		};
		const busy = (): void => this.#defence.count("refused", "stream", session.whom);
		const arrival = { incoming, init, resume: open.resume, accepted, legCame, opener: session.poolKeys, busy };
		this.#survivors.arrive(arrival, { peer: session.id, key: session.fingerprint, verified: false }, (stream) => this.#reception.arrive(stream));
	}

	/** Takes no more. Those that the application has not taken fail with the error, and handlers of protocols are told to end. */
	stop(error: ConecError): void {
		this.#reception.close(error, RESET_CODES.COORDINATOR_CLOSED);
	}

	/** Resolves when those handlers have ended, or have had their time. */
	settled(): Promise<void> {
		return this.#reception.settled();
	}

	/** Opens no more, waits until Clients have heard how the application ended its streams, and resets what is left. */
	async end(how: StreamSetEnd): Promise<void> {
		await this.#streams.end(how);
		this.#survivors.end(how.error, how.wireCode);
	}

	/** Ends all at once. */
	destroy(error: ConecError): void {
		this.stop(error);
		this.#streams.destroy(error, RESET_CODES.COORDINATOR_CLOSED);
		this.#survivors.end(error, RESET_CODES.COORDINATOR_CLOSED);
	}

	#count(session: Session, stream: MessageStream): void {
		session.used = true;
		session.streams++;
		void stream.closed.then(() => {
			session.streams--;
			this.#ended++;
		});
	}

	#init(session: Session, { id, metadata, protocol, priority }: OpenDirect, describe: string): StreamInit {
		const [limits, clock, budgets] = [this.#limits, this.#clock, this.#budgets];
		return { peer: session.id, id, path: "direct", metadata, protocol, priority, limits, describe, lostCode: "PEER_LOST", clock, budgets };
	}
}
