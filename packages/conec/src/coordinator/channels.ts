/**
 * The Coordinator's part in direct channels: it carries the question and the consent, gives each side what it needs to know of the other,
 * and hears what became of it. Everything a Client says wrong here is answered, passed over, or ends its own connection.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import type { PathReport } from "../entity/path-report.ts";
import { roundTripMs } from "../entity/round-trip.ts";
import type { Limits } from "../options.ts";
import type { Clock } from "../transport/clock.ts";
import type { SocketAddress } from "../transport/transport.ts";
import {
	CERTIFICATE_BYTES,
	type ChannelConsent,
	type ChannelMessageOfClient,
	type ChannelOffer,
	type ChannelRefusal,
	type ChannelRefusedCode,
	type ChannelReport,
	type ChannelRequest,
	type NatReport,
} from "../wire/channel-messages.ts";
import { CLOSE_CODES } from "../wire/codes.ts";
import type { Welcome } from "../wire/control.ts";
import { encodeDatagram } from "../wire/datagrams.ts";
import type { WireAddress } from "../wire/fields.ts";
import { canonicalIp } from "../wire/ip-address.ts";
import { type Attempt, Broker } from "./broker.ts";
import { ChannelEnds } from "./channel-ends.ts";
import { atOneSite, introduce } from "./introduction.ts";
import { hopelessReason } from "./nat-prospects.ts";
import { type LiveChannel, PathReports } from "./path-reports.ts";
import { PunchBudget } from "./punch-budget.ts";
import type { Reflector, ReflectorSession } from "./reflector.ts";
import type { Session } from "./session.ts";
import { type Challenge, ValidatedAddress } from "./validated-address.ts";

/** What became of an attempt, or of a channel. */
export interface ChannelStatus {
	readonly type: "channel";
	/** Who asked, and whom. */
	readonly peers: readonly [requester: string, target: string];
	/** `down`: a channel that was up has ended. */
	readonly outcome: "up" | "failed" | "down";
	/** As the Clients say: where the target is. */
	readonly address?: SocketAddress | undefined;
	readonly rttMs?: number | undefined;
	/** Untrusted. */
	readonly reason?: string | undefined;
}

/** What the Coordinator lends to {@link Channels}. */
export interface ChannelsHost {
	readonly limits: Limits;
	readonly clock: Clock;
	readonly find: (id: string) => Session | undefined;
	readonly closing: () => boolean;
	/** Whether a key is not welcome. */
	readonly denied: (fingerprint: string) => boolean;
	/** From the Coordinator's main socket. */
	readonly sendDatagram: (data: Uint8Array, to: SocketAddress) => boolean;
	/** Whether an address is a socket of the Coordinator. */
	readonly isOwn: (address: WireAddress) => boolean;
	/** The second port, if there is one. */
	readonly reflector: Reflector | undefined;
	readonly emit: (status: ChannelStatus) => void;
}

/** All direct channels that are being made, and what is known of those that have been. */
export class Channels {
	readonly #host: ChannelsHost;
	readonly #broker: Broker<Session, Wish>;
	readonly #budget: PunchBudget;
	/** What explains paths, of pairs: either side may change it. */
	readonly #reports: PathReports;
	/** Who has channels with whom: each side has its own record. */
	readonly #ends: ChannelEnds;
	readonly #members: Map<Session, Member> = new Map();
	/** Those to whom a challenge is to be repeated. */
	readonly #challenged: Set<Member> = new Set();
	#sweepAtMs = 0;
	#timer: unknown;
	#over = false;

	constructor(host: ChannelsHost) {
		this.#host = host;
		this.#broker = new Broker(host.limits);
		this.#budget = new PunchBudget(host.limits);
		this.#reports = new PathReports(host.limits.pathReports);
		this.#ends = new ChannelEnds({ limits: host.limits, denied: host.denied, find: (id) => this.#memberOf(id) });
	}

	/** Everything that is kept, for tests. */
	get size(): number {
		const { sessions = 0 } = this.#host.reflector ?? {};
		return this.#broker.size + this.#broker.sessions + this.#budget.size + this.#reports.size + this.#ends.size + this.#members.size + sessions;
	}

