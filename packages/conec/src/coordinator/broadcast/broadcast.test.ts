import assert from "node:assert/strict";
import { test } from "node:test";
import { broadcastSession, FakeMember, FINGERPRINT, lender } from "../../../testing/broadcast-fixture.ts";
import { createVirtualClock, type VirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { COORDINATOR_DEFAULT_LIMITS, type CoordinatorLimits } from "../../limits.ts";
import type { BroadcastOpen } from "../../wire/broadcast.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import { type BroadcastStatus, Broadcasts } from "./service.ts";

const KIB = "x".repeat(1_000);

class Stage {
	readonly clock: VirtualClock = createVirtualClock();
	readonly status: BroadcastStatus[] = [];
	refused = 0;
	readonly broadcasts: Broadcasts;

	constructor(limits: Partial<CoordinatorLimits> = {}, block = true, history: number = 0) {
		this.broadcasts = new Broadcasts({
			limits: { ...COORDINATOR_DEFAULT_LIMITS, ...limits },
			ruleOf: () => ({ history: { messages: history, bytes: 1e9, ageMs: Number.POSITIVE_INFINITY }, block }),
			transport: { writeFramesToMany: (streams, frames) => streams.map((stream) => stream.writeFrames(frames)) },
			emit: (status) => this.status.push(status),
			defence: { count: () => this.refused++ },
			lend: lender(this.clock),
			clock: this.clock,
		});
	}

	join(id: string, options: Partial<BroadcastOpen> = {}): FakeMember {
		const open: BroadcastOpen = { name: "news", mode: "receive", slowReader: "drop-oldest", bufferBytes: 16_384, keepOpen: true, ...options };
		const session = broadcastSession(id);
		const member = new FakeMember(session, open);
		this.broadcasts.join(session, member.incoming, open, member.resume);
		return member;
	}

	/** Sends until the Coordinator takes no more; the number of messages. */
	async fill(sender: FakeMember, most = 1_000): Promise<number> {
		let sent = 0;
		while (sent < most && (sender.send(KIB) || (await this.#retry(sender)))) {
			sent++;
			if (sent % 10 === 0) await this.clock.advance(0);
		}
		await this.clock.advance(0);
		return sent;
	}

	/** The Coordinator answers at once a member that says it can send no more. */
	async #retry(sender: FakeMember): Promise<boolean> {
		await this.clock.advance(0);
		return sender.send(KIB);
	}
}

const messagesOf = (member: FakeMember): number => member.heard.filter(({ type }) => type === "message").length;
const lostOf = (member: FakeMember): number => member.heard.reduce((sum, one) => (one.type === "gap" ? sum + one.lost : sum), 0);
const readAll = (member: FakeMember): void => {
	for (let i = 0; i < 100; i++) member.read(Number.POSITIVE_INFINITY);
};

/** 16 senders that send all they can to a reader of 2 MB/s, and a member that reads everything at once. */
async function crowd(
	stage: Stage,
	extra: (ms: number, watcher: FakeMember) => void,
): Promise<{ readonly senders: FakeMember[]; readonly watcher: FakeMember }> {
	const senders = Array.from({ length: 16 }, (_, i) => stage.join(`sender-${i}`, { mode: "send" }));
	const reader = stage.join("reader", { slowReader: "block" });
	const watcher = stage.join("watcher");
	for (let ms = 0; ms < 3_000; ms += 10) {
		extra(ms, watcher);
		// What the Coordinator has no room for it does not let come.
		for (const sender of senders) while (sender.send(KIB));
		await stage.clock.advance(10);
		reader.read(20_000);
		readAll(watcher);
	}
	assert.deepEqual([lostOf(reader), lostOf(watcher)], [0, 0]);
	return { senders, watcher };
}

test("turns: the short message of a 17th sender does not wait behind all that 16 have sent, but for one turn of each", async () => {
	const stage = new Stage();
	const quiet = stage.join("quiet", { mode: "send" });
	const sentAt: number[] = [];
	const { watcher } = await crowd(stage, (ms, { lastSeq }) => {
		if (ms % 100 !== 50) return;
		assert.ok(quiet.send("hello"), "it may always send this little");
		sentAt.push(lastSeq);
	});
	const heardAt = watcher.heard.flatMap((one) => (one.type === "message" && one.sender === "quiet" ? [one.seq] : []));
	assert.ok(sentAt.length === 30 && heardAt.length >= 29, `${heardAt.length} of ${sentAt.length}`);
	// A turn has 16 KiB: 17 messages. Each of the 16 may send 64 KiB ahead, and may have been given its turn already.
	const before = heardAt.map((seq, i) => seq - (sentAt[i] as number));
	assert.ok(Math.max(...before) <= 16 * 17 + 64, before.join());
});

test("turns: a 17th sender that sends as much as each of 16 gets as much of the readers as each of them", async () => {
	const stage = new Stage();
	const late = stage.join("late", { mode: "send" });
	const { watcher } = await crowd(stage, (ms) => {
		if (ms >= 1_000) while (late.send(KIB));
	});
	const counts = new Map<string, number>();
	const from = watcher.heard.findIndex((one) => one.type === "message" && one.sender === "late");
	for (const one of watcher.heard.slice(from)) if (one.type === "message") counts.set(one.sender, (counts.get(one.sender) ?? 0) + 1);
	const all = [...counts.values()];
	assert.equal(all.length, 17);
	assert.ok(Math.max(...all) - Math.min(...all) <= 2 * 17, `one turn more or less: ${all.join()}`);
	assert.ok((counts.get("late") ?? 0) > 100, all.join());
});

test("a member that goes while it lags lags no more, and the status says so", async () => {
	const stage = new Stage();
	const sender = stage.join("sender", { mode: "send" });
	const slow = stage.join("slow");
	await stage.fill(sender);
	await stage.clock.advance(101);
	assert.deepEqual(stage.status.at(-1)?.type, "broadcast-lagging");
	slow.leave();
	await stage.clock.advance(0);
	assert.deepEqual(
		stage.status.map(({ type }) => type),
		["broadcast-lagging", "broadcast-caught-up"],
	);
});

test("senders wait for a full member 100 ms, then nobody waits and it is told what it lost", async () => {
	const stage = new Stage();
	const sender = stage.join("sender", { mode: "send" });
	const slow = stage.join("slow");
	const sent = await stage.fill(sender);
	assert.ok(sent < 200, `${sent} messages before anybody waits`);
	assert.equal(sender.send(KIB), false);
	await stage.clock.advance(99);
	assert.equal(sender.send(KIB), false, "99 ms are not 100");
	assert.deepEqual(stage.status, []);
	await stage.clock.advance(2);
	assert.deepEqual(stage.status, [{ type: "broadcast-lagging", name: "news", id: "slow" }]);
	const more = await stage.fill(sender, 500);
	assert.equal(more, 500);
	readAll(slow);
	await stage.clock.advance(0);
	readAll(slow);
	assert.equal(messagesOf(slow) + lostOf(slow), sent + more);
	assert.ok(lostOf(slow) > 0);
	assert.deepEqual(stage.status.at(-1), { type: "broadcast-caught-up", name: "news", id: "slow", lost: lostOf(slow) });
});

test("a member that is full again and again costs senders 100 ms a second and 1 s a minute, not more", async () => {
	const stage = new Stage();
	const sender = stage.join("sender", { mode: "send" });
	const slow = stage.join("slow");
	let waitedMs = 0;
	for (let ms = 0; ms < 30_000; ms += 10) {
		await stage.fill(sender, 20);
		if (!sender.send(KIB)) waitedMs += 10;
		await stage.clock.advance(10);
		if (ms % 100 === 0) slow.read(30_000);
	}
	assert.ok(waitedMs > 100 && waitedMs <= 1_100, `${waitedMs} ms`);
});

test("block: senders wait 5 s more, and then the oldest go", async () => {
	const stage = new Stage();
	const sender = stage.join("sender", { mode: "send" });
	const slow = stage.join("slow", { slowReader: "block" });
	await stage.fill(sender);
	await stage.clock.advance(5_050);
	assert.equal(sender.send(KIB), false);
	assert.deepEqual(stage.status.length, 1, "who lags is shown at once");
	await stage.clock.advance(100);
	assert.equal(await stage.fill(sender, 300), 300);
	readAll(slow);
	assert.ok(lostOf(slow) > 0);
});

test("disconnect: a member that lags is ended with LAGGED", async () => {
	const stage = new Stage();
	const sender = stage.join("sender", { mode: "send" });
	const slow = stage.join("slow", { slowReader: "disconnect" });
	await stage.fill(sender);
	await stage.clock.advance(101);
	assert.equal(slow.resetCode, RESET_CODES.LAGGED);
	assert.equal(await stage.fill(sender, 300), 300);
	assert.equal(slow.session.streams, 0);
});

test("pace: senders wait while most of many readers are behind and move; one that is slower than most is not waited for", async () => {
	const stage = new Stage();
	const sender = stage.join("sender", { mode: "send" });
	const readers = ["a", "b", "c", "d", "e"].map((id) => stage.join(id, { bufferBytes: 262_144 }));
	const [frozen, ...moving] = readers as [FakeMember, ...FakeMember[]];
	let sent = 0;
	for (let ms = 0; ms < 20_000; ms += 20) {
		sent += await stage.fill(sender, 50);
		await stage.clock.advance(20);
		for (const reader of moving) reader.read(10_000);
	}
	for (const reader of moving) {
		readAll(reader);
		await stage.clock.advance(0);
		readAll(reader);
		assert.deepEqual([lostOf(reader)], [0], "who moves like most loses nothing");
	}
	assert.deepEqual(
		stage.status.map(({ id }) => id),
		["a"],
	);
	readAll(frozen);
	assert.ok(sent >= 9_000, `${sent} messages: readers were kept busy`);
});

test("pace: readers who all stop are waited for a second, not for ever", async () => {
	const stage = new Stage();
	const sender = stage.join("sender", { mode: "send" });
	for (const id of ["a", "b", "c"]) stage.join(id, { bufferBytes: 262_144 });
	await stage.fill(sender);
	await stage.clock.advance(900);
	assert.equal(sender.send(KIB), false);
	for (let i = 0; i < 20; i++) {
		await stage.clock.advance(100);
		await stage.fill(sender, 50);
	}
	assert.equal(stage.status.length, 3);
	assert.equal(await stage.fill(sender, 300), 300);
});

test("pace: a Client that joins often counts once: it cannot make most of the readers by itself", async () => {
	const stage = new Stage();
	const sender = stage.join("sender", { mode: "send" });
	for (let i = 0; i < 20; i++) stage.join("many", { bufferBytes: 262_144 });
	const quick = ["a", "b", "c"].map((id) => stage.join(id, { bufferBytes: 262_144 }));
	let sent = 0;
	for (let ms = 0; ms < 2_000; ms += 20) {
		sent += await stage.fill(sender, 20);
		for (const reader of quick) readAll(reader);
		await stage.clock.advance(20);
		for (const reader of quick) readAll(reader);
	}
	// Its readers are waited for until they lag, 100 ms, and not as most of all.
	assert.ok(sent >= 20 * 90, `${sent} messages`);
	assert.equal(stage.status.length, 20);
	for (const reader of quick) assert.equal(messagesOf(reader), sent);
});

test("a change of metadata counts by how many hear of it", () => {
	const stage = new Stage();
	const guest = stage.join("guest");
	assert.equal(stage.broadcasts.updateCost(guest.session), 1);
	for (let i = 0; i < 250; i++) stage.join(`listener-${i}`, { presence: true });
	for (let i = 0; i < 250; i++) stage.join(`other-${i}`);
	assert.equal(stage.broadcasts.updateCost(guest.session), 3);
	assert.equal(stage.broadcasts.updateCost(broadcastSession("alone")), 1);
	guest.lose();
	assert.equal(stage.broadcasts.updateCost(guest.session), 1);
});

test("what a member says of itself may change; others hear it once, in its place", () => {
	const stage = new Stage();
	const host = stage.join("host", { presence: true });
	const guest = stage.join("guest", { mode: "both" });
	guest.send("before");
	const session = Object.assign(guest.session, { peer: { ...guest.session.peer, metadata: { mood: "good" } } });
	stage.broadcasts.update(session);
	stage.broadcasts.update(session);
	guest.send("after");
	guest.leave();
	readAll(host);
	assert.deepEqual(
		host.heard.map((one) => [one.type, one.type === "gap" ? 0 : one.seq]),
		[
			["members", 1],
			["join", 2],
			["message", 3],
			["update", 4],
			["message", 5],
			["leave", 6],
		],
	);
	const update = host.heard[3];
	assert.deepEqual(update?.type === "update" && update.peer, { id: "guest", fingerprint: FINGERPRINT, metadata: { mood: "good" } });
});

test("nothing is left when all have gone, whatever they were at", async () => {
	const stage = new Stage();
	const sender = stage.join("sender");
	const slow = stage.join("slow", { slowReader: "block" });
	await stage.fill(sender);
	sender.leave();
	slow.lose();
	await stage.clock.advance(0);
	assert.equal(stage.broadcasts.size, 0);
	assert.equal(stage.clock.pending, 0);
	assert.deepEqual([sender.session.streams, slow.session.streams], [0, 0]);
});

test("latest-per-sender: messages that are longer than the queue are told as lost, and lagging ends", async () => {
	const stage = new Stage();
	const sender = stage.join("sender", { mode: "send" });
	const slow = stage.join("slow", { slowReader: "latest-per-sender", bufferBytes: 1_024 });
	let sent = 0;
	for (let i = 0; i < 40; i++) {
		if (sender.send("x".repeat(5_000))) sent++;
		await stage.clock.advance(20);
	}
	assert.equal(stage.status.at(-1)?.type, "broadcast-lagging");
	readAll(slow);
	await stage.clock.advance(0);
	readAll(slow);
	assert.equal(stage.status.at(-1)?.type, "broadcast-caught-up");
	assert.equal(messagesOf(slow) + lostOf(slow), sent);
});

test("block: what waits for a member that only sends holds back nobody", async () => {
	const stage = new Stage();
	const sender = stage.join("sender", { mode: "send" });
	stage.join("silent", { mode: "send", presence: true, slowReader: "block", bufferBytes: 1_024 });
	for (let i = 0; i < 1_000; i++) stage.join(`guest-${i}`, { mode: "send" }).lose();
	assert.equal(stage.status.at(-1)?.type, "broadcast-lagging");
	assert.equal(await stage.fill(sender, 300), 300);
});

test("a member that asks for a small queue does not make messages go out one by one", async () => {
	const stage = new Stage();
	const sender = stage.join("sender", { mode: "send" });
	const reader = stage.join("reader");
	stage.join("small", { bufferBytes: 1_024 }).leave();
	const writes = reader.writes;
	for (let i = 0; i < 60; i++) assert.equal(sender.send("x".repeat(100)), true);
	await stage.clock.advance(0);
	assert.equal(reader.writes - writes, 1);
});

test("the last sender goes: those who end are not told of each other, who stays is told of all", () => {
	const stage = new Stage();
	const sender = stage.join("sender", { mode: "send" });
	const ending = Array.from({ length: 50 }, (_, i) => stage.join(`reader-${i}`, { keepOpen: false, presence: true }));
	const stays = stage.join("stays", { presence: true });
	for (const member of [...ending, stays]) readAll(member);
	const before = ending.map(({ writes }) => writes);
	sender.endSending();
	for (const [i, { writes }] of ending.entries()) assert.equal(writes - (before[i] as number), 1, "END");
	readAll(stays);
	assert.equal(stays.heard.filter(({ type }) => type === "leave").length, 50);
});

test("the Coordinator goes: nobody hears that others left, nor an end that is none", () => {
	const stage = new Stage();
	stage.join("sender", { mode: "send" });
	const readers = ["a", "b"].map((id) => stage.join(id, { keepOpen: false, presence: true }));
	for (const reader of readers) readAll(reader);
	const writes = readers.map((reader) => reader.writes);
	stage.broadcasts.end(RESET_CODES.COORDINATOR_CLOSED);
	assert.deepEqual(
		readers.map((reader) => reader.writes),
		writes,
	);
	assert.deepEqual(
		readers.map(({ resetCode }) => resetCode),
		[RESET_CODES.COORDINATOR_CLOSED, RESET_CODES.COORDINATOR_CLOSED],
	);
	assert.equal(stage.broadcasts.size, 0);
});

test("who lags is told once for all that happens at a time, and to nobody who does not read", async () => {
	const stage = new Stage({ broadcastWaitMs: 60_000 });
	const sender = stage.join("sender", { mode: "send" });
	const deaf = stage.join("deaf", { mode: "send" });
	const slow = Array.from({ length: 70 }, (_, i) => stage.join(`${"slow".repeat(14)}-${i}`, { bufferBytes: 4_096 }));
	readAll(sender);
	for (let round = 0; round < 40; round++) {
		const { writes } = sender;
		await stage.fill(sender, 120);
		await stage.clock.advance(130);
		assert.ok(sender.writes - writes <= 2, `${sender.writes - writes} notices`);
		for (let i = 0; i < 3; i++) {
			for (const one of slow) readAll(one);
			readAll(sender);
			await stage.clock.advance(1_000);
		}
	}
	assert.ok(deaf.queuedBytes > 60_000 && deaf.queuedBytes < 80_000, `${deaf.queuedBytes} bytes`);
});

test("readers who are slow in turn, or come back again and again, stop senders for 10 s a minute at most", async () => {
	for (const limits of [{}, { broadcastStallMs: 60_000 }]) {
		const stage = new Stage(limits);
		const sender = stage.join("sender", { mode: "send" });
		const total = limits.broadcastStallMs === undefined;
		let waitedMs = 0;
		for (let i = 0; i < 600; i++) {
			const slow = stage.join(total ? `slow-${i}` : "slow", { slowReader: total ? "drop-oldest" : "block", bufferBytes: 1_024 });
			await stage.fill(sender, 200);
			for (let ms = 0; ms < 100; ms += 10) {
				if (!sender.send(KIB)) waitedMs += 10;
				await stage.clock.advance(10);
			}
			slow.lose();
		}
		// One Client has its own second, and its 5 s as it may block, however often it joins.
		const mostMs = total ? 10_000 : 6_000;
		assert.ok(waitedMs > mostMs / 2 && waitedMs <= mostMs + 600, `${waitedMs} of ${mostMs} ms`);
	}
});

test("pace: readers who only just move hold back those who keep up for 10 s a minute, and a drop now and then is no moving", async () => {
	for (const bytesEach of [2_000, 40_000]) {
		const stage = new Stage();
		const sender = stage.join("sender", { mode: "send" });
		const quick = stage.join("quick", { bufferBytes: 262_144 });
		const dawdlers = ["a", "b", "c", "d"].map((id) => stage.join(id, { bufferBytes: 4 * 1_024 * 1_024 }));
		let sent = 0;
		for (let ms = 0; ms < 60_000; ms += 100) {
			sent += await stage.fill(sender, 20);
			readAll(quick);
			await stage.clock.advance(100);
			readAll(quick);
			if (ms % 500 === 0) for (const one of dawdlers) one.read(bytesEach);
		}
		assert.ok(sent > 600 * 20 * 0.75, `${sent} messages`);
		assert.equal(messagesOf(quick), sent);
	}
});

test("all broadcasts together keep no more than they may: who keeps most loses it, exactly, and histories say so", async () => {
	const limit = 2_000_000;
	const stage = new Stage({ broadcastHeldBytes: limit }, true, 1_000);
	const names = ["a", "b", "c", "d"];
	const senders = names.map((name) => stage.join("sender", { name, mode: "send" }));
	const policies = ["drop-oldest", "drop-newest", "latest-per-sender", "block", "disconnect"] as const;
	const quick = stage.join("quick", { name: "a", bufferBytes: 65_536 });
	const slow = names.flatMap((name) => policies.map((slowReader) => stage.join(slowReader, { name, slowReader, bufferBytes: 1_000_000 })));
	readAll(quick);
	const since = { epoch: quick.joined?.epoch ?? "", seq: quick.joined?.seq ?? 0 };
	const sent = new Map(names.map((name) => [name, 0]));
	let most = 0;
	for (let i = 0; i < 200; i++) {
		for (const [which, name] of names.entries()) {
			sent.set(name, (sent.get(name) ?? 0) + (await stage.fill(senders[which] as FakeMember, 20)));
			readAll(quick);
			await stage.clock.advance(0);
			most = Math.max(most, stage.broadcasts.heldBytes);
		}
		await stage.clock.advance(20);
	}
	assert.ok(most > limit / 2 && most <= limit + 100_000, `${most} bytes`);
	const late = stage.join("late", { name: "a", since });
	readAll(late);
	assert.equal(late.joined?.recovered, false);
	await stage.clock.advance(10_000);
	for (let i = 0; i < 10; i++) {
		for (const one of [quick, ...slow]) readAll(one);
		await stage.clock.advance(200);
	}
	for (const one of [quick, ...slow]) {
		const { slowReader, name } = one.open;
		if (slowReader === "disconnect") assert.equal(one.resetCode, RESET_CODES.LAGGED);
		else assert.equal(messagesOf(one) + lostOf(one), sent.get(name), `${slowReader} of ${name}`);
	}
	assert.equal(lostOf(quick), 0);
	for (const one of [...senders, quick, late, ...slow]) one.lose();
	stage.broadcasts.end(RESET_CODES.COORDINATOR_CLOSED);
	assert.equal(stage.broadcasts.heldBytes, 0);
	assert.equal(stage.clock.pending, 0);
});

test("presence that waits counts like messages: in what all keep together, and in how much waits for one", async () => {
	const stage = new Stage({ broadcastHeldBytes: 1_000_000, broadcastBufferMessages: 64 });
	const watchers = Array.from({ length: 40 }, (_, i) => stage.join(`watcher-${i}`, { presence: true, bufferBytes: 1_000_000 }));
	for (const watcher of watchers) readAll(watcher);
	const guest = stage.join("guest");
	const change = (mood: number): void => {
		stage.broadcasts.update(Object.assign(guest.session, { peer: { ...guest.session.peer, metadata: { mood, text: "x".repeat(900) } } }));
	};
	let most = 0;
	for (let i = 0; i < 300; i++) {
		change(i);
		await stage.clock.advance(10);
		most = Math.max(most, stage.broadcasts.heldBytes);
	}
	assert.ok(most > 100_000 && most < 1_100_000, `${most} bytes`);
	// More than 64 waited for each: they lag, and hear of the last with the list.
	assert.equal(stage.status.filter(({ type }) => type === "broadcast-lagging").length, 40);
	for (const watcher of watchers) {
		readAll(watcher);
		const last = watcher.heard.filter(({ type }) => type === "members" || type === "update").at(-1);
		assert.ok(last !== undefined && JSON.stringify(last).includes('"mood":299'), JSON.stringify(watcher.heard.at(-1)).slice(0, 200));
	}
	for (const one of [guest, ...watchers]) one.lose();
	assert.equal(stage.broadcasts.heldBytes, 0);
});

test("a Client that joins and leaves in a loop is refused after a while, and sooner where many hear of it", async () => {
	for (const [listeners, joinings] of [
		[0, 50],
		[200, 16],
	] as const) {
		const stage = new Stage({ broadcastJoinsPerMinute: 50 });
		for (let i = 0; i < listeners; i++) stage.join(`listener-${i}`, { presence: true });
		const open: BroadcastOpen = { name: "news", mode: "receive", slowReader: "drop-oldest", bufferBytes: 16_384 };
		const session = broadcastSession("restless");
		const joins = (): boolean => {
			const member = new FakeMember(session, open);
			stage.broadcasts.join(session, member.incoming, open, member.resume);
			member.lose();
			return !member.rejected;
		};
		let taken = 0;
		while (joins()) taken++;
		assert.equal(taken, joinings);
		await stage.clock.advance(60_000);
		assert.equal(joins(), true);
		assert.equal(session.streams, 0);
	}
});

test("broadcasts: Clients of one network cannot take all names, and a name counts to its maker until nobody is left", () => {
	const stage = new Stage({ broadcasts: 200 });
	const join = (session: ReturnType<typeof broadcastSession>, name: string): FakeMember => {
		const open: BroadcastOpen = { name, mode: "receive", slowReader: "drop-oldest", bufferBytes: 16_384 };
		const member = new FakeMember(session, open);
		stage.broadcasts.join(session, member.incoming, open, member.resume);
		return member;
	};
	const flood = Array.from({ length: 7 }, (_, i) => broadcastSession(`mallory-${i}`, "192.0.2"));
	const made = flood.flatMap((session) => Array.from({ length: 32 }, (_, i) => join(session, `${session.peer.id}/${i}`)));
	assert.equal(stage.broadcasts.size, 190);
	assert.equal(stage.refused, 7 * 32 - 190);
	const ann = broadcastSession("ann", "198.51.100");
	assert.equal(join(ann, "anns").rejected, false);
	assert.equal(join(flood[6] as (typeof flood)[0], "anns").rejected, false, "joining what is there takes no name");
	for (const member of made) if (!member.rejected) member.lose();
	assert.equal(stage.broadcasts.size, 1);
	assert.equal(join(flood[0] as (typeof flood)[0], "again").rejected, false);
});
