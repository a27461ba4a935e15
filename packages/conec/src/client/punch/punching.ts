/**
 * Does what the hole-punching machine asks for: datagrams on the sockets, handshakes, timers. One object for each attempt.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { ConecError, isConecError } from "../../errors.ts";
import type { SocketAddress, Transport, TransportFactory, TransportOptions } from "../../transport/transport.ts";
import type { Datagram } from "../../wire/datagrams.ts";
import { decodeDatagram } from "../../wire/datagrams.ts";
import { createPunchKeys, type PunchKeys } from "./datagrams.ts";
import { HolePunch } from "./machine.ts";
import type { PunchAction, PunchPlan, PunchReport } from "./plan.ts";
import { openProbeSockets, type ProbeSockets } from "./probe-sockets.ts";

/** What an attempt needs. */
export interface PunchingHost {
	/** The Client's own socket. */
	readonly transport: Transport;
	/** Makes a further transport on the port of an extra socket. The attempt owns it until it is handed over. */
	readonly createTransport: TransportFactory;
	readonly transportOptions: TransportOptions;
	readonly clock: Clock;
	/** @default the machine's */
	readonly random?: Random | undefined;
	/** Whether one more datagram may go to an address. Counts it if so. */
	allow(to: SocketAddress): boolean;
	/** Dials the peer and greets it. */
	dial(transport: Transport, to: SocketAddress, signal: AbortSignal): Promise<void>;
	/** From now on the peer's QUIC connection must be accepted on this further transport too. */
	acceptOn(transport: Transport): void;
	/** The attempt failed. Called at most once, never after {@link Punching.established} or {@link Punching.stop}. */
	failed(reason: string): void;
}

/** See the module. */
export class Punching {
	readonly keys: PunchKeys;
	readonly #host: PunchingHost;
	readonly #machine: HolePunch;
	readonly #abort = new AbortController();
	/** Transports that took over an extra socket. */
	readonly #further: Map<number, Promise<Transport>> = new Map();
	#sockets: ProbeSockets | undefined;
	#timer: unknown;
	#over = false;
	#lastProblem: string | undefined;

	constructor(token: string, plan: PunchPlan, host: PunchingHost) {
		this.keys = createPunchKeys(token, plan.role);
		this.#host = host;
		this.#machine = new HolePunch(plan, host.random?.fraction);
	}

	/** What was tried so far. */
	report(): PunchReport {
		return this.#machine.report();
	}

	start(): void {
		this.#perform(this.#machine.start(this.#host.clock.now()));
	}

	/** A datagram with this attempt's label has come. */
	received(datagram: Datagram, from: SocketAddress, socket = 0): void {
		const content = this.#over ? undefined : this.keys.open(datagram);
		if (content === undefined) return;
		this.#perform(this.#machine.received(this.#host.clock.now(), { type: content.type, nonce: content.nonce, from, socket }));
	}

	/** The channel is up, over `transport`. All other sockets are closed. */
	established(transport: Transport): void {
		if (this.#over) return;
		this.#end();
		for (const further of this.#further.values()) void further.then((one) => (one === transport ? undefined : one.destroy()), ignore);
	}

	/** Ends the attempt. `failed` is not called. */
	stop(): void {
		if (this.#over) return;
		this.#end();
		for (const further of this.#further.values()) void further.then((one) => one.destroy(), ignore);
	}

	#end(): void {
		this.#over = true;
		this.#machine.end();
		this.#host.clock.clearTimeout(this.#timer);
		this.#abort.abort();
		this.#sockets?.close();
	}

	#perform(actions: readonly PunchAction[]): void {
		for (const action of actions) {
			if (this.#over) return;
			this.#do(action);
		}
		if (this.#over) return;
		const { clock } = this.#host;
		clock.clearTimeout(this.#timer);
		const { nextTickAt } = this.#machine;
		if (nextTickAt === undefined) return;
		this.#timer = clock.setTimeout(() => void this.#tick(), Math.max(0, nextTickAt - clock.now()));
	}

	/** An answer may have come that this side had no time to read. Nothing is sent again, and nothing is given up, before that. */
	async #tick(): Promise<void> {
		await this.#host.transport.caughtUp();
		if (!this.#over) this.#perform(this.#machine.tick(this.#host.clock.now()));
	}

	#do(action: PunchAction): void {
		switch (action.type) {
			case "send":
				return this.#send(action);
			case "dial":
				return void this.#dial(action);
			case "accept":
				return void this.#transportOf(action.socket).then((transport) => this.#over || this.#host.acceptOn(transport), ignore);
			case "open-sockets":
				return void this.#open(action.count);
			case "failed": {
				const reason = this.#lastProblem === undefined ? action.reason : `${action.reason} (${this.#lastProblem})`;
				this.stop();
				return this.#host.failed(reason);
			}
		}
	}

	#send({ socket, to, datagram }: Extract<PunchAction, { readonly type: "send" }>): void {
		if (!this.#host.allow(to)) return;
		const bytes = datagram.type === "probe" ? this.keys.probe(datagram.nonce) : this.keys.answer(datagram.nonce, datagram.observed);
		if (socket === 0) this.#host.transport.sendDatagram(bytes, to);
		else if (!this.#further.has(socket)) this.#sockets?.send(socket, bytes, to);
		else void this.#further.get(socket)?.then((transport) => transport.sendDatagram(bytes, to), ignore);
	}

	async #dial({ socket, to, unasked = 0 }: Extract<PunchAction, { readonly type: "dial" }>): Promise<void> {
		try {
			for (let packet = 0; packet < unasked; packet++) if (!this.#host.allow(to)) throw new ConecError("LIMIT_EXCEEDED", "too much goes there already");
			const transport = await this.#transportOf(socket);
			await this.#host.dial(transport, to, this.#abort.signal);
		} catch (error) {
			if (this.#over) return;
			if (isConecError(error)) this.#lastProblem = error.message;
			this.#perform(this.#machine.dialFailed(this.#host.clock.now(), socket, to));
		}
	}

	async #open(count: number): Promise<void> {
		const sockets = await openProbeSockets(count, this.#host.transportOptions.host, (socket, data, from) => {
			const datagram = decodeDatagram(data);
			if (datagram.ok) this.received(datagram.value, from, socket);
		});
		this.#sockets = sockets;
		if (this.#over) return sockets.close();
		this.#perform(this.#machine.socketsOpened(this.#host.clock.now(), sockets.opened));
	}

	/** The Client's own transport, or one that takes over the port of an extra socket. The NAT knows the port, not the socket. */
	#transportOf(socket: number): Promise<Transport> {
		if (socket === 0) return Promise.resolve(this.#host.transport);
		const known = this.#further.get(socket);
		if (known !== undefined) return known;
		const made = (async () => {
			const port = (await this.#sockets?.release(socket)) ?? 0;
			const transport = this.#host.createTransport({ ...this.#host.transportOptions, port });
			transport.onDatagram = (data, from) => {
				const datagram = decodeDatagram(data);
				if (datagram.ok) this.received(datagram.value, from, socket);
			};
			return transport;
		})();
		this.#further.set(socket, made);
		return made;
	}
}

const ignore = (): void => undefined;