	/** A Client with the capability is about to be welcomed: what its welcome says of the second port. */
	joined(session: Session): Welcome["natTest"] {
		if (this.#over) return undefined;
		const { reflector } = this.#host;
		const { acceptedFrom } = session;
		const member: Member = { address: new ValidatedAddress(acceptedFrom && unmapped(acceptedFrom), newNonce), nat: undefined, reflected: undefined };
		this.#members.set(session, member);
		this.heard(session);
		if (reflector === undefined) return undefined;
		const key = newToken();
		member.reflected = reflector.admit(key);
		return { port: reflector.port, key };
	}

	/** Its session is over. */
	left(session: Session): void {
		const member = this.#members.get(session);
		if (member === undefined) return;
		this.#members.delete(session);
		this.#challenged.delete(member);
		if (member.reflected !== undefined) this.#host.reflector?.dismiss(member.reflected);
		for (const attempt of this.#broker.leave(session)) {
			if (attempt.outcome === "up") continue;
			if (attempt.state === "gone") this.#failed(attempt, `"${session.id}" has left`, false);
			if (attempt.target === session && attempt.state === "asked") this.#refuse(attempt.requester, attempt.request, "PEER_LOST", "the peer has left");
			else this.#cancelled(attempt.target === session ? attempt.requester : attempt.target, attempt, "the peer has left");
		}
		// Those with a channel to it look whether it is still there: it may have been killed.
		const connected = this.#ends.connectedTo(session).map(({ id }) => id);
		this.#ends.left(session);
		this.#tellChanged(session.id, [...new Set([...connected, ...this.#reports.left(session.id)])]);
	}

	/** Other keys are denied than before: see {@link ChannelEnds.denyListChanged}. Before the sessions of those are ended. */
	denyListChanged(): void {
		this.#ends.denyListChanged();
	}

	/** Something of it has arrived: where it is now may be new. */
	heard(session: Session): void {
		const member = this.#members.get(session);
		const from = unmapped(session.connection.remoteAddress);
		if (member === undefined) return;
		this.#challenge(member, member.address.heardFrom(from, this.#now()));
	}

	/** A message of a Client with the capability. */
	received(session: Session, message: ChannelMessageOfClient): void {
		const member = this.#members.get(session);
		if (member === undefined) return;
		switch (message.type) {
			case "channel-request":
				member.nat = message.nat;
				return this.#requested(session, member, message);
			case "channel-cancel":
				return this.#cancel(session, message.request);
			case "channel-answer":
				return this.#answered(session, member, message);
			case "channel-report":
				return this.#reported(session, message);
			case "channel-list":
				return this.#ends.listed(session, message.channels);
			case "address-echo":
				if (member.address.echoed(message.nonce)) this.#moved(session, member);
				return;
			case "nat-test":
				return this.#natTest(member);
		}
	}

	/** How two connected Clients reach each other, `a` first. */
	explain(a: Session, b: Session): PathReport {
		const facts = this.#reports.facts(a.id, b.id);
		const [own, peer] = [this.#members.get(a), this.#members.get(b)];
		const nat = { ...(own?.nat === undefined ? {} : { own: own.nat }), ...(peer?.nat === undefined ? {} : { peer: peer.nat }) };
		const common = { peers: [a.id, b.id] as const, candidates: facts?.candidates ?? [], nat };
		if (facts?.live !== undefined) {
			const { address, rttMs, requester } = facts.live;
			return {
				...common,
				path: "direct",
				reason: facts.reason,
				...(address === undefined || requester !== a.id ? {} : { address }),
				...(rttMs === undefined ? {} : { rttMs }),
				since: facts.since,
			};
		}
		if (this.#ends.connectedTo(a).includes(b)) return { ...common, path: "direct", reason: "both have a direct channel from before" };
		const without = own === undefined ? a : peer === undefined ? b : undefined;
		const why = without === undefined ? "nobody has asked for a direct channel" : `"${without.id}" does not take part in direct channels`;
		return { ...common, path: "proxied", reason: facts?.reason ?? why, ...(facts === undefined ? {} : { since: facts.since }) };
	}

	/** The Coordinator is stopping: what waits for an answer is told so. */
	stop(): void {
		for (const attempt of this.#broker.clear()) {
			if (attempt.state === "asked") this.#refuse(attempt.requester, attempt.request, "COORDINATOR_CLOSED", "the Coordinator is stopping");
		}
	}

	/** Forgets everything; nothing is done any more. */
	end(): void {
		this.#over = true;
		if (this.#timer !== undefined) this.#host.clock.clearTimeout(this.#timer);
		this.#timer = undefined;
		this.#broker.clear();
		this.#budget.clear();
		this.#reports.clear();
		this.#ends.clear();
		this.#members.clear();
		this.#challenged.clear();
		this.#host.reflector?.close();
	}

	#requested(session: Session, member: Member, message: ChannelRequest): void {
		const refuse = (code: ChannelRefusedCode, reason: string): void => this.#refuse(session, message.request, code, reason);
		// Any answer would be taken for the other request's.
		if (this.#broker.isLive(session, message.request)) return session.end(CLOSE_CODES.PROTOCOL_ERROR, `request ${message.request} is not over`);
		if (this.#host.closing()) return refuse("COORDINATOR_CLOSED", "the Coordinator is stopping");
		if (!this.#broker.admits(session, this.#now())) return refuse("LIMIT_EXCEEDED", "too many requests within a minute");
		if (message.peer === session.id) return refuse("DIRECT_UNAVAILABLE", "a Client needs no channel to itself");
		const target = this.#host.find(message.peer);
		if (target === undefined) return refuse("PEER_UNKNOWN", "peer is not connected");
		const other = this.#members.get(target);
		if (other === undefined) return refuse("DIRECT_UNAVAILABLE", "the peer does not take part in direct channels");
		if (certificateOf(session) === undefined || certificateOf(target) === undefined) return refuse("DIRECT_UNAVAILABLE", "a certificate is too long");
		if (message.auto) {
			const remembered = this.#reports.remembered(session.id, target.id);
			if (remembered !== undefined) return refuse("DIRECT_UNAVAILABLE", remembered);
			const hopeless = other.nat === undefined ? undefined : this.#hopeless([message.nat, other.nat], member, other, message.birthday);
			if (hopeless !== undefined) return this.#giveUp(session, message.request, target, hopeless);
		}
		const wish: Wish = { offer: message, auto: message.auto };
		const asked = this.#broker.ask({ requester: session, target, request: message.request, details: wish, token: newToken() }, this.#now());
		if (asked.type === "refused") return refuse(asked.code, asked.reason);
		target.control.send({ type: "channel-ask", token: asked.attempt.token, peer: session.peer, expiresInMs: this.#host.limits.requestTimeoutMs });
		this.#watch();
	}

	#cancel(session: Session, request: number): void {
		const attempt = this.#broker.cancel(session, request);
		if (attempt === undefined) return;
		this.#ends.over(session, attempt.token);
		if (attempt.outcome === "up") return;
		if (attempt.state === "gone") this.#failed(attempt, `"${session.id}" has given up`, false);
		this.#cancelled(attempt.target, attempt, "the peer has given up");
	}

	#answered(session: Session, member: Member, message: ChannelConsent | ChannelRefusal): void {
		// A token that was never given, has been used, is another's, or is too old: nobody waits for this.
		const attempt = this.#broker.answered(message.token, session, this.#now());
		if (attempt === undefined) return;
		if (message.accept) {
			member.nat = message.nat;
			return this.#agreed(attempt, member, message);
		}
		this.#broker.end(attempt);
		const { code, reason } = REFUSALS[message.code];
		this.#refuse(attempt.requester, attempt.request, code, reason);
	}

	#agreed(attempt: Begun, target: Member, consent: ChannelOffer): void {
		const requester = this.#members.get(attempt.requester);
		const [own, theirs] = [certificateOf(attempt.requester), certificateOf(attempt.target)];
		if (requester === undefined || own === undefined || theirs === undefined) return;
		for (const session of [attempt.requester, attempt.target]) this.heard(session);
		const { offer, auto } = attempt.details;
		const now = this.#now();
		const lifeMs = Math.max(1, Math.floor(attempt.expiresAtMs - now));
		const birthdayLifeMs = lifeMs + this.#host.limits.requestTimeoutMs / 2;
		const [toRequester, toTarget] = introduce(
			{ offer, reflexive: requester.address.address },
			{ offer: consent, reflexive: target.address.address },
			{
				...{ budget: this.#budget, requester: attempt.requester.id, nowMs: now, lifeMs, birthdayLifeMs, isOwn: this.#host.isOwn },
				birthdayFree: !this.#broker.inBirthday(attempt.requester) && !this.#broker.inBirthday(attempt.target),
			},
		);
		const birthday = toRequester.birthday !== undefined;
		const hopeless = auto ? this.#hopeless([offer.nat, consent.nat], requester, target, birthday) : undefined;
		if (hopeless !== undefined || toRequester.candidates.length === 0) {
			const exhausted = hopeless === undefined && toRequester.exhausted;
			const reason = hopeless ?? (exhausted ? TOO_MANY : "there is no address of the peer that datagrams may be sent to");
			this.#broker.end(attempt);
			// In a minute it may be otherwise, so nobody is to remember that.
			if (exhausted) this.#refuse(attempt.requester, attempt.request, "LIMIT_EXCEEDED", reason);
			else this.#giveUp(attempt.requester, attempt.request, attempt.target, reason);
			return this.#cancelled(attempt.target, attempt, reason);
		}
		const deadlineMs = Math.floor(birthday ? birthdayLifeMs : lifeMs);
		this.#broker.go(attempt, now, deadlineMs, birthday);
		this.#ends.begun(attempt);
		this.#reports.began(attempt.requester.id, attempt.target.id, toRequester.candidates, toTarget.candidates);
		// Both messages leave now and arrive half a round trip later: the nearer one waits for the farther one.
		const ahead = (roundTripMs(attempt.target.connection) - roundTripMs(attempt.requester.connection)) / 2;
		const common = { type: "channel-go", token: attempt.token, deadlineMs } as const;
		attempt.requester.control.send({
			...{ ...common, request: attempt.request, role: "dial", peer: attempt.target.peer, certificate: theirs },
			...{ candidates: toRequester.candidates, nat: consent.nat, punch: consent.punch, waitMs: waitOf(ahead) },
			...(toRequester.birthday === undefined ? {} : { birthday: toRequester.birthday }),
		});
		attempt.target.control.send({
			...{ ...common, role: "accept", peer: attempt.requester.peer, certificate: own },
			...{ candidates: toTarget.candidates, nat: offer.nat, punch: offer.punch, waitMs: waitOf(-ahead) },
			...(toTarget.birthday === undefined ? {} : { birthday: toTarget.birthday }),
		});
		this.#watch();
	}

	#reported(session: Session, report: ChannelReport): void {
		const { token, outcome, address, rttMs, reason } = report;
		this.#ends.reported(session, report);
		if (outcome === "down") {
			const live = this.#reports.liveOf(token);
			if (live === undefined || (live.requester !== session.id && live.target !== session.id)) return;
			this.#reports.down(token, reason ?? "the direct channel has ended");
			return this.#host.emit({ type: "channel", peers: [live.requester, live.target], outcome, ...(reason === undefined ? {} : { reason }) });
		}
		const attempt = this.#broker.report(token, session);
		if (attempt === undefined) return;
		if (outcome === "failed") return this.#failed(attempt, reason ?? "the peer could not be reached directly", true);
		const seen = canonicalIp(address?.address ?? "");
		const channel: LiveChannel = {
			...{ token, requester: attempt.requester.id, target: attempt.target.id },
			// Where the target is, only its requester can say.
			...(session !== attempt.requester || address === undefined || seen === undefined ? {} : { address: { address: seen, port: address.port } }),
			...(rttMs === undefined ? {} : { rttMs }),
		};
		attempt.outcome = "up";
		if (!this.#reports.up(channel)) return;
		const { requester, target, ...facts } = channel;
		this.#host.emit({ type: "channel", peers: [requester, target], outcome, ...{ address: facts.address, rttMs: facts.rttMs } });
		this.#watch();
	}

	/** `remembered`: that says something of the path. */
	#failed(attempt: Begun, reason: string, remembered: boolean): void {
		// The other side knows better, or has said so already.
		if (attempt.outcome !== undefined) return;
		attempt.outcome = "failed";
		const [requester, target] = [attempt.requester.id, attempt.target.id];
		// Of two that crossed, one is given up when the other is up.
		if (!this.#reports.failed(requester, target, reason, remembered)) return;
		this.#host.emit({ type: "channel", peers: [requester, target], outcome: "failed", reason });
	}

	/** For `auto` there is no point in trying. */
	#giveUp(session: Session, request: number, target: Session, reason: string): void {
		this.#reports.failed(session.id, target.id, reason, false);
		this.#refuse(session, request, "DIRECT_UNAVAILABLE", reason);
	}

	#hopeless(nats: readonly [NatReport, NatReport], a: Member, b: Member, birthday: boolean): string | undefined {
		return hopelessReason({ nats, sameSite: atOneSite(a.address.address, b.address.address), birthday });
	}

	/** Its validated address is another one. */
	#moved(session: Session, { address: { address } }: Member): void {
		if (address === undefined) return;
		session.control.send({ type: "address", observedAddress: address });
		for (const other of this.#ends.connectedTo(session)) other.control.send({ type: "peer-moved", peer: session.id, address });
		this.#tellChanged(session.id, this.#reports.changed(session.id));
	}

	#tellChanged(peer: string, ids: readonly string[]): void {
		for (const id of ids) this.#memberOf(id)?.control.send({ type: "peer-changed", peer });
	}

	#memberOf(id: string): Session | undefined {
		const session = this.#host.find(id);
		return session !== undefined && this.#members.has(session) ? session : undefined;
	}

	#natTest({ reflected, address: { address } }: Member): void {
		if (reflected !== undefined && address !== undefined) this.#host.reflector?.test(reflected, newNonce(), address);
	}

	#challenge(member: Member, challenge: Challenge | undefined): void {
		if (challenge === undefined) return;
		const { to, nonce } = challenge;
		// Anybody can be named by a forged packet: one datagram, and its repetition, count like any other to a stranger.
		if (
			to.port === 0 ||
			this.#host.isOwn(to) ||
			this.#budget.grantUnvalidated(to.address, CHALLENGE_PACKETS, this.#now(), CHALLENGE_LIFE_MS) < CHALLENGE_PACKETS
		)
			return;
		this.#host.sendDatagram(encodeDatagram({ type: "challenge", nonce }, NO_MAC), to);
		this.#challenged.add(member);
		this.#watch();
	}

