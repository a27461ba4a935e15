/**
 * Hello and its answer, the first words on a connection, said and answered in any dialect of the control stream: between a Client and its
 * Coordinator, and between two Clients on a direct channel.
 *
 * The code that greets is not the code that listens afterwards. Messages that come in between are kept here, up to a bound. They are
 * delivered when the listener is there.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import { deferred, onAbort, reasonOf } from "../base/signals.ts";
import { ConecError, type ConecErrorCode } from "../errors.ts";
import type { IncomingStream, TransportCloseInfo, TransportConnection } from "../transport/transport.ts";
import { CLOSE_CODES } from "../wire/codes.ts";
import type { Ping, Pong } from "../wire/control.ts";
import { FRAME } from "../wire/frames.ts";
import { PROTOCOL_VERSIONS } from "../wire/versions.ts";
import { closeInfoOf } from "./close-info-of.ts";
import {
	acceptControlStream,
	type ControlDialect,
	type ControlEvents,
	type ControlLimits,
	type ControlStream,
	openControlStream,
	type Typed,
} from "./control-stream.ts";
import type { WorkShare } from "./pace/index.ts";

/** What is told of a control stream after the greeting. */
export type GreetedEvents<M extends Typed> = Pick<ControlEvents<M>, "message" | "heard" | "slowed" | "broken">;

/** A connection on which both sides have greeted. */
export interface Greeting<M extends Typed> {
	readonly connection: TransportConnection;
	readonly control: ControlStream<M>;
	/** Delivers what comes from now on. What has come since the greeting is delivered first. Call it once. */
	listen(events: GreetedEvents<M>): void;
}

/** What saying hello takes. */
export interface HelloToSay<M extends Typed, A extends M> {
	readonly dialect: ControlDialect<M | Ping | Pong>;
	readonly connection: TransportConnection;
	readonly hello: M;
	/** Whether a message answers it: a welcome or a refusal. */
	readonly isAnswer: (message: M) => message is A;
	/** How the messages of errors begin: `Cannot open direct channel`. */
	readonly action: string;
	/** What the loss of the connection means. */
	readonly lostCode: ConecErrorCode;
	readonly limits: ControlLimits;
	/** Ends the wait. */
	readonly signal: AbortSignal;
	/** The connection is closed with this code then: one of `CLOSE_CODES`. */
	readonly givenUpCode: number;
	/** @default the machine's */
	readonly clock?: Clock | undefined;
}

/**
 * Says hello and waits for the answer.
 *
 * Rejects with `PROTOCOL_ERROR` for anything else than an answer, or a version that was not offered; with how the connection ended; or
 * with `signal.reason`. The connection is closed then.
 */
export async function sayHello<M extends Typed, A extends M & { readonly version?: number | undefined }>(
	parts: HelloToSay<M, A>,
): Promise<Greeting<M> & { readonly answer: A }> {
	const { dialect, connection, hello, isAnswer, action, lostCode, limits, signal, givenUpCode, clock } = parts;
	const giveUp = (): never => {
		connection.close(givenUpCode, "given up");
		throw reasonOf(signal);
	};
	if (signal.aborted) giveUp();
	const violation = (reason: string): ConecError => new ConecError("PROTOCOL_ERROR", `${action}: ${reason}`);
	const ended = (info: TransportCloseInfo): ConecError => {
		const { code = lostCode, reason = "the connection ended" } = closeInfoOf(info, lostCode);
		return new ConecError(code, `${action}: ${reason}`, { cause: info.error });
	};
	const answered = deferred<A | ConecError>();
	const settle = (outcome: A | ConecError): void => {
		inbox.keep();
		answered.resolve(outcome);
	};
	const inbox = new Inbox<M>(connection, {
		message: (message) => settle(isAnswer(message) ? message : violation(`"${message.type}" before the welcome`)),
		broken: (_, reason) => settle(violation(reason)),
	});
	let control: ControlStream<M>;
	try {
		control = openControlStream(dialect, connection, hello, inbox, limits, clock);
	} catch {
		// It was over before anything could be said: a server refuses our certificate only after our side of the handshake is done.
		throw ended(await connection.closed);
	}
	void connection.closed.then((info) => {
		control.end();
		answered.resolve(ended(info));
	});
	const forget = onAbort(signal, () => {
		connection.close(givenUpCode, "given up");
		answered.reject(reasonOf(signal));
	});
	const answer = await answered.promise.finally(forget);
	// Between the answer and this moment nobody looked.
	if (signal.aborted) giveUp();
	if (answer instanceof ConecError) {
		connection.close(CLOSE_CODES.PROTOCOL_ERROR, answer.message);
		throw answer;
	}
	if (answer.version !== undefined && !PROTOCOL_VERSIONS.includes(answer.version)) {
		connection.close(CLOSE_CODES.PROTOCOL_ERROR, "a version that was not offered");
		throw violation(`it chose version ${answer.version}, which was not offered`);
	}
	return { connection, control, answer, listen: (events) => inbox.listen(events) };
}

/** What waiting for a hello takes. */
export interface HelloToHear<M extends Typed, H extends M> {
	readonly dialect: ControlDialect<M | Ping | Pong>;
	readonly isHello: (message: M | Ping | Pong) => message is H;
	readonly metadataBytes: number;
	/** It has come. Answer it with {@link answerHello}, or close the connection. */
	readonly heard: (incoming: IncomingStream, hello: H) => void;
}

