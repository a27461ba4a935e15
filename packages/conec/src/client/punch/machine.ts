/**
 * One attempt at hole punching. It is a pure machine: its input is what came and what time it is, and its output is what to do.
 *
 * @module
 */

import { systemRandom } from "../../base/random.ts";
import type { SocketAddress } from "../../transport/transport.ts";
import { BIRTHDAY_SOCKETS, BIRTHDAY_WAIT_MS, BirthdayPorts, BirthdayRounds } from "./birthday.ts";
import { PacketGrants } from "./grants.ts";
import { type Path, PunchPaths } from "./paths.ts";
import {
	graceMs,
	handshakeGraceMs,
	inProbingOrder,
	LEARNED_ADDRESSES,
	type PathKind,
	type PunchAction,
	type PunchPacket,
	type PunchPlan,
	type PunchReport,
	predictedAddresses,
	predictionGapMs,
	probeGapMs,
} from "./plan.ts";
import { describeFailure } from "./words.ts";

interface SentProbe {
	readonly socket: number;
	readonly to: SocketAddress;
	readonly kind: PathKind;
	readonly at: number;
}

type State = "idle" | "waiting" | "probing" | "over";

/**
 * Both sides probe. Each answers probes that have the right MAC. The dialler dials an address that answered it. No packet goes to an
 * IP address without a grant, or beyond it.
 *
 * The caller gives it the packets that came, after checking their MAC, and calls {@link tick} at {@link nextTickAt}. It does what the
 * returned actions say. All times are milliseconds of one clock that never goes back.
 */
export class HolePunch {
	readonly #plan: PunchPlan;
	readonly #random: () => number;
	readonly #grants: PacketGrants;
	/** This side's part in the birthday method, and the address that it aims at. */
	readonly #birthday: { readonly part: "hard" | "easy"; readonly target: SocketAddress } | undefined;
	readonly #paths: PunchPaths;
	/** Probes by nonce. The grants bound them. */
	readonly #sent: Map<string, SentProbe> = new Map();
	/** Nonces that were answered. A replayed probe gets no answer. The grants bound them. */
	readonly #answered: Set<string> = new Set();
	readonly #acceptOn: Set<number> = new Set();
	#state: State = "idle";
	#beginAt = 0;
	#deadlineAt = 0;
	#learned = 0;
	#heard = false;
	/** Whether it sends no more probes: an acceptor's own probe was answered, or the deadline is past. */
	#content = false;
	#graceUntil: number | undefined;
	#predictions: { readonly at: number; readonly round: number } | undefined;
	#predictedProbes = 0;
	#ports: BirthdayPorts | undefined;
	#birthdayProbes = 0;
	readonly #rounds: BirthdayRounds = new BirthdayRounds();
	#actions: PunchAction[] = [];

	/** `random`: from 0 to below 1. It is used for nonces, which need only differ, and for ports of the birthday method. */
	constructor(plan: PunchPlan, random: () => number = systemRandom.fraction) {
		this.#plan = plan;
		this.#random = random;
		this.#grants = new PacketGrants(plan.candidates);
		this.#paths = new PunchPaths(plan.candidates);
		const reflexive = plan.candidates.find(({ kind }) => kind === "reflexive");
		if (plan.punch && plan.birthday !== undefined && reflexive !== undefined) {
			this.#birthday = { part: plan.birthday, target: { address: reflexive.address, port: reflexive.port } };
		}
	}