	#refuse(session: Session, request: number, code: ChannelRefusedCode, reason: string): void {
		session.control.send({ type: "channel-refused", request, code, reason });
	}

	#cancelled(session: Session, { token }: Begun, reason: string): void {
		this.#ends.cancelled(session, token);
		session.control.send({ type: "channel-cancelled", token, reason });
	}

	#now(): number {
		return this.#host.clock.now();
	}

	/** Looks after what has a time, as long as there is any. */
	#watch(): void {
		const idle = this.#broker.size === 0 && this.#budget.size === 0 && this.#reports.liveCount === 0 && this.#challenged.size === 0;
		if (this.#over || idle || this.#timer !== undefined) return;
		this.#timer = this.#host.clock.setTimeout(() => {
			this.#timer = undefined;
			this.#tick();
			this.#watch();
		}, TICK_MS);
	}

	#tick(): void {
		const now = this.#now();
		for (const attempt of this.#broker.expire(now)) {
			if (attempt.state === "gone") {
				if (attempt.reported.size === 0) this.#failed(attempt, "neither side said what became of it", true);
				continue;
			}
			this.#refuse(attempt.requester, attempt.request, "PEER_TIMEOUT", "the peer has not answered");
			this.#cancelled(attempt.target, attempt, "it took too long");
		}
		for (const member of this.#challenged) {
			const repeated = member.address.repeat(now);
			if (repeated !== undefined) this.#host.sendDatagram(encodeDatagram({ type: "challenge", nonce: repeated.nonce }, NO_MAC), repeated.to);
			if (!member.address.waiting) this.#challenged.delete(member);
		}
		if (now < this.#sweepAtMs) return;
		this.#sweepAtMs = now + SWEEP_MS;
		this.#budget.sweep(now);
		// Their peers are to know at once that they moved; others need not be looked at before they speak.
		for (const id of this.#reports.liveIds()) {
			const session = this.#memberOf(id);
			if (session !== undefined) this.heard(session);
		}
	}
}

