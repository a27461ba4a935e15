import assert from "node:assert/strict";
import { test } from "node:test";
import { FINGERPRINT } from "../../../testing/broadcast-fixture.ts";
import { type BroadcastPeer, decodeBroadcastControl, type SlowReaderPolicy, TaggedDecoder } from "../../wire/broadcast.ts";
import { FRAME, FrameDecoder } from "../../wire/frames.ts";
import { type Chunk, encodeChunk } from "./chunk.ts";
import { MemberQueue } from "./queue.ts";
import { Roster, stampChange } from "./roster.ts";

const EPOCH = new Uint8Array(8);
const FRAME_LENGTH = 4 + 1 + 1 + 16 + 1;

/** Messages of senders named by one letter each: "aab". */
function chunk(firstSeq: number, senders: string): Chunk {
	return encodeChunk(
		[...senders].map((id) => ({ sender: { id, bytes: new TextEncoder().encode(id) }, payload: new Uint8Array(1) })),
		firstSeq,
		EPOCH,
		0,
	);
}

function queueOf(policy: SlowReaderPolicy, messages: number, roster?: ReadonlyMap<string, BroadcastPeer>): MemberQueue {
	return new MemberQueue({ policy, capacityBytes: messages * FRAME_LENGTH, capacityEntries: 1_000, roster });
}

/** Takes without regard to the cost, which is checked. */
function taken(queue: MemberQueue, maxBytes: number, maxCostBytes = Number.POSITIVE_INFINITY): Uint8Array | undefined {
	const need = queue.needCostBytes;
	const what = queue.take(maxBytes, maxCostBytes);
	if (what === undefined) {
		assert.ok(need === 0 || need > maxCostBytes);
		return undefined;
	}
	const frames = new FrameDecoder({ messageBytes: 1_000_000 }).push(what.frames);
	assert.equal(what.units, frames.length);
	assert.equal(what.costBytes, what.frames.length + 60 * what.units);
	assert.ok(what.costBytes <= maxCostBytes);
	return what.frames;
}

/** What a member would see: "a1 b2 gap(3:3-5) members(5:x,y)". */
function drain(queue: MemberQueue): string {
	const decoder = new FrameDecoder({ messageBytes: 1_000 });
	const tagged = new TaggedDecoder("0000000000000000");
	const seen: string[] = [];
	for (let frames = taken(queue, 50); frames !== undefined; frames = taken(queue, 50)) {
		for (const event of decoder.push(frames)) {
			assert.equal(event.type, "frame");
			if (event.type !== "frame") continue;
			if (event.kind === FRAME.TAGGED) {
				const message = tagged.decode(event.payload);
				assert.notEqual(typeof message, "string");
				if (typeof message !== "string") seen.push(`${message.sender}${message.seq}`);
				continue;
			}
			const control = decodeBroadcastControl(event.payload);
			assert.ok(control.ok);
			const { value } = control;
			if (value.type === "gap") seen.push(`gap(${value.lost}:${value.fromSeq}-${value.toSeq})`);
			else if (value.type === "members")
				seen.push(
					`members(${value.seq}:${value.members
						.map(({ id }) => id)
						.sort()
						.join(",")})`,
				);
			else if (value.type === "join" || value.type === "leave" || value.type === "update") seen.push(`${value.type}(${value.seq}:${value.peer.id})`);
		}
	}
	assert.deepEqual([queue.empty, queue.bytes, queue.entries], [true, 0, 0]);
	return seen.join(" ");
}

test("full and half empty by bytes and by messages", () => {
	const queue = queueOf("drop-oldest", 4);
	queue.push(chunk(1, "aaa"));
	assert.deepEqual([queue.full, queue.halfEmpty, queue.entries], [false, false, 3]);
	queue.push(chunk(4, "a"));
	assert.equal(queue.full, true);
	taken(queue, 1);
	taken(queue, 1);
	assert.deepEqual([queue.full, queue.halfEmpty], [false, true]);
	const many = new MemberQueue({ policy: "drop-oldest", capacityBytes: 1e6, capacityEntries: 2, roster: undefined });
	many.push(chunk(1, "aa"));
	assert.equal(many.full, true);
});

