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
import type { WireAddress } from "../wire/fields.ts";
import { canonicalIp } from "../wire/ip-address.ts";
import { type Attempt, Broker } from "./broker.ts";
import { introduce } from "./introduction.ts";
import { hopelessReason, type ProspectSide } from "./nat-prospects.ts";
import { type LiveChannel, PathReports } from "./path-reports.ts";
import { PunchBudget } from "./punch-budget.ts";
import type { Reflector, ReflectorSession } from "./reflector.ts";
import type { Session } from "./session.ts";
import { newNonce, SWEEP_MS, TICK_MS, Whereabouts } from "./whereabouts.ts";

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
	readonly #reports: PathReports;
	readonly #members: Map<Session, Member> = new Map();
	readonly #whereabouts: Whereabouts<Session>;
	/** Consented to, by when they begin: one of the two seems to have moved, and has been asked whether it is there. */
	readonly #waiting: Map<Begun, number> = new Map();
	#sweepAtMs = 0;
	#timer: { readonly atMs: number; readonly handle: unknown } | undefined;
	#over = false;

	constructor(host: ChannelsHost) {
		this.#host = host;
		this.#broker = new Broker(host.limits);
		this.#budget = new PunchBudget(host.limits);
		this.#reports = new PathReports(host.limits.pathReports);
		this.#whereabouts = new Whereabouts({ ...host, budget: this.#budget });
	}

	/** Everything that is kept, for tests. */
	get size(): number {
		return this.#broker.size + this.#broker.sessions + this.#budget.size + this.#reports.size + this.#members.size + (this.#host.reflector?.sessions ?? 0);
	}

	/** A Client with the capability is about to be welcomed: what its welcome says of the second port. */
	joined(session: Session): Welcome["natTest"] {
		if (this.#over) return undefined;
		const { reflector } = this.#host;
		const member: Member = { said: undefined, reflected: undefined };
		this.#members.set(session, member);
		this.#whereabouts.enter(session);
		this.#watch();
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
		this.#whereabouts.leave(session);
		if (member.reflected !== undefined) this.#host.reflector?.dismiss(member.reflected);
		for (const attempt of this.#broker.leave(session)) {
			if (attempt.outcome === "up") continue;
			if (attempt.state === "gone") this.#failed(attempt, `"${session.id}" has left`, false);
			if (attempt.target === session && attempt.state === "asked") this.#refuse(attempt.requester, attempt.request, "PEER_LOST", "the peer has left");
			else this.#cancelled(attempt.target === session ? attempt.requester : attempt.target, attempt, "the peer has left");
		}
		// Those with a channel to it look whether it is still there: it may have been killed.
		const connected = this.#reports.peersOf(session.id);
		this.#tellChanged(session.id, [...new Set([...connected, ...this.#reports.left(session.id)])]);
		this.#watch();
	}

	/** It is not welcome any more: those with a channel to it are to end it. Before its session is ended. */
	expel({ id }: Session, reason: string): void {
		for (const { peer, token } of this.#reports.channelsOf(id)) this.#memberOf(peer)?.control.send({ type: "channel-cancelled", token, reason });
	}

	/** Something of it has arrived: where it is now may be new. */
	heard(session: Session): void {
		this.#whereabouts.heard(session);
	}

	/** A message of a Client with the capability. */
	received(session: Session, message: ChannelMessageOfClient): void {
		const member = this.#members.get(session);
		if (member === undefined) return;
		switch (message.type) {
			case "channel-request":
				member.said = { offer: message, atMs: this.#now() };
				return this.#requested(session, message);
			case "channel-cancel":
				return this.#cancel(session, message.request);
			case "channel-answer":
				return this.#answered(session, member, message);
			case "channel-report":
				return this.#reported(session, message);
			case "address-echo":
				if (this.#whereabouts.echoed(session, message.nonce)) this.#moved(session, member);
				return;
			case "nat-test":
				return this.#natTest(session, member);
		}
	}

	/** How two connected Clients reach each other, `a` first. */
	explain(a: Session, b: Session): PathReport {
		const facts = this.#reports.facts(a.id, b.id);
		const [own, peer] = [this.#members.get(a), this.#members.get(b)];
		const nat = { ...(own?.said === undefined ? {} : { own: own.said.offer.nat }), ...(peer?.said === undefined ? {} : { peer: peer.said.offer.nat }) };
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
		if (this.#timer !== undefined) this.#host.clock.clearTimeout(this.#timer.handle);
		this.#timer = undefined;
		this.#broker.clear();
		this.#budget.clear();
		this.#reports.clear();
		this.#members.clear();
		this.#whereabouts.clear();
		this.#waiting.clear();
		this.#host.reflector?.close();
	}

	#requested(session: Session, message: ChannelRequest): void {
		const refuse = (code: ChannelRefusedCode, reason: string, retryAfterMs?: number): void =>
			this.#refuse(session, message.request, code, reason, retryAfterMs);
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
		this.heard(target);
		// What failed, and what is known of a NAT, may be of where one of them is no more.
		if (message.auto && !this.#whereabouts.moving(session) && !this.#whereabouts.moving(target)) {
			const remembered = this.#reports.remembered(session.id, target.id, this.#now());
			if (remembered !== undefined) return refuse("DIRECT_UNAVAILABLE", remembered.reason, remembered.retryAfterMs);
			const said = this.#lately(other);
			const hopeless = said && this.#hopeless(session, message, target, said, message.birthday);
			if (hopeless !== undefined) return this.#giveUp(session, message.request, target, hopeless);
		}
		const wish: Wish = { offer: message, auto: message.auto, moves: this.#whereabouts.moves(session), consent: undefined };
		const asked = this.#broker.ask({ requester: session, target, request: message.request, details: wish, token: newToken() }, this.#now());
		if (asked.type === "refused") return refuse(asked.code, asked.reason);
		target.control.send({ type: "channel-ask", token: asked.attempt.token, peer: session.peer, expiresInMs: this.#host.limits.requestTimeoutMs });
		this.#watch();
	}

	#cancel(session: Session, request: number): void {
		const attempt = this.#broker.cancel(session, request);
		if (attempt === undefined || attempt.outcome === "up") return;
		if (attempt.state === "gone") this.#failed(attempt, `"${session.id}" has given up`, false);
		this.#cancelled(attempt.target, attempt, "the peer has given up");
	}

	#answered(session: Session, member: Member, message: ChannelConsent | ChannelRefusal): void {
		// A token that was never given, has been used, is another's, or is too old: nobody waits for this.
		const attempt = this.#broker.answered(message.token, session, this.#now());
		if (attempt === undefined || attempt.details.consent !== undefined) return;
		if (message.accept) {
			member.said = { offer: message, atMs: this.#now() };
			attempt.details.consent = { offer: message, moves: this.#whereabouts.moves(session) };
			for (const one of [attempt.requester, attempt.target]) this.heard(one);
			if (!this.#mustWait(attempt)) return this.#agreed(attempt);
			this.#waiting.set(attempt, this.#now() + LONGEST_WAIT_MS);
			return this.#watch();
		}
		this.#broker.end(attempt);
		const { code, reason } = REFUSALS[message.code];
		this.#refuse(attempt.requester, attempt.request, code, reason);
	}

	/** One of the two is being asked whether it is where it seems to be: an attempt at its old address would be in vain. */
	#mustWait({ requester, target }: Begun): boolean {
		return this.#whereabouts.moving(requester) || this.#whereabouts.moving(target);
	}

	/** Begins what has waited long enough. */
	#waited(): void {
		const now = this.#now();
		for (const [attempt, untilMs] of this.#waiting) {
			if (now < untilMs && this.#mustWait(attempt)) continue;
			this.#waiting.delete(attempt);
			// It may be over meanwhile.
			if (this.#broker.answered(attempt.token, attempt.target, now) === attempt) this.#agreed(attempt);
		}
	}

	#agreed(attempt: Begun): void {
		const { requester, target } = attempt;
		const { auto, consent: yes } = attempt.details;
		const [own, theirs] = [certificateOf(requester), certificateOf(target)];
		if (yes === undefined || own === undefined || theirs === undefined) return;
		const offer = this.#upToDate(attempt.details.offer, requester, attempt.details.moves);
		const consent = this.#upToDate(yes.offer, target, yes.moves);
		const now = this.#now();
		const lifeMs = Math.max(1, Math.floor(attempt.expiresAtMs - now));
		const birthdayLifeMs = lifeMs + this.#host.limits.requestTimeoutMs / 2;
		const [toRequester, toTarget] = introduce(
			{ offer, reflexive: this.#whereabouts.of(requester) },
			{ offer: consent, reflexive: this.#whereabouts.of(target) },
			{
				...{ budget: this.#budget, requester: requester.id, nowMs: now, lifeMs, birthdayLifeMs, isOwn: this.#host.isOwn },
				birthdayFree: !this.#broker.inBirthday(attempt.requester) && !this.#broker.inBirthday(attempt.target),
			},
		);
		const birthday = toRequester.birthday !== undefined;
		const hopeless = auto ? this.#hopeless(requester, offer, target, consent, birthday) : undefined;
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
		attempt.details.moves = this.#whereabouts.moves(requester);
		yes.moves = this.#whereabouts.moves(target);
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

	#reported(session: Session, { token, outcome, address, rttMs, reason }: ChannelReport): void {
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

	/** What a Client would say of itself now, as far as can be known: its own networks come and go without a word. */
	#lately({ said }: Member): ChannelOffer | undefined {
		return said !== undefined && this.#now() < said.atMs + SAID_MS ? said.offer : undefined;
	}

	/** The offer as it is to be understood now: what was said of a NAT that its Client is not behind any more is worth nothing. */
	#upToDate(offer: ChannelOffer, session: Session, moves: number): ChannelOffer {
		return moves === this.#whereabouts.moves(session) ? offer : { ...offer, nat: NAT_UNKNOWN };
	}

	/** Whether one of the two has moved since both were told to begin, or perhaps just now. */
	#movedMeanwhile({ requester, target, details: { moves, consent } }: Begun): boolean {
		const is = this.#whereabouts;
		return is.moves(requester) !== moves || is.moves(target) !== consent?.moves || is.moving(requester) || is.moving(target);
	}

	/** `remembered`: that says something of the path. */
	#failed(attempt: Begun, reason: string, remembered: boolean): void {
		// The other side knows better, or has said so already.
		if (attempt.outcome !== undefined) return;
		attempt.outcome = "failed";
		const [requester, target] = [attempt.requester.id, attempt.target.id];
		// Of two that crossed, one is given up when the other is up.
		if (!this.#reports.failed(requester, target, reason, remembered && !this.#movedMeanwhile(attempt) ? this.#now() : undefined)) return;
		this.#host.emit({ type: "channel", peers: [requester, target], outcome: "failed", reason });
	}

	/** For `auto` there is no point in trying. */
	#giveUp(session: Session, request: number, target: Session, reason: string): void {
		this.#reports.failed(session.id, target.id, reason);
		this.#refuse(session, request, "DIRECT_UNAVAILABLE", reason);
	}

	#hopeless(requester: Session, offer: ChannelOffer, target: Session, consent: ChannelOffer, birthday: boolean): string | undefined {
		const of = (session: Session, { nat, hosts }: ChannelOffer): ProspectSide => ({ nat, hosts, reflexive: this.#whereabouts.of(session) });
		return hopelessReason([of(requester, offer), of(target, consent)], birthday);
	}

	/** Its validated address is another one. */
	#moved(session: Session, member: Member): void {
		const address = this.#whereabouts.of(session);
		if (address === undefined) return;
		member.said = undefined;
		if (member.reflected !== undefined) this.#host.reflector?.renew(member.reflected);
		session.control.send({ type: "address", observedAddress: address });
		for (const id of this.#reports.peersOf(session.id)) this.#memberOf(id)?.control.send({ type: "peer-moved", peer: session.id, address });
		// An attempt that is under way was told of the old address.
		const trying = this.#broker.partnersOf(session).map(({ id }) => id);
		this.#tellChanged(session.id, [...new Set([...this.#reports.changed(session.id), ...trying])]);
		this.#waited();
	}

	#tellChanged(peer: string, ids: readonly string[]): void {
		for (const id of ids) this.#memberOf(id)?.control.send({ type: "peer-changed", peer });
	}

	#memberOf(id: string): Session | undefined {
		const session = this.#host.find(id);
		return session !== undefined && this.#members.has(session) ? session : undefined;
	}

	#natTest(session: Session, { reflected }: Member): void {
		const address = this.#whereabouts.of(session);
		if (reflected !== undefined && address !== undefined) this.#host.reflector?.test(reflected, newNonce(), address);
	}

	#refuse(session: Session, request: number, code: ChannelRefusedCode, reason: string, retryAfterMs?: number): void {
		session.control.send({ type: "channel-refused", request, code, reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
	}

	#cancelled(session: Session, { token }: Begun, reason: string): void {
		session.control.send({ type: "channel-cancelled", token, reason });
	}

	#now(): number {
		return this.#host.clock.now();
	}

	/** Looks after what has a time, as long as there is any: often while something is under way, else only at where everybody is. */
	#watch(): void {
		if (this.#over) return;
		const busy = this.#broker.size > 0 || this.#whereabouts.busy;
		const idle = !busy && this.#budget.size === 0 && this.#whereabouts.size === 0;
		const atMs = this.#now() + (busy ? TICK_MS : SWEEP_MS);
		if (!idle && this.#timer !== undefined && this.#timer.atMs <= atMs) return;
		if (this.#timer !== undefined) this.#host.clock.clearTimeout(this.#timer.handle);
		this.#timer = undefined;
		if (idle) return;
		const handle = this.#host.clock.setTimeout(() => {
			this.#timer = undefined;
			this.#tick();
			this.#watch();
		}, atMs - this.#now());
		this.#timer = { atMs, handle };
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
		this.#whereabouts.tick();
		this.#waited();
		if (now < this.#sweepAtMs) return;
		this.#sweepAtMs = now + SWEEP_MS;
		this.#budget.sweep(now);
	}
}

/** What a request wants. */
interface Wish {
	readonly offer: ChannelOffer;
	readonly auto: boolean;
	/** How often the requester had moved when it said so; later, when both were told to begin. */
	moves: number;
	/** The target's yes, and the same of it. */
	consent: { readonly offer: ChannelOffer; moves: number } | undefined;
}

type Begun = Attempt<Session, Wish>;

interface Member {
	/** The newest that it has said of itself, at its present address. */
	said: { readonly offer: ChannelOffer; readonly atMs: number } | undefined;
	reflected: ReflectorSession | undefined;
}

const REFUSALS: { readonly [K in ChannelRefusal["code"]]: { readonly code: ChannelRefusedCode; readonly reason: string } } = {
	DECLINED: { code: "DIRECT_UNAVAILABLE", reason: "the peer declined" },
	CROSSED: { code: "CROSSED", reason: "the peer's own attempt goes on instead" },
	BUSY: { code: "PEER_BUSY", reason: "the peer has no room for another attempt" },
};

const TOO_MANY = "too many datagrams have been granted to the peer's address within a minute";

/** How long what a Client said of its networks is believed without asking. */
const SAID_MS = 600_000;

const NAT_UNKNOWN: NatReport = { mapping: "unknown", filtering: "unknown" };

/** More would be a connection that is on its way down, or an address that nobody answers from. */
const LONGEST_WAIT_MS = 1000;

function waitOf(aheadMs: number): number {
	return Math.round(Math.min(Math.max(0, aheadMs), LONGEST_WAIT_MS));
}

function newToken(): string {
	return randomBytes(16).toString("hex");
}

/** The leaf in base64, if it fits into a message. */
function certificateOf(session: Session): string | undefined {
	const leaf = session.connection.peerCertificates[0];
	return leaf === undefined || leaf.length > CERTIFICATE_BYTES ? undefined : Buffer.from(leaf).toString("base64");
}