/** What a request wants. */
interface Wish {
	readonly offer: ChannelOffer;
	readonly auto: boolean;
}

type Begun = Attempt<Session, Wish>;

interface Member {
	readonly address: ValidatedAddress;
	/** The newest that it has said. */
	nat: NatReport | undefined;
	reflected: ReflectorSession | undefined;
}

const REFUSALS: { readonly [K in ChannelRefusal["code"]]: { readonly code: ChannelRefusedCode; readonly reason: string } } = {
	DECLINED: { code: "DIRECT_UNAVAILABLE", reason: "the peer declined" },
	CROSSED: { code: "CROSSED", reason: "the peer's own attempt goes on instead" },
	BUSY: { code: "PEER_BUSY", reason: "the peer has no room for another attempt" },
};

const TOO_MANY = "too many datagrams have been granted to the peer's address within a minute";

/** A datagram and its repetition. */
const CHALLENGE_PACKETS = 2;
const CHALLENGE_LIFE_MS = 1000;
const NO_MAC = (): Uint8Array => new Uint8Array();

const TICK_MS = 100;
const SWEEP_MS = 1000;

/** More would be a connection that is on its way down. */
const LONGEST_WAIT_MS = 1000;

function waitOf(aheadMs: number): number {
	return Math.round(Math.min(Math.max(0, aheadMs), LONGEST_WAIT_MS));
}

function newToken(): string {
	return randomBytes(16).toString("hex");
}

function newNonce(): string {
	return randomBytes(8).toString("hex");
}

function unmapped({ address, port }: SocketAddress): WireAddress {
	return { address: canonicalIp(address) ?? address, port };
}

/** The leaf in base64, if it fits into a message. */
function certificateOf(session: Session): string | undefined {
	const leaf = session.connection.peerCertificates[0];
	return leaf === undefined || leaf.length > CERTIFICATE_BYTES ? undefined : Buffer.from(leaf).toString("base64");
}
