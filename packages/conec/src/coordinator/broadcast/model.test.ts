/**
 * Random members do random things, and everything that each of them hears is compared with what one hears that is always
 * quick. A failure names its seed: `CONEC_BROADCAST_SEED=123 node --test ...` does exactly the same again.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { broadcastSession, FakeMember, type Heard, lender } from "../../../testing/broadcast-fixture.ts";
import { createVirtualClock, type VirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { COORDINATOR_DEFAULT_LIMITS } from "../../limits.ts";
import { type BroadcastOpen, type BroadcastPeer, SLOW_READER_POLICIES } from "../../wire/broadcast.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import { Broadcasts } from "./service.ts";

const HISTORY = 40;
const STEPS = 250;
const SEEDS = 40;

class Model {
	readonly clock: VirtualClock = createVirtualClock();
	readonly random: (below: number) => number;
	readonly broadcasts: Broadcasts;
	readonly witness: FakeMember;
	readonly members: FakeMember[] = [];
	/** Those that were killed while reading: they come back. */
	readonly killed: FakeMember[] = [];
	/** By id: what was sent, and whether its sender was killed meanwhile. */
	readonly sent: Map<string, { payloads: string[]; killed: boolean }> = new Map();
	#ids = 0;

	constructor(seed: number) {
		this.random = randomOf(seed);
		this.broadcasts = new Broadcasts({
			limits: { ...COORDINATOR_DEFAULT_LIMITS, broadcastBlockMs: 2_000 },
			ruleOf: () => ({ history: { messages: HISTORY, bytes: 1e9, ageMs: Number.POSITIVE_INFINITY }, block: true }),
			transport: { writeFramesToMany: (streams, frames) => streams.map((stream) => stream.writeFrames(frames)) },
			emit: () => undefined,
			defence: { count: () => undefined },
			lend: lender(this.clock),
			clock: this.clock,
		});
		this.witness = this.join({ mode: "receive", slowReader: "drop-oldest", presence: true, keepOpen: true, bufferBytes: 4 * 1_024 * 1_024 }, "witness");
	}

	join(options: Partial<BroadcastOpen>, id: string = `c${this.#ids++}`): FakeMember {
		const open: BroadcastOpen = { name: "news", mode: "both", slowReader: "drop-oldest", bufferBytes: 4_096, keepOpen: true, ...options };
		const session = broadcastSession(id);
		const member = new FakeMember(session, open, this.random(2) === 0);
		this.broadcasts.join(session, member.incoming, open, member.resume);
		if (open.mode !== "receive") this.sent.set(id, { payloads: [], killed: false });
		return member;
	}

	step(): void {
		const { random, members } = this;
		const member = members[random(members.length)];
		switch (random(14)) {
			case 0:
			case 1:
				if (members.length < 8) members.push(this.join(this.#options()));
				return;
			case 2:
			case 3:
			case 4:
			case 5:
				if (member !== undefined) this.#send(member);
				return;
			case 6:
				if (member !== undefined) member.stalled = true;
				return;
			case 7:
				if (member !== undefined) member.stalled = false;
				return;
			case 8:
				member?.read(random(100_000));
				return;
			case 9:
				if (member !== undefined && random(3) === 0) this.#kill(member);
				return;
			case 10:
				if (member !== undefined && random(3) === 0) member.endSending();
				else if (member !== undefined && random(6) === 0) {
					member.leave();
					members.splice(members.indexOf(member), 1);
				}
				return;
			case 11:
				if (member !== undefined) {
					const { session } = member;
					this.broadcasts.update(Object.assign(session, { peer: { ...session.peer, metadata: { mood: random(3) } } }));
				}
				return;
			case 12:
				// Its Client is in once more.
				if (member !== undefined && members.length < 8 && random(2) === 0) members.push(this.join({ ...this.#options(), mode: "receive" }, member.id));
				return;
			default:
				this.#recover();
		}
	}

	async settle(ms: number): Promise<void> {
		await this.clock.advance(ms);
		for (const member of [this.witness, ...this.members]) if (!member.stalled) member.read(Number.POSITIVE_INFINITY);
	}

	/** Everybody reads to the end. */
	async finish(): Promise<void> {
		for (const member of this.members) member.stalled = false;
		for (let i = 0; i < 50; i++) await this.settle(200);
	}

	#options(): Partial<BroadcastOpen> {
		const { random } = this;
		return {
			mode: (["both", "both", "send", "receive"] as const)[random(4)] as BroadcastOpen["mode"],
			slowReader: SLOW_READER_POLICIES[random(SLOW_READER_POLICIES.length)] as BroadcastOpen["slowReader"],
			bufferBytes: 1_024 + random(random(3) === 0 ? 200_000 : 40_000),
			presence: random(2) === 0,
			...(random(4) === 0 ? { last: random(60) } : {}),
		};
	}

	#send(member: FakeMember): void {
		const sent = this.sent.get(member.id);
		if (sent === undefined) return;
		for (let i = this.random(30); i > 0; i--) {
			const payload = `${member.id}:${sent.payloads.length}:${"x".repeat(this.random(this.random(6_000)))}`;
			if (!member.send(payload)) return;
			sent.payloads.push(payload);
		}
	}

	#kill(member: FakeMember): void {
		const sent = this.sent.get(member.id);
		if (sent !== undefined) sent.killed = true;
		member.lose();
		this.members.splice(this.members.indexOf(member), 1);
		this.killed.push(member);
	}

	#recover(): void {
		const before = this.killed.shift();
		if (before === undefined || !before.receives || before.joined === undefined) return;
		const member = this.join({ ...before.open, mode: "receive", last: undefined, since: { epoch: before.joined.epoch, seq: before.lastSeq } }, `${before.id}r`);
		member.recoveredFrom = before.lastSeq;
		this.members.push(member);
	}
}

