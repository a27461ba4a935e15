/**
 * The Coordinator's second UDP port, by which Clients learn what their NAT does: whether another destination sees another
 * port of theirs (echo), and whether packets from a port that they never sent to get in (test, from a third port). Only for connected Clients, and never more
 * bytes than were sent to it.
 *
 * @module
 */

import type { CoordinatorLimits } from "../../limits.ts";
import { createNatTestKeys, type NatTestKeys } from "../../session/nat-test-keys.ts";
import type { SocketAddress, Transport } from "../../transport/transport.ts";
import { decodeDatagram } from "../../wire/datagrams.ts";

/** The bounds of a {@link Reflector}. */
export type ReflectorLimits = Pick<CoordinatorLimits, "natTests" | "natTestsPerSecond">;

/** What one session is known by at the second port. */
export interface ReflectorSession {
	readonly keys: NatTestKeys;
	used: number;
	secondStartedAtMs: number;
	usedInSecond: number;
}

/** The second port, and one that only sends; see `NatTestSockets`. */
export interface ReflectorSockets {
	readonly echo: Pick<Transport, "address" | "onDatagram" | "sendDatagram" | "destroy">;
	readonly test: Pick<Transport, "sendDatagram" | "destroy">;
}

/** Answers on the second port. */
export class Reflector {
	readonly #echo: ReflectorSockets["echo"];
	readonly #test: ReflectorSockets["test"];
	readonly #limits: ReflectorLimits;
	readonly #now: () => number;
	readonly #sessions: Map<string, ReflectorSession> = new Map();

	/** Takes the sockets over: their datagrams and their end. */
	constructor({ echo, test }: ReflectorSockets, limits: ReflectorLimits, now: () => number) {
		this.#echo = echo;
		this.#test = test;
		this.#limits = limits;
		this.#now = now;
		echo.onDatagram = (data, from) => this.#received(data, from);
	}

	/** The second port. */
	get port(): number {
		return this.#echo.address.port;
	}

	/** Sessions that are answered. */
	get sessions(): number {
		return this.#sessions.size;
	}

	/** From now on this session is answered. `key`: 32 hexadecimal digits, known to nobody else. */
	admit(key: string): ReflectorSession {
		const session: ReflectorSession = { keys: createNatTestKeys(key), used: 0, secondStartedAtMs: Number.NEGATIVE_INFINITY, usedInSecond: 0 };
		this.#sessions.set(session.keys.tag, session);
		return session;
	}

	/** It is somewhere else, behind another NAT perhaps, and begins anew. */
	renew(session: ReflectorSession): void {
		session.used = 0;
	}

	/** It is not any more. */
	dismiss(session: ReflectorSession): void {
		this.#sessions.delete(session.keys.tag);
	}

	/** Sends one NAT_TEST. False: there have been too many, or it cannot be sent. */
	test(session: ReflectorSession, nonce: string, to: SocketAddress): boolean {
		return this.#mayAnswer(session) && this.#test.sendDatagram(session.keys.test(nonce), to);
	}

	/** Forgets all sessions and releases the socket. */
	close(): void {
		this.#echo.onDatagram = undefined;
		this.#sessions.clear();
		this.#echo.destroy();
		this.#test.destroy();
	}

	#received(data: Uint8Array, from: SocketAddress): void {
		const datagram = decodeDatagram(data);
		if (!datagram.ok || datagram.value.content.type !== "nat-echo-request") return;
		const { tag, nonce } = datagram.value.content;
		const session = this.#sessions.get(tag);
		if (session === undefined || from.port === 0 || session.keys.open(datagram.value) === undefined || !this.#mayAnswer(session)) return;
		this.#echo.sendDatagram(session.keys.echo(nonce, from), from);
	}

	#mayAnswer(session: ReflectorSession): boolean {
		const now = this.#now();
		if (now >= session.secondStartedAtMs + 1000) {
			session.secondStartedAtMs = now;
			session.usedInSecond = 0;
		}
		if (session.used >= this.#limits.natTests || session.usedInSecond >= this.#limits.natTestsPerSecond) return false;
		session.used++;
		session.usedInSecond++;
		return true;
	}
}
