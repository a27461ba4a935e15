/**
 * The Coordinator's second UDP port, by which Clients learn what their NAT does: whether another destination sees another
 * port of theirs (echo), and whether packets from a port that they never sent to get in (test). Only for connected Clients, and never more
 * bytes than were sent to it.
 *
 * @module
 */

import { createHmac } from "node:crypto";
import type { Limits } from "../options.ts";
import type { SocketAddress, Transport } from "../transport/transport.ts";
import { decodeDatagram, encodeDatagram, isAuthentic, type Mac } from "../wire/datagrams.ts";

/** The bounds of a {@link Reflector}. */
export type ReflectorLimits = Pick<Limits, "natTests" | "natTestsPerSecond">;

/** What one session is known by at the second port. */
export interface ReflectorSession {
	readonly tag: string;
	readonly mac: Mac;
	used: number;
	secondStartedAtMs: number;
	usedInSecond: number;
}

/** Answers on the second port. */
export class Reflector {
	readonly #transport: Pick<Transport, "address" | "onDatagram" | "sendDatagram" | "destroy">;
	readonly #limits: ReflectorLimits;
	readonly #now: () => number;
	readonly #sessions: Map<string, ReflectorSession> = new Map();

	/** Takes the transport over: its datagrams and its end. */
	constructor(transport: Pick<Transport, "address" | "onDatagram" | "sendDatagram" | "destroy">, limits: ReflectorLimits, now: () => number) {
		this.#transport = transport;
		this.#limits = limits;
		this.#now = now;
		transport.onDatagram = (data, from) => this.#received(data, from);
	}

	/** The second port. */
	get port(): number {
		return this.#transport.address.port;
	}

	/** Sessions that are answered. */
	get sessions(): number {
		return this.#sessions.size;
	}

	/** From now on this session is answered. `key`: 32 hexadecimal digits, known to nobody else. */
	admit(key: string): ReflectorSession {
		const mac = macOf(key);
		const session: ReflectorSession = { tag: tagOf(mac), mac, used: 0, secondStartedAtMs: Number.NEGATIVE_INFINITY, usedInSecond: 0 };
		this.#sessions.set(session.tag, session);
		return session;
	}

	/** It is not any more. */
	dismiss(session: ReflectorSession): void {
		this.#sessions.delete(session.tag);
	}

	/** Sends one NAT_TEST. False: there have been too many, or it cannot be sent. */
	test(session: ReflectorSession, nonce: string, to: SocketAddress): boolean {
		return this.#mayAnswer(session) && this.#transport.sendDatagram(encodeDatagram({ type: "nat-test", nonce }, session.mac), to);
	}

	/** Forgets all sessions and releases the socket. */
	close(): void {
		this.#transport.onDatagram = undefined;
		this.#sessions.clear();
		this.#transport.destroy();
	}

	#received(data: Uint8Array, from: SocketAddress): void {
		const datagram = decodeDatagram(data);
		if (!datagram.ok || datagram.value.content.type !== "nat-echo-request") return;
		const { tag, nonce } = datagram.value.content;
		const session = this.#sessions.get(tag);
		if (session === undefined || from.port === 0 || !isAuthentic(datagram.value, session.mac) || !this.#mayAnswer(session)) return;
		this.#transport.sendDatagram(encodeDatagram({ type: "nat-echo", nonce, observed: from }, session.mac), from);
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

/** The MAC of a session's datagrams. `key`: hexadecimal. */
export function macOf(key: string): Mac {
	const bytes = Buffer.from(key, "hex");
	return (data) => createHmac("sha256", bytes).update(data).digest();
}

/** By which a datagram says whose it is: the first 8 bytes of the MAC of "conec session", in hexadecimal. */
export function tagOf(mac: Mac): string {
	return Buffer.from(mac(Buffer.from("conec session")).subarray(0, 8)).toString("hex");
}