/** What has happened at all, so that it is known that the rules above were put to use. */
const happened = new Map<string, number>();

for (const seed of seeds()) {
	test(`model: seed ${seed}`, async (t) => {
		t.diagnostic(`CONEC_BROADCAST_SEED=${seed}`);
		const model = new Model(seed);
		const all = new Set<FakeMember>();
		for (let i = 0; i < STEPS; i++) {
			model.step();
			await model.settle([0, 1, 20, 150][model.random(4)] as number);
			for (const member of model.members) all.add(member);
		}
		await model.finish();
		const truth = model.witness.heard;
		for (const { id, resetCode } of all) {
			const sent = model.sent.get(id);
			if (resetCode !== undefined && sent !== undefined) sent.killed = true;
		}
		checkWitness(model, truth);
		for (const member of all) checkMember(member, truth, model.members.includes(member));
		for (const member of all) count(member);
		const here = model.members.filter((member) => !member.over);
		const counted = model.broadcasts.count({ type: "broadcast-count", request: 1, name: "news" });
		assert.equal(counted.type, "broadcast-counted");
		if (counted.type === "broadcast-counted") {
			assert.equal(counted.receivers, 1 + here.filter((member) => member.receives).length);
			assert.equal(counted.senders, here.filter((member) => member.sends).length);
		}
		for (const member of [...here, model.witness]) member.leave();
		await model.clock.advance(1_000);
		assert.equal(model.broadcasts.size, 0);
		assert.equal(model.broadcasts.heldBytes, 0);
		assert.equal(model.clock.pending, 0, "no timer is left");
		assert.equal(model.witness.session.streams, 0);
	});
}

if (process.env["CONEC_BROADCAST_SEED"] === undefined) {
	test("model: all of it has happened", () => {
		const wanted = ["drop-oldest", "drop-newest", "latest-per-sender", "block"].map((policy) => `gap of ${policy}`);
		for (const what of [...wanted, "LAGGED", "list after a gap", "recovered", "not recovered", "earlier messages"]) {
			assert.ok((happened.get(what) ?? 0) >= 3, `${what}: ${happened.get(what) ?? 0} times`);
		}
	});
}

function count(member: FakeMember): void {
	const add = (what: string): void => void happened.set(what, (happened.get(what) ?? 0) + 1);
	for (const [i, one] of member.heard.entries()) {
		if (one.type === "gap") add(`gap of ${member.open.slowReader}`);
		if (one.type === "members" && member.heard[i - 1]?.type === "gap") add("list after a gap");
	}
	if (member.resetCode === RESET_CODES.LAGGED) add("LAGGED");
	if (member.joined?.recovered !== undefined) add(member.joined.recovered ? "recovered" : "not recovered");
	const [first] = member.heard;
	if (first?.type === "message" && first.seq <= (member.joined?.seq ?? 0)) add("earlier messages");
}

/** The one who is quick has everything, from everybody, in the order in which it was sent. */
function checkWitness({ sent }: Model, truth: readonly Heard[]): void {
	let lastSeq = 0;
	const bySender = new Map<string, string[]>();
	for (const heard of truth) {
		assert.ok(heard.type !== "gap", "it is quick");
		if (heard.type === "members") {
			lastSeq = heard.seq;
			continue;
		}
		assert.equal(heard.seq, lastSeq + 1, "every number is either a message or a change");
		lastSeq = heard.seq;
		if (heard.type !== "message") continue;
		const list = bySender.get(heard.sender) ?? [];
		list.push(heard.text);
		bySender.set(heard.sender, list);
	}
	for (const [id, { payloads, killed }] of sent) {
		const heard = bySender.get(id) ?? [];
		assert.equal(killed || heard.length === payloads.length, true, `${id}: ${heard.length} of ${payloads.length} messages`);
		assert.ok(
			heard.every((text, i) => text === payloads[i]),
			`the messages of ${id} in their order`,
		);
	}
}