test("drop-oldest: one gap at the front, which goes with the next message", () => {
	const queue = queueOf("drop-oldest", 4);
	queue.push(chunk(1, "aabb"));
	queue.startLag();
	queue.push(chunk(5, "ccc"));
	queue.push(chunk(8, "d"));
	assert.equal(queue.lost, 4);
	assert.equal(drain(queue), "gap(4:1-4) c5 c6 c7 d8");
	queue.push(chunk(9, "aaaaaaaaaa"));
	assert.equal(drain(queue), "gap(6:9-14) a15 a16 a17 a18");
});

test("drop-newest: what waits stays, everything after it goes until lagging ends", () => {
	const queue = queueOf("drop-newest", 4);
	queue.push(chunk(1, "aabb"));
	queue.startLag();
	queue.push(chunk(5, "ccc"));
	taken(queue, 50);
	queue.push(chunk(8, "c"));
	queue.endLag();
	queue.push(chunk(9, "d"));
	assert.equal(drain(queue), "b3 b4 gap(4:5-8) d9");
});

test("a gap that may still grow is not told before what follows it", () => {
	const queue = queueOf("drop-newest", 2);
	queue.push(chunk(1, "aa"));
	queue.startLag();
	queue.push(chunk(3, "b"));
	taken(queue, 1_000);
	assert.equal(taken(queue, 1_000), undefined);
	assert.equal(queue.empty, false);
	queue.push(chunk(4, "b"));
	queue.endLag();
	assert.equal(drain(queue), "gap(2:3-4)");
});

test("latest-per-sender: one message of each, gaps where others were, runs joined", () => {
	const queue = queueOf("latest-per-sender", 100);
	queue.push(chunk(1, "abacc"));
	queue.startLag();
	assert.equal(queue.entries, 3);
	queue.push(chunk(6, "bd"));
	assert.equal(drain(queue), "gap(2:1-2) a3 gap(1:4-4) c5 b6 d7");
	// A message that is on its way is not superseded.
	queue.push(chunk(8, "ab"));
	taken(queue, FRAME_LENGTH);
	queue.push(chunk(10, "ab"));
	assert.equal(drain(queue), "gap(1:9-9) a10 b11");
	queue.push(chunk(12, "ab"));
	queue.endLag();
	queue.push(chunk(14, "aa"));
	assert.equal(drain(queue), "a12 b13 a14 a15");
});

test("latest-per-sender is bounded as well: the oldest senders go", () => {
	const queue = queueOf("latest-per-sender", 3);
	queue.startLag();
	queue.push(chunk(1, "abcdefa"));
	assert.equal(drain(queue), "gap(4:1-4) e5 f6 a7");
});

test("history does not count as being slow, but may be dropped like the rest", () => {
	const queue = queueOf("drop-oldest", 2);
	const old = chunk(1, "aaaaaaaa");
	queue.replay(old, 2, 8);
	assert.deepEqual([queue.full, queue.bytes], [false, 0]);
	queue.push(chunk(9, "bb"));
	assert.equal(queue.full, true);
	assert.equal(drain(queue), "a3 a4 a5 a6 a7 a8 b9 b10");
});

test("presence: a list after a gap that covers some, as of its end, whatever is changed later", () => {
	const roster = new Roster();
	const peer = (id: string): BroadcastPeer => ({ id, fingerprint: FINGERPRINT });
	for (const policy of ["drop-oldest", "drop-newest"] as const) {
		roster.peers.clear();
		for (const id of ["m", "x"]) roster.peers.set(id, peer(id));
		const queue = queueOf(policy, 16, roster.peers);
		let seq = 0;
		const change = (type: "join" | "leave", id: string): void => {
			const before = roster.peers.get(id);
			if (type === "join") roster.peers.set(id, peer(id));
			else roster.peers.delete(id);
			queue.pushPresence(stampChange({ type, peer: peer(id), before }, ++seq));
		};
		queue.pushMembers(0);
		change("join", "y");
		queue.push(chunk(seq + 1, "aaa"));
		seq += 3;
		queue.startLag();
		change("leave", "x");
		change("join", "z");
		queue.push(chunk(seq + 1, "aaaaaaaa"));
		seq += 8;
		queue.endLag();
		change("leave", "y");
		queue.push(chunk(++seq, "b"));
		const seen = drain(queue);
		if (policy === "drop-oldest") assert.equal(seen, "gap(3:1-5) members(5:m,y) join(6:z) a7 a8 a9 a10 a11 a12 a13 a14 leave(15:y) b16");
		else assert.equal(seen, "members(0:m,x) join(1:y) a2 a3 a4 gap(8:5-14) members(14:m,y,z) leave(15:y) b16");
	}
});

