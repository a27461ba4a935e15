/**
 * The introductions of a Coordinator, with Clients that say what a test wants, on a virtual clock.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import type { PoolKeys } from "../src/base/fair-pool.ts";
import type { Reflector } from "../src/coordinator/addresses/reflector.ts";
import type { ChannelStatus } from "../src/coordinator/introduction/host.ts";
import { Introductions } from "../src/coordinator/introduction/service.ts";
import type { Session } from "../src/coordinator/sessions/session.ts";
import { sourceKeys } from "../src/coordinator/sessions/source.ts";
import { type CoordinatorLimits, resolveLimits } from "../src/limits.ts";
import type { ProvenIdentity } from "../src/tls/proven-identity.ts";
import type { SocketAddress } from "../src/transport/transport.ts";
import type { ChannelAsk, ChannelMessageOfClient, NatReport } from "../src/wire/channel-messages.ts";
import type { WirePeer } from "../src/wire/fields.ts";
import { createVirtualClock, type VirtualClock } from "./memory/virtual-clock.ts";

export const EASY: NatReport = { mapping: "independent", filtering: "by-port" };
export const HARD: NatReport = { mapping: "dependent", filtering: "by-port" };
const OFFER = { hosts: [], nat: EASY, punch: true, birthday: false } as const;

/** A session as far as Introductions look at one. */
export class FakeSession {
	readonly id: string;
	/** Another one each time: it is as good as a key. */
	readonly fingerprint: string = `sha256:${randomBytes(32).toString("hex")}`;
	readonly metadata: undefined;
	readonly heard: Record<string, unknown>[] = [];
	readonly connection: { remoteAddress: { address: string; port: number }; peer: ProvenIdentity; stats: () => { rttMs: number } };
	readonly control: { readonly send: (message: Record<string, unknown>) => number } = { send: (message: Record<string, unknown>) => this.heard.push(message) };
	readonly acceptedFrom: { address: string; port: number };
	readonly poolKeys: PoolKeys;
	ended: number | undefined;

	get whom(): Session["whom"] {
		return { id: this.id, fingerprint: this.fingerprint, address: this.acceptedFrom.address };
	}

	get peer(): WirePeer {
		return { id: this.id, fingerprint: this.fingerprint };
	}

	constructor(id: string, address: string, rttMs = 0) {
		this.id = id;
		this.acceptedFrom = { address, port: 4_000 };
		this.poolKeys = sourceKeys(this.fingerprint, address);
		this.connection = { remoteAddress: { address, port: 4_000 }, peer: this.proves(Uint8Array.of(1, 2, 3)), stats: () => ({ rttMs }) };
	}

	/** What it has proven, with that for a certificate. */
	proves(leaf: Uint8Array): ProvenIdentity {
		return { type: "certificate", leaf, chain: [leaf], fingerprint: this.fingerprint };
	}

	end(code: number): void {
		this.ended = code;
	}

	got<T>(type: string): T[] {
		return this.heard.filter((message) => message["type"] === type) as T[];
	}
}

/** See {@link create}. */
export interface Scene {
	readonly clock: VirtualClock;
	readonly channels: Introductions;
	/** What the Coordinator has sent beside QUIC. */
	readonly datagrams: { readonly data: Uint8Array; readonly to: SocketAddress }[];
	readonly statuses: ChannelStatus[];
	readonly enter: (id: string, address: string, rttMs?: number) => FakeSession;
	/** One that takes no part in direct channels. */
	readonly enterWithout: (id: string, address: string) => FakeSession;
	readonly leave: (session: FakeSession) => void;
	readonly say: (session: FakeSession, message: ChannelMessageOfClient) => void;
	/** Asks for a channel; the number of the request. */
	readonly ask: (from: FakeSession, peer: string, changes?: object) => number;
	/** Says yes to the newest question. */
	readonly agree: (to: FakeSession, changes?: object) => void;
	/** These keys, and no others, are not welcome from now on. */
	readonly deny: (...fingerprints: string[]) => void;
}

/** A Coordinator's channels, and what Clients do there. `reflector`: its second port. */
export function create(limits: Partial<CoordinatorLimits> = {}, reflector?: Reflector): Scene {
	const clock = createVirtualClock();
	const sessions = new Map<string, FakeSession>();
	const datagrams: { data: Uint8Array; to: { address: string; port: number } }[] = [];
	const statuses: ChannelStatus[] = [];
	const denied = new Set<string>();
	const channels = new Introductions({
		limits: resolveLimits(limits, "coordinator"),
		clock,
		find: (id) => sessions.get(id) as unknown as Session | undefined,
		closing: () => false,
		denied: (fingerprint) => denied.has(fingerprint),
		sendDatagram: (data, to) => datagrams.push({ data, to }) > 0,
		isOwn: ({ port }) => port === 1719,
		reflector,
		emit: (status) => statuses.push(status),
		defence: { count: () => undefined },
	});
	const enter = (id: string, address: string, rttMs?: number): FakeSession => {
		const session = new FakeSession(id, address, rttMs);
		sessions.set(id, session);
		channels.joined(session as unknown as Session);
		return session;
	};
	const enterWithout = (id: string, address: string): FakeSession => {
		const session = new FakeSession(id, address);
		sessions.set(id, session);
		return session;
	};
	const leave = (session: FakeSession): void => {
		sessions.delete(session.id);
		channels.left(session as unknown as Session);
	};
	const say = (session: FakeSession, message: ChannelMessageOfClient): void => {
		channels.heard(session as unknown as Session);
		channels.received(session as unknown as Session, message);
	};
	let request = 0;
	const ask = (from: FakeSession, peer: string, changes: object = {}): number => {
		say(from, { type: "channel-request", request: ++request, peer, ...OFFER, auto: false, ...changes });
		return request;
	};
	const agree = (to: FakeSession, changes: object = {}): void => {
		const { token } = to.got<ChannelAsk>("channel-ask").at(-1) as ChannelAsk;
		say(to, { type: "channel-answer", token, accept: true, ...OFFER, ...changes });
	};
	const deny = (...fingerprints: string[]): void => {
		denied.clear();
		for (const fingerprint of fingerprints) denied.add(fingerprint);
		channels.denyListChanged();
	};
	return { clock, channels, datagrams, statuses, enter, enterWithout, leave, say, ask, agree, deny };
}