function checkMember(member: FakeMember, truth: readonly Heard[], live: boolean): void {
	const { id, heard, open, joined } = member;
	if (joined === undefined) return assert.ok(!live && heard.length === 0);
	const messages = truth.filter((one) => one.type === "message");
	const lastSeq = Math.max(0, ...truth.map((one) => (one.type === "gap" ? 0 : one.seq)));
	if (member.recoveredFrom !== undefined) {
		const since = member.recoveredFrom;
		const missed = messages.filter(({ seq }) => seq > since && seq <= joined.seq).length;
		assert.equal(joined.recovered, missed <= HISTORY, `${id}: ${missed} messages since ${since}`);
	} else {
		assert.equal(joined.recovered, undefined);
	}
	let from = member.recoveredFrom !== undefined && joined.recovered === true ? member.recoveredFrom : joined.seq;
	if (open.last !== undefined) from = messages.filter(({ seq }) => seq <= joined.seq).slice(-Math.min(open.last, HISTORY))[0]?.seq ?? joined.seq + 1;
	if (open.last === 0) from = joined.seq + 1;
	const expected = messages.filter(({ seq }) => (open.last === undefined ? seq > from : seq >= from));
	let next = 0;
	let previous: Heard | undefined;
	let seen = 0;
	let view: Map<string, BroadcastPeer> | undefined;
	for (const one of heard) {
		const seq = one.type === "gap" ? one.toSeq : one.seq;
		assert.ok(seq >= seen, `${id}: ${one.type} ${seq} after ${seen}`);
		if (one.type === "message") {
			assert.ok(seq > seen || view === undefined || previous?.type !== "message", `${id}: ${seq} twice`);
			assert.deepEqual(one, expected[next], `${id}: message ${next}`);
			next++;
		} else if (one.type === "gap") {
			assert.notEqual(previous?.type, "gap", `${id}: two gaps for one run`);
			const missing = expected.slice(next, next + one.lost);
			assert.equal(missing.length, one.lost);
			assert.ok(missing.every((message) => message.seq >= one.fromSeq && message.seq <= one.toSeq));
			assert.ok((expected[next + one.lost]?.seq ?? Number.POSITIVE_INFINITY) > one.toSeq);
			next += one.lost;
		} else if (one.type === "members") {
			view = new Map(one.members.map((peer) => [peer.id, peer]));
			assert.deepEqual(sorted(view), sorted(viewAt(truth, one.seq)), `${id}: members at ${one.seq}`);
		} else {
			assert.ok(view !== undefined);
			assert.equal(view.has(one.peer.id), one.type !== "join");
			if (one.type === "leave") view.delete(one.peer.id);
			else view.set(one.peer.id, one.peer);
			assert.deepEqual(sorted(view), sorted(viewAt(truth, one.seq)));
		}
		seen = seq;
		previous = one;
	}
	if (!member.receives) assert.equal(heard.filter(({ type }) => type === "message" || type === "gap").length, 0);
	if (open.slowReader === "disconnect") assert.ok(heard.every(({ type }) => type !== "gap"));
	if (member.over && live) {
		assert.deepEqual([open.slowReader, member.resetCode], ["disconnect", RESET_CODES.LAGGED]);
	} else if (live && member.receives) {
		assert.equal(next, expected.length, `${id} has all there is: ${JSON.stringify(open)}, last ${JSON.stringify(heard.at(-1))?.slice(0, 200)}`);
	}
	if (live && !member.over && view !== undefined) assert.deepEqual(sorted(view), sorted(viewAt(truth, lastSeq)), `${id} sees who is there`);
}

/** The list as of a number, by what the witness has heard. */
function viewAt(truth: readonly Heard[], seq: number): Map<string, BroadcastPeer> {
	const view = new Map<string, BroadcastPeer>();
	for (const one of truth) {
		if (one.type === "gap" || one.type === "message" || one.seq > seq) continue;
		if (one.type === "members") for (const peer of one.members) view.set(peer.id, peer);
		else if (one.type === "leave") view.delete(one.peer.id);
		else view.set(one.peer.id, one.peer);
	}
	return view;
}

function sorted(view: ReadonlyMap<string, BroadcastPeer>): string[] {
	return [...view.values()].map((peer) => JSON.stringify(peer)).sort();
}

function seeds(): number[] {
	const given = process.env["CONEC_BROADCAST_SEED"];
	return given === undefined ? Array.from({ length: SEEDS }, (_, i) => i + 1) : [Number(given)];
}

/** Integers from 0 to below what is given; the same for the same seed (mulberry32). */
function randomOf(seed: number): (below: number) => number {
	let state = seed;
	return (below) => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return below <= 0 ? 0 : ((mixed ^ (mixed >>> 14)) >>> 0) % below;
	};
}