	/** Begins the attempt. Called once. */
	start(now: number): PunchAction[] {
		if (this.#state !== "idle") return [];
		this.#state = "waiting";
		this.#beginAt = now + this.#plan.waitMs;
		this.#deadlineAt = now + this.#plan.deadlineMs;
		if (this.#birthday?.part === "hard") this.#actions.push({ type: "open-sockets", count: BIRTHDAY_SOCKETS });
		return this.tick(now);
	}

	/** A packet of the peer has come. Before `start` and after the end it has no effect. */
	received(now: number, packet: PunchPacket): PunchAction[] {
		// A packet may say that it comes from port 0, and nothing can be sent there.
		if (this.#state === "idle" || this.#state === "over" || packet.from.port === 0 || !this.#grants.has(packet.from.address)) return [];
		if (packet.type === "probe") this.#onProbe(now, packet);
		else this.#onAnswer(now, packet);
		return this.tick(now);
	}

	/** Does what is due. May be called at any time. */
	tick(now: number): PunchAction[] {
		if (this.#state === "waiting" && now >= this.#beginAt) this.#begin(now);
		if (this.#state === "probing") {
			this.#choose(now);
			this.#probeWhatIsDue(now);
		}
		if (this.#state === "waiting" || this.#state === "probing") this.#giveUpIfLate(now);
		const actions = this.#actions;
		this.#actions = [];
		return actions;
	}

	/** When to call {@link tick} next. Absent: nothing is due until a packet comes. */
	get nextTickAt(): number | undefined {
		if (this.#state === "waiting") return Math.min(this.#beginAt, this.#giveUpAt);
		if (this.#state !== "probing" || this.#paths.dialling) return undefined;
		const times: (number | undefined)[] = [this.#giveUpAt, this.#graceUntil];
		if (this.#asks) times.push(this.#predictions?.at, this.#ports?.nextAt, this.#rounds.nextAt, ...[...this.#paths].map(({ nextProbeAt }) => nextProbeAt));
		return Math.min(...times.filter((time) => time !== undefined));
	}

	/** The extra sockets that `open-sockets` asked for are open. They may be fewer. */
	socketsOpened(now: number, count: number): PunchAction[] {
		if (this.#birthday?.part === "hard" && this.#state !== "over") this.#rounds.begin(Math.max(now, this.#beginAt), count);
		return this.tick(now);
	}

	/** The handshake that a `dial` asked for has failed. The next address that answered follows, or more probes until the deadline. */
	dialFailed(now: number, socket: number, to: SocketAddress): PunchAction[] {
		const path = this.#paths.find(socket, to);
		if (this.#state !== "probing" || path?.dial !== "begun") return [];
		path.dial = "failed";
		return this.tick(now);
	}

	/** Ends the attempt: the peer has been reached, or the attempt is given up. Nothing more is sent. */
	end(): void {
		this.#state = "over";
	}

	/** What was tried, at any time. */
	report(): PunchReport {
		return { candidates: this.#paths.attempts(), predictedProbes: this.#predictedProbes, birthdayProbes: this.#birthdayProbes, sent: this.#grants.sent() };
	}

	/** Whether this side still sends probes of its own. */
	get #asks(): boolean {
		return this.#plan.punch && !this.#content && !this.#paths.dialling;
	}

	get #giveUpAt(): number {
		// A peer that sends no probes dials at once, before it is heard.
		const heard = this.#plan.role === "accept" && (this.#heard || !this.#plan.peerPunch);
		return this.#deadlineAt + (heard ? handshakeGraceMs(this.#plan.coordinatorRttMs) : 0);
	}

	#begin(now: number): void {
		this.#state = "probing";
		for (const { address, port, kind } of inProbingOrder(this.#plan.candidates)) {
			const path = this.#paths.add(0, { address, port }, kind);
			if (path === undefined) continue;
			if (this.#plan.punch) path.nextProbeAt = now;
			else if (this.#plan.role === "dial") this.#dialUnasked(path);
		}
		if (predictedAddresses(this.#plan).length > 0) this.#predictions = { at: now, round: 1 };
		if (this.#birthday?.part === "easy") this.#ports = new BirthdayPorts(now + BIRTHDAY_WAIT_MS, this.#random);
	}

	#onProbe(now: number, { nonce, from, socket }: PunchPacket): void {
		if (this.#answered.has(nonce) || now >= this.#deadlineAt || !this.#grants.take(from.address, false)) return;
		this.#answered.add(nonce);
		this.#heard = true;
		this.#actions.push({ type: "send", socket, to: from, datagram: { type: "answer", nonce, observed: from } });
		if (this.#plan.role === "accept" && socket > 0 && !this.#acceptOn.has(socket)) {
			this.#acceptOn.add(socket);
			this.#actions.push({ type: "accept", socket });
		}
		// The peer has begun, so this side waits no longer.
		if (this.#state === "waiting") this.#begin(now);
		this.#learn(now, socket, from);
	}

	#onAnswer(now: number, { nonce, from, socket }: PunchPacket): void {
		const probe = this.#sent.get(nonce);
		if (probe === undefined) return;
		// An answer from another address does not prove a path there and back. That address must be probed.
		if (probe.socket !== socket || probe.to.address !== from.address || probe.to.port !== from.port) return this.#learn(now, socket, from);
		this.#sent.delete(nonce);
		const path = this.#paths.add(socket, from, probe.kind);
		if (path === undefined) return;
		path.probes = Math.max(1, path.probes);
		path.rttMs = Math.min(path.rttMs ?? Number.POSITIVE_INFINITY, now - probe.at);
		path.nextProbeAt = undefined;
		if (this.#plan.role === "accept") this.#content = true;
	}

	/** An address that the peer's packet came from is tried at once, new or not. */
	#learn(now: number, socket: number, from: SocketAddress): void {
		const known = this.#paths.find(socket, from);
		if (known !== undefined) {
			const asked = now - known.lastProbeAt < LEAST_GAP_MS || known.rttMs !== undefined;
			if (this.#asks && !asked && known.probes <= ASKED_PROBES) this.#probePath(now, known, false);
			return;
		}
		const dials = this.#plan.role === "dial" && !this.#plan.punch;
		if (this.#learned >= LEARNED_ADDRESSES || !(this.#asks || dials)) return;
		const path = this.#paths.add(socket, from, "learned");
		if (path === undefined) return;
		this.#learned++;
		if (dials) this.#dialUnasked(path);
		else this.#probePath(now, path, false);
	}

	/** The dialler's choice among the addresses that answered: its own network's first, then the fastest. */
	#choose(now: number): void {
		if (this.#plan.role !== "dial" || !this.#plan.punch || this.#paths.dialling) return;
		const best = this.#paths.best();
		if (best === undefined) return;
		if (this.#paths.mayBeBeaten(best)) {
			this.#graceUntil ??= now + graceMs(best.rttMs as number);
			if (now < Math.min(this.#graceUntil, this.#deadlineAt)) return;
		}
		this.#graceUntil = undefined;
		this.#dial(best);
	}

	#probeWhatIsDue(now: number): void {
		if (now >= this.#deadlineAt) this.#content = true;
		if (!this.#asks) return;
		for (const path of this.#paths) {
			if (path.nextProbeAt !== undefined && path.nextProbeAt <= now) this.#probePath(now, path, true);
		}
		if (this.#predictions !== undefined && this.#predictions.at <= now) {
			const { round } = this.#predictions;
			for (const to of predictedAddresses(this.#plan)) if (this.#grants.take(to.address, true)) this.#probe(now, 0, to, "predicted");
			this.#predictions = round === 1 ? { at: now + predictionGapMs(this.#plan.coordinatorRttMs), round: 2 } : undefined;
		}
		if (this.#birthday === undefined) return;
		const { address, port } = this.#birthday.target;
		for (const guess of this.#ports?.due(now) ?? []) if (this.#grants.take(address, true)) this.#probe(now, 0, { address, port: guess }, "birthday");
		for (const socket of this.#rounds.due(now)) if (this.#grants.take(address, true)) this.#probe(now, socket, { address, port }, "birthday");
	}

	#probePath(now: number, path: Path, unasked: boolean): void {
		if (!this.#grants.take(path.to.address, unasked)) {
			path.nextProbeAt = undefined;
			return;
		}
		path.probes++;
		path.lastProbeAt = now;
		const gapMs = probeGapMs(path.probes);
		// The last one waits: a peer that begins late, because its machine is busy, must not find that all have been sent.
		const isLast = this.#grants.left(path.to.address) === 1;
		path.nextProbeAt = now + (isLast ? Math.max(gapMs, LAST_PROBE_PART * (this.#deadlineAt - now)) : gapMs);
		this.#probe(now, path.socket, path.to, path.kind);
	}

	#probe(now: number, socket: number, to: SocketAddress, kind: PathKind): void {
		let nonce = newNonce(this.#random);
		while (this.#sent.has(nonce)) nonce = newNonce(this.#random);
		this.#sent.set(nonce, { socket, to, kind, at: now });
		if (kind === "predicted") this.#predictedProbes++;
		if (kind === "birthday") this.#birthdayProbes++;
		this.#actions.push({ type: "send", socket, to, datagram: { type: "probe", nonce } });
	}

	#dial(path: Path): void {
		path.dial = "begun";
		this.#actions.push({ type: "dial", socket: path.socket, to: path.to });
	}

	/** Nothing has come from this address, and perhaps no peer is there. So the packets of a handshake until the deadline count like probes. */
	#dialUnasked(path: Path): void {
		if (!this.#grants.take(path.to.address, false, HANDSHAKE_PACKETS)) return;
		path.dial = "begun";
		this.#actions.push({ type: "dial", socket: path.socket, to: path.to, unasked: HANDSHAKE_PACKETS });
	}

	#giveUpIfLate(now: number): void {
		const nothingLeft = this.#state === "probing" && this.#plan.role === "dial" && !this.#plan.punch;
		if (this.#paths.dialling || (now < this.#giveUpAt && !nothingLeft)) return;
		const reason = describeFailure(this.#plan, this.report(), { dialled: this.#paths.failed, heard: this.#heard });
		this.#actions.push({ type: "failed", reason });
		this.end();
	}
}

/** A packet of the peer leads to an early probe at most this often, and not if the address has just had one. */
const LEAST_GAP_MS = 20;
const ASKED_PROBES = 6;

/** The last probe that an address may get goes after this part of what is left of the attempt. */
const LAST_PROBE_PART = 0.4;

/** Packets of a QUIC handshake that gets no answer, within the time of an attempt: one at once, then after 1 s and 3 s. */
const HANDSHAKE_PACKETS = 5;

function newNonce(random: () => number): string {
	const half = (): string =>
		Math.floor(random() * 0x1_0000_0000)
			.toString(16)
			.padStart(8, "0");
	return half() + half();
}
