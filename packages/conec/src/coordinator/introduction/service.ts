/**
 * The Coordinator's part in direct channels: it carries the question and the consent, gives each side what it needs to know of the other,
 * and hears what became of it. Everything a Client says wrong here is answered, passed over, or ends its own connection.
 *
 * @module
 */

import { DueTimer } from "../../base/due-timer.ts";
import { randomHex, systemRandom } from "../../base/random.ts";
import type { PathReport } from "../../session/path-report.ts";
import type {
	ChannelConsent,
	ChannelMessageOfClient,
	ChannelOffer,
	ChannelRefusal,
	ChannelRefusedCode,
	ChannelReport,
	ChannelRequest,
} from "../../wire/channel-messages.ts";
import { CLOSE_CODES } from "../../wire/codes.ts";
import type { Welcome } from "../../wire/control.ts";
import { ChallengeBudget, SWEEP_MS, TICK_MS, Whereabouts } from "../addresses/index.ts";
import type { Session } from "../sessions/index.ts";
import { refusalOf, refuse } from "./answers.ts";
import { Broker } from "./broker.ts";
import { ChannelEnds } from "./channel-ends.ts";
import { type Begun, type Endings, expired, madeWay } from "./endings.ts";
import { explainPair } from "./explain-pair.ts";
import { certificateOf, goMessages } from "./go.ts";
import type { IntroductionsHost } from "./host.ts";
import { giveBack, type IntroductionTerms, introduce, NOT_RESERVED, type Reservation, reserve } from "./introduce.ts";
import { OpenGrants } from "./open-grants.ts";
import { type Arrangement, hopelessBetween, lately, movedMeanwhile, type Party, upToDate } from "./parties.ts";
import { PathReports, reportedChannel } from "./path-reports.ts";
import { PunchBudget } from "./punch-budget.ts";
import { WaitingAttempts } from "./waiting-attempts.ts";