/** Waits for the hello on a connection that was accepted. Anything else in its place, and a second stream before the welcome, end the connection with `PROTOCOL_ERROR`. */
export function hearHello<M extends Typed, H extends M>(connection: TransportConnection, parts: HelloToHear<M, H>): void {
	connection.onStream = (incoming) => {
		connection.onStream = () => connection.close(CLOSE_CODES.PROTOCOL_ERROR, "a stream before the welcome");
		const hello = readHello(incoming, parts);
		if (typeof hello === "string") connection.close(CLOSE_CODES.PROTOCOL_ERROR, hello);
		else parts.heard(incoming, hello);
	};
}

/** The hello in the first stream, or what is wrong with it. */
function readHello<M extends Typed, H extends M>({ header }: IncomingStream, { dialect, isHello, metadataBytes }: HelloToHear<M, H>): H | string {
	if (header.kind !== FRAME.CONTROL) return "the first stream is not the control stream";
	const message = dialect.decode(header.payload, metadataBytes);
	if (!message.ok) return message.error;
	return message.value !== undefined && isHello(message.value) ? message.value : "the first message is not hello";
}

/** A hello that is to be answered with one of the two. Any other message of the peer before that ends the connection with `PROTOCOL_ERROR`. */
export interface Answering<M extends Typed> {
	readonly control: ControlStream<M>;
	/** The connection has ended: nobody hears the answer. */
	readonly over: boolean;
	/** Yes, with this message. */
	welcome(message: M): Greeting<M>;
	/** No, with this message; the connection is closed with `REFUSED` when it has arrived. */
	refuse(message: M): void;
}

/** Takes the control stream that a hello has come on. `work`: what all such streams share. */
export function answerHello<M extends Typed>(
	incoming: IncomingStream,
	dialect: ControlDialect<M | Ping | Pong>,
	limits: ControlLimits,
	clock?: Clock,
	work?: WorkShare,
): Answering<M> {
	const { connection } = incoming;
	const inbox = new Inbox<M>(connection, {
		message: ({ type }) => connection.close(CLOSE_CODES.PROTOCOL_ERROR, `"${type}" before the welcome`),
		broken: (closeCode, reason) => connection.close(closeCode, reason),
	});
	return new Answer(connection, acceptControlStream(dialect, incoming, inbox, limits, clock, work), inbox);
}

class Answer<M extends Typed> implements Answering<M> {
	readonly control: ControlStream<M>;
	readonly #connection: TransportConnection;
	readonly #inbox: Inbox<M>;
	#over = false;

	constructor(connection: TransportConnection, control: ControlStream<M>, inbox: Inbox<M>) {
		this.#connection = connection;
		this.control = control;
		this.#inbox = inbox;
		void connection.closed.then(() => {
			this.#over = true;
			control.end();
		});
	}

	get over(): boolean {
		return this.#over;
	}

	welcome(message: M): Greeting<M> {
		this.#inbox.keep();
		this.control.send(message);
		return { connection: this.#connection, control: this.control, listen: (events) => this.#inbox.listen(events) };
	}

	refuse(message: M): void {
		this.control.send(message);
		this.control.finish();
	}
}

/** Delivers what comes on a control stream: at first to the greeting, later to the listener. In between it keeps it. */
class Inbox<M extends Typed> implements ControlEvents<M> {
	readonly #connection: TransportConnection;
	/** `undefined`: nobody listens yet, and messages are kept. */
	#events: GreetedEvents<M> | undefined;
	#kept: ((events: GreetedEvents<M>) => void)[] | undefined;

	/** `greeting`: told until {@link keep}. */
	constructor(connection: TransportConnection, greeting: GreetedEvents<M>) {
		this.#connection = connection;
		this.#events = greeting;
	}

	/** The greeting is over. What comes is kept until somebody listens. */
	keep(): void {
		this.#events = undefined;
	}

	listen(events: GreetedEvents<M>): void {
		this.#events = events;
		const kept = this.#kept ?? [];
		this.#kept = undefined;
		for (const tell of kept) tell(events);
	}

	message(message: Exclude<M, Ping | Pong>): void {
		if (this.#events !== undefined) return this.#events.message(message);
		this.#keep((events) => events.message(message));
	}

	heard(): void {
		this.#events?.heard?.();
	}

	slowed(): void {
		this.#events?.slowed?.();
	}

	broken(closeCode: number, reason: string): void {
		if (this.#events !== undefined) return this.#events.broken(closeCode, reason);
		this.#kept ??= [];
		this.#kept.push((events) => events.broken(closeCode, reason));
	}

	/** Only a refusal is followed by FIN. */
	finished(): void {
		this.#connection.close(CLOSE_CODES.REFUSED, "");
	}

	#keep(tell: (events: GreetedEvents<M>) => void): void {
		this.#kept ??= [];
		if (this.#kept.length < MOST_KEPT) this.#kept.push(tell);
		else this.#connection.close(CLOSE_CODES.LIMIT_EXCEEDED, "too many messages right after the greeting");
	}
}

/** Messages that are kept at most. Somebody listens within a turn of the event loop, and an honest side says far less by then. */
const MOST_KEPT = 256;