test("presence: of a long list no more is written at a time than there is room for, and what follows it stays behind it", () => {
	const peers = new Map(Array.from({ length: 2_000 }, (_, i) => [`peer-${i}`, { id: `peer-${i}`, fingerprint: FINGERPRINT, metadata: "x".repeat(100) }]));
	const queue = queueOf("latest-per-sender", 4, peers);
	queue.pushMembers(1);
	queue.push(chunk(2, "a"));
	const decoder = new FrameDecoder({ messageBytes: 1_000 });
	const seen: BroadcastPeer[] = [];
	let takes = 0;
	for (let frames = taken(queue, 20_000); frames !== undefined; frames = taken(queue, 20_000)) {
		takes++;
		assert.ok(frames.length < 40_000, `${frames.length} bytes`);
		// Comes and goes meanwhile.
		peers.delete(`peer-${takes}`);
		if (takes === 1) {
			queue.startLag();
			queue.push(chunk(3, "bcde"));
		}
		for (const event of decoder.push(frames)) {
			assert.equal(event.type, "frame");
			if (event.type !== "frame") continue;
			if (event.kind === FRAME.TAGGED) {
				assert.equal(seen.length, 2_000);
				continue;
			}
			const control = decodeBroadcastControl(event.payload);
			assert.ok(control.ok && control.value.type === "members");
			if (control.ok && control.value.type === "members") {
				seen.push(...control.value.members);
				assert.deepEqual([control.value.seq, control.value.more], [1, seen.length < 2_000]);
			}
		}
	}
	assert.ok(takes > 10);
	assert.equal(new Set(seen.map(({ id }) => id)).size, 2_000);
	assert.equal(queue.empty, true);
	assert.equal(queue.lost, 0);
});

test("no more is taken than the member has room for, and what the next unit needs is known", () => {
	const queue = queueOf("drop-oldest", 100);
	queue.push(chunk(1, "abcdef"));
	const cost = FRAME_LENGTH + 60;
	assert.equal(queue.needCostBytes, cost);
	assert.equal(taken(queue, 1_000, cost - 1), undefined);
	assert.equal(taken(queue, 1_000, 2 * cost)?.length, 2 * FRAME_LENGTH);
	assert.equal(taken(queue, 1, 10 * cost)?.length, FRAME_LENGTH);
	assert.equal(taken(queue, 1_000, 3 * cost - 1)?.length, 2 * FRAME_LENGTH);
	assert.equal(drain(queue), "f6");
	assert.equal(queue.needCostBytes, 0);
});

test("a gap and what follows it go one by one where there is little room, and nothing of it is dropped any more", () => {
	const queue = queueOf("drop-oldest", 2);
	queue.push(chunk(1, "aabb"));
	queue.startLag();
	const need = queue.needCostBytes;
	assert.equal(taken(queue, 1_000, need - 1), undefined);
	queue.push(chunk(5, "c"));
	const gap = taken(queue, 1_000, need);
	assert.ok(gap !== undefined && new TextDecoder().decode(gap).includes('"lost":3'), "what was dropped meanwhile is part of it");
	assert.equal(taken(queue, 1_000, FRAME_LENGTH + 59), undefined);
	queue.push(chunk(6, "dde"));
	assert.equal(queue.lost, 5);
	assert.equal(drain(queue), "b4 gap(2:5-6) d7 e8");
});