/** All direct channels that are being made, and what is known of those that have been. */
export class Introductions {
	readonly #host: IntroductionsHost;
	readonly #broker: Broker<Session, Arrangement>;
	readonly #budget: PunchBudget;
	/** What attempts may send, until they have said what they did. */
	readonly #grants: OpenGrants<Session> = new OpenGrants();
	/** What explains paths, of pairs: either side may change it. */
	readonly #reports: PathReports;
	/** Who has channels with whom: each side has its own record. */
	readonly #ends: ChannelEnds;
	readonly #parties: Map<Session, Party> = new Map();
	readonly #whereabouts: Whereabouts<Session>;
	readonly #waiting: WaitingAttempts<Session, Begun>;
	/** All of these that keep something. */
	readonly #all: readonly { readonly size: number; clear(): unknown }[];
	readonly #endings: Endings = {
		release: (arrangement) => this.#release(arrangement),
		failed: (attempt, reason, remembered) => this.#failed(attempt, reason, remembered),
		cancelled: (session, attempt, reason) => this.#cancelled(session, attempt, reason),
	};
	#sweepAtMs = 0;
	readonly #timer: DueTimer;
	#over = false;

	constructor(host: IntroductionsHost) {
		this.#host = host;
		this.#timer = new DueTimer(host.clock, () => {
			this.#tick();
			this.#watch();
		});
		this.#broker = new Broker(host.limits, ({ poolKeys }) => poolKeys);
		this.#budget = new PunchBudget(host.limits);
		this.#reports = new PathReports(host.limits.pathReports, () => host.clock.wallMs());
		this.#whereabouts = new Whereabouts({ ...host, challenges: new ChallengeBudget(host.limits) });
		this.#waiting = new WaitingAttempts(this.#whereabouts);
		this.#ends = new ChannelEnds({ limits: host.limits, denied: host.denied, now: () => this.#now(), find: (id) => this.#partyOf(id) });
		this.#all = [this.#broker, this.#budget, this.#grants, this.#reports, this.#ends, this.#parties, this.#whereabouts, this.#waiting];
	}

	/** Everything that is kept, for tests. */
	get size(): number {
		const kept = this.#all.reduce((sum, { size }) => sum + size, 0);
		return kept + this.#broker.sessions + (this.#host.reflector?.sessions ?? 0);
	}

	/** A Client with the capability is about to be welcomed: what its welcome says of the second port. */
	joined(session: Session): Welcome["natTest"] {
		if (this.#over) return undefined;
		const { reflector } = this.#host;
		const party: Party = { said: undefined, reflected: undefined };
		this.#parties.set(session, party);
		this.#whereabouts.enter(session);
		this.#watch();
		if (reflector === undefined) return undefined;
		const key = this.#newHex(TOKEN_BYTES);
		party.reflected = reflector.admit(key);
		return { port: reflector.port, key };
	}

	/** Its session is over. */
	left(session: Session): void {
		const party = this.#parties.get(session);
		// Some have asked for a channel to it nevertheless.
		if (party === undefined) return this.#tellChanged(session.id, this.#reports.left(session.id));
		this.#parties.delete(session);
		this.#whereabouts.leave(session);
		if (party.reflected !== undefined) this.#host.reflector?.dismiss(party.reflected);
		for (const attempt of this.#broker.leave(session)) {
			this.#release(attempt.details);
			if (attempt.outcome === "up") continue;
			if (attempt.state === "gone") this.#failed(attempt, `"${session.id}" has left`, false);
			if (attempt.target === session && attempt.state === "asked") refuse(attempt.requester, attempt.request, "PEER_LOST", "the peer has left");
			else this.#cancelled(attempt.target === session ? attempt.requester : attempt.target, attempt, "the peer has left");
		}
		// Those with a channel to it look whether it is still there: it may have been killed.
		const connected = this.#ends.connectedTo(session).map(({ id }) => id);
		this.#ends.left(session);
		this.#tellChanged(session.id, [...new Set([...connected, ...this.#reports.left(session.id)])]);
		this.#watch();
	}

	/** Other keys are denied than before: see {@link ChannelEnds.denyListChanged}. Before the sessions of those are ended. */
	denyListChanged(): void {
		this.#ends.denyListChanged();
	}

	/** Something of it has arrived: where it is now may be new. */
	heard(session: Session): void {
		this.#whereabouts.heard(session);
	}

	/** A message of a Client with the capability. */
	received(session: Session, message: ChannelMessageOfClient): void {
		const party = this.#parties.get(session);
		if (party === undefined) return;
		switch (message.type) {
			case "channel-request":
				party.said = { offer: message, atMs: this.#now() };
				return this.#requested(session, message);
			case "channel-cancel":
				return this.#cancel(session, message.request);
			case "channel-answer":
				return this.#answered(session, party, message);
			case "channel-report":
				return this.#reported(session, message);
			case "channel-list":
				return this.#ends.listed(session, message.channels);
			case "address-echo":
				if (this.#whereabouts.echoed(session, message.nonce)) this.#moved(session, party);
				return;
			case "nat-test":
				return this.#natTest(session, party);
		}
	}

	/** How two connected Clients reach each other, `a` first. */
	explain(a: Session, b: Session): PathReport {
		const side = (session: Session) => {
			const party = this.#parties.get(session);
			return { id: session.id, takesPart: party !== undefined, nat: party?.said?.offer.nat };
		};
		return explainPair(side(a), side(b), this.#reports.facts(a.id, b.id), this.#ends.connectedTo(a).includes(b));
	}

	/** The Coordinator is stopping: what waits for an answer is told so. */
	stop(): void {
		for (const attempt of this.#broker.clear()) {
			if (attempt.state === "asked") refuse(attempt.requester, attempt.request, "COORDINATOR_CLOSED", "the Coordinator is stopping");
		}
	}

	/** Forgets everything; nothing is done any more. */
	end(): void {
		this.#over = true;
		this.#timer.clear();
		for (const one of this.#all) one.clear();
		this.#host.reflector?.close();
	}

	#requested(session: Session, message: ChannelRequest): void {
		const no = (code: ChannelRefusedCode, reason: string, retryAfterMs?: number): void =>
			refuse(session, message.request, code, reason, retryAfterMs, this.#host.defence);
		// Any answer would be taken for the other request's.
		if (this.#broker.isLive(session, message.request)) return session.end(CLOSE_CODES.PROTOCOL_ERROR, `request ${message.request} is not over`);
		if (this.#host.closing()) return no("COORDINATOR_CLOSED", "the Coordinator is stopping");
		const tooManyForMs = this.#broker.refusedForMs(session, this.#now());
		if (tooManyForMs !== undefined) return no("LIMIT_EXCEEDED", "too many requests within a minute", tooManyForMs);
		if (message.peer === session.id) return no("DIRECT_UNAVAILABLE", "a Client needs no channel to itself");
		const target = this.#host.find(message.peer);
		if (target === undefined) return no("PEER_UNKNOWN", "peer is not connected");
		const other = this.#parties.get(target);
		if (other === undefined) return this.#giveUp(session, message.request, target, "the peer does not take part in direct channels");
		if (certificateOf(session) === undefined || certificateOf(target) === undefined)
			return this.#giveUp(session, message.request, target, "a certificate is too long");
		this.heard(target);
		// What failed, and what is known of a NAT, may be of where one of them is no more.
		const still = !this.#whereabouts.unproven(session) && !this.#whereabouts.unproven(target);
		const remembered = message.auto && still ? this.#reports.remembered(session.id, target.id, this.#now()) : undefined;
		if (remembered !== undefined) return no("DIRECT_UNAVAILABLE", remembered.reason, remembered.retryAfterMs);
		const said = still ? lately(other, this.#now()) : undefined;
		const hopeless = said && this.#hopeless([session, message], [target, said], message.birthday);
		if (message.auto && hopeless !== undefined) return this.#giveUp(session, message.request, target, hopeless);
		const reserved = this.#reserve(session, target, this.#host.limits.requestTimeoutMs, hopeless !== undefined);
		if (typeof reserved === "number") return no("LIMIT_EXCEEDED", TOO_MANY, reserved);
		const arrangement: Arrangement = { auto: message.auto, asked: { offer: message, moves: this.#whereabouts.moves(session) }, consent: undefined, reserved };
		const asked = this.#broker.ask(
			{ requester: session, target, request: message.request, details: arrangement, token: this.#newHex(TOKEN_BYTES) },
			this.#now(),
		);
		if (asked.type === "refused") {
			this.#release(arrangement);
			return no(asked.code, asked.reason, asked.retryAfterMs);
		}
		if (asked.madeWay !== undefined) madeWay(asked.madeWay, this.#endings);
		target.control.send({ type: "channel-ask", token: asked.attempt.token, peer: session.peer, expiresInMs: this.#host.limits.requestTimeoutMs });
		this.#watch();
	}

	#cancel(session: Session, request: number): void {
		const attempt = this.#broker.cancel(session, request);
		if (attempt === undefined) return;
		this.#ends.over(session, attempt.token);
		if (attempt.outcome === "up") return;
		this.#release(attempt.details);
		if (attempt.state === "gone") this.#failed(attempt, `"${session.id}" has given up`, false);
		this.#cancelled(attempt.target, attempt, "the peer has given up");
	}

	#answered(session: Session, party: Party, message: ChannelConsent | ChannelRefusal): void {
		// A token that was never given, has been used, is another's, or is too old: nobody waits for this.
		const attempt = this.#broker.answered(message.token, session, this.#now());
		if (attempt === undefined || attempt.details.consent !== undefined) return;
		if (message.accept) {
			party.said = { offer: message, atMs: this.#now() };
			attempt.details.consent = { offer: message, moves: this.#whereabouts.moves(session) };
			for (const one of [attempt.requester, attempt.target]) this.heard(one);
			if (!this.#waiting.add(attempt, this.#now())) return this.#agreed(attempt);
			return this.#watch();
		}
		this.#broker.end(attempt);
		this.#release(attempt.details);
		if (message.code === "DECLINED") return this.#giveUp(attempt.requester, attempt.request, session, "the peer declined");
		const { code, reason } = refusalOf(message.code);
		refuse(attempt.requester, attempt.request, code, reason);
	}

	/** Begins what has waited long enough. */
	#waited(): void {
		// It may be over meanwhile.
		for (const attempt of this.#waiting.due(this.#now())) {
			if (this.#broker.answered(attempt.token, attempt.target, this.#now()) === attempt) this.#agreed(attempt);
		}
	}

	#agreed(attempt: Begun): void {
		const { requester, target } = attempt;
		const { auto, asked, consent: yes } = attempt.details;
		if (yes === undefined) return;
		const offer = upToDate(asked, requester, this.#whereabouts);
		const consent = upToDate(yes, target, this.#whereabouts);
		const now = this.#now();
		const lifeMs = Math.max(1, Math.floor(attempt.expiresAtMs - now));
		const birthdayLifeMs = lifeMs + this.#host.limits.requestTimeoutMs / 2;
		if (!auto && this.#hopeless([requester, offer], [target, consent], offer.birthday && consent.birthday) !== undefined) {
			// Only now is that known.
			this.#release(attempt.details);
			const rest = this.#reserve(requester, target, lifeMs, true);
			if (typeof rest === "number") return this.#putOff(attempt, rest);
			attempt.details.reserved = rest;
		}
		const [toRequester, toTarget] = introduce(
			{ offer, reflexive: this.#whereabouts.of(requester) },
			{ offer: consent, reflexive: this.#whereabouts.of(target) },
			{
				...{ ...this.#terms(requester, lifeMs), birthdayLifeMs },
				birthdayFree: !this.#broker.inBirthday(attempt.requester) && !this.#broker.inBirthday(attempt.target),
			},
			attempt.details.reserved,
		);
		attempt.details.reserved = NOT_RESERVED;
		const birthday = toRequester.birthday !== undefined;
		const hopeless = auto ? this.#hopeless([requester, offer], [target, consent], birthday) : undefined;
		const waits = [toRequester, toTarget].flatMap(({ exhaustedForMs }) => exhaustedForMs ?? []);
		const exhaustedForMs = waits.length === 0 ? undefined : Math.max(...waits);
		const reason = hopeless ?? (toRequester.candidates.length === 0 ? "there is no address of the peer that datagrams may be sent to" : undefined);
		if (reason !== undefined || exhaustedForMs !== undefined) {
			giveBack([...toRequester.grants.values(), ...toTarget.grants.values()], now);
			if (hopeless === undefined && exhaustedForMs !== undefined) return this.#putOff(attempt, exhaustedForMs);
			this.#broker.end(attempt);
			this.#giveUp(requester, attempt.request, target, reason ?? "");
			return this.#cancelled(target, attempt, reason ?? "");
		}
		const deadlineMs = Math.floor(birthday ? birthdayLifeMs : lifeMs);
		this.#broker.go(attempt, now, deadlineMs, birthday);
		asked.moves = this.#whereabouts.moves(requester);
		yes.moves = this.#whereabouts.moves(target);
		const sides = [[requester, toRequester.grants] as const, [target, toTarget.grants] as const];
		const settledByMs = now + deadlineMs + SETTLED_WITHIN_MS;
		this.#ends.begun(attempt, settledByMs);
		this.#grants.begin(attempt.token, sides, settledByMs);
		this.#reports.began(attempt.requester.id, attempt.target.id, toRequester.candidates, toTarget.candidates);
		const [dial, accept] = goMessages([requester, target], [offer, consent], [toRequester, toTarget], {
			token: attempt.token,
			request: attempt.request,
			deadlineMs,
		});
		requester.control.send(dial);
		target.control.send(accept);
		this.#watch();
	}

	#reported(session: Session, report: ChannelReport): void {
		const { token, outcome, reason, sent } = report;
		this.#ends.reported(session, report);
		if (outcome !== "down" && sent !== undefined) this.#grants.settle(token, session, sent, this.#now());
		if (outcome === "down") {
			const live = this.#reports.liveOf(token);
			if (live === undefined || (live.requester !== session.id && live.target !== session.id)) return;
			this.#reports.down(token, reason ?? "the direct channel has ended");
			return this.#host.emit({ type: "channel", peers: [live.requester, live.target], outcome, ...(reason === undefined ? {} : { reason }) });
		}
		const attempt = this.#broker.report(token, session);
		if (attempt === undefined) return;
		if (outcome === "failed") return this.#failed(attempt, reason ?? "the peer could not be reached directly", true);
		const channel = reportedChannel([attempt.requester.id, attempt.target.id], session.id, report);
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
		if (!this.#reports.failed(requester, target, reason, remembered && !movedMeanwhile(attempt, attempt.details, this.#whereabouts) ? this.#now() : undefined))
			return;
		this.#host.emit({ type: "channel", peers: [requester, target], outcome: "failed", reason });
	}

	/** It may be otherwise soon, so nobody is to remember that. */
	#putOff(attempt: Begun, retryAfterMs: number): void {
		this.#broker.end(attempt);
		refuse(attempt.requester, attempt.request, "LIMIT_EXCEEDED", TOO_MANY, retryAfterMs);
		this.#cancelled(attempt.target, attempt, TOO_MANY);
	}

	#hopeless(requester: readonly [Session, ChannelOffer], target: readonly [Session, ChannelOffer], birthday: boolean): string | undefined {
		return hopelessBetween([requester, target], this.#whereabouts, birthday);
	}

	#reserve(requester: Session, target: Session, lifeMs: number, hopeless: boolean): Reservation | number {
		return reserve(this.#whereabouts.of(requester), this.#whereabouts.of(target), this.#terms(requester, lifeMs), hopeless);
	}

	/** There is no point in trying, until something changes. */
	#giveUp(session: Session, request: number, target: Session, reason: string): void {
		this.#reports.refused(session.id, target.id, reason);
		refuse(session, request, "DIRECT_UNAVAILABLE", reason);
	}

	/** Its validated address is another one. */
	#moved(session: Session, party: Party): void {
		const address = this.#whereabouts.of(session);
		if (address === undefined) return;
		party.said = undefined;
		if (party.reflected !== undefined) this.#host.reflector?.renew(party.reflected);
		session.control.send({ type: "address", observedAddress: address });
		for (const other of this.#ends.connectedTo(session)) other.control.send({ type: "peer-moved", peer: session.id, address });
		// An attempt that is under way was told of the old address.
		const trying = this.#broker.partnersOf(session).map(({ id }) => id);
		this.#tellChanged(session.id, [...new Set([...this.#reports.changed(session.id), ...trying])]);
		this.#waited();
	}

	#tellChanged(peer: string, ids: readonly string[]): void {
		for (const id of ids) this.#partyOf(id)?.control.send({ type: "peer-changed", peer });
	}

	#newHex(bytes: number): string {
		return randomHex(this.#host.random ?? systemRandom, bytes);
	}

	#partyOf(id: string): Session | undefined {
		const session = this.#host.find(id);
		return session !== undefined && this.#parties.has(session) ? session : undefined;
	}

	#natTest(session: Session, { reflected }: Party): void {
		const address = this.#whereabouts.of(session);
		if (reflected !== undefined && address !== undefined) this.#host.reflector?.test(reflected, this.#newHex(NONCE_BYTES), address);
	}

	/** Nobody begins, or what was to be sent has another owner: what was taken from the budget is there again. */
	#release(arrangement: Arrangement): void {
		giveBack(
			arrangement.reserved.map((one) => one?.grant),
			this.#now(),
		);
		arrangement.reserved = NOT_RESERVED;
	}

	#terms(requester: Session, lifeMs: number): Pick<IntroductionTerms, "budget" | "requester" | "nowMs" | "lifeMs" | "isOwn"> {
		return { budget: this.#budget, requester: requester.id, nowMs: this.#now(), lifeMs, isOwn: this.#host.isOwn };
	}

	#cancelled(session: Session, { token }: Begun, reason: string): void {
		this.#ends.cancelled(session, token);
		session.control.send({ type: "channel-cancelled", token, reason });
	}

	#now(): number {
		return this.#host.clock.now();
	}

	/** Looks after what has a time, as long as there is any: often while something is under way, else only at where everybody is. */
	#watch(): void {
		if (this.#over) return;
		const busy = this.#broker.size > 0 || this.#whereabouts.busy;
		const idle = !busy && this.#whereabouts.idle && this.#budget.size + this.#grants.size === 0;
		if (idle) this.#timer.clear();
		else this.#timer.by(this.#now() + (busy ? TICK_MS : SWEEP_MS));
	}

	#tick(): void {
		const now = this.#now();
		for (const attempt of this.#broker.expire(now)) expired(attempt, this.#endings);
		this.#whereabouts.tick();
		this.#waited();
		if (now < this.#sweepAtMs) return;
		this.#sweepAtMs = now + SWEEP_MS;
		this.#budget.sweep(now);
		this.#grants.sweep(now);
	}
}

const TOO_MANY = "too many datagrams have been granted to the peer's address within a minute";

/** After the end of an attempt, for its sides to say what they have sent. */
const SETTLED_WITHIN_MS = 10_000;

const TOKEN_BYTES = 16;

const NONCE_BYTES = 8;
