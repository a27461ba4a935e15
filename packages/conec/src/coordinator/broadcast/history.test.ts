import assert from "node:assert/strict";
import { test } from "node:test";
import { type Chunk, encodeChunk } from "./chunk.ts";
import { type ChunkPart, History, type HistoryBounds } from "./history.ts";

const EPOCH = new Uint8Array(8);
const ALICE = { id: "alice", bytes: new TextEncoder().encode("alice") };

function chunk(firstSeq: number, count: number, atMs = 0, size = 10): Chunk {
	return encodeChunk(
		Array.from({ length: count }, () => ({ sender: ALICE, payload: new Uint8Array(size) })),
		firstSeq,
		EPOCH,
		atMs,
	);
}

function seqs(parts: readonly ChunkPart[] | undefined): number[] | undefined {
	return parts?.flatMap(({ chunk: { firstSeq }, from, to }) => Array.from({ length: to - from }, (_, i) => firstSeq + from + i));
}

function history(bounds: Partial<HistoryBounds>): History {
	return new History({ messages: 1_000, bytes: 1_000_000, ageMs: Number.POSITIVE_INFINITY, ...bounds });
}

test("bounded by count, to the message", () => {
	const kept = history({ messages: 5 });
	kept.push(chunk(1, 3));
	kept.push(chunk(10, 4)); // 4 to 9 were changes of the list
	assert.deepEqual(seqs(kept.last(100, 0)), [2, 3, 10, 11, 12, 13].slice(-5));
	assert.deepEqual(seqs(kept.last(2, 0)), [12, 13]);
	assert.deepEqual(seqs(kept.last(0, 0)), []);
	assert.equal(kept.messages, 5);
	kept.push(chunk(20, 9));
	assert.deepEqual(seqs(kept.last(100, 0)), [24, 25, 26, 27, 28]);
});

test("bounded by bytes and by age; the books balance", () => {
	const one = chunk(1, 1).bytes.length;
	const small = history({ bytes: one * 3 });
	for (let seq = 1; seq <= 50; seq++) small.push(chunk(seq, 1));
	assert.deepEqual([seqs(small.last(100, 0)), small.bytes], [[48, 49, 50], one * 3]);
	small.push(chunk(51, 1, 0, 1_000));
	assert.deepEqual([seqs(small.last(100, 0)), small.bytes, small.messages], [[], 0, 0]);
	const fresh = history({ ageMs: 100 });
	fresh.push(chunk(1, 2, 0));
	fresh.push(chunk(3, 2, 60));
	assert.deepEqual(seqs(fresh.last(10, 99)), [1, 2, 3, 4]);
	assert.deepEqual(seqs(fresh.last(10, 100)), [3, 4]);
	assert.deepEqual(seqs(fresh.since(2, 150)), [3, 4]);
	assert.equal(fresh.since(1, 150), undefined);
	assert.deepEqual([seqs(fresh.last(10, 160)), fresh.bytes], [[], 0]);
});

test("since: everything after it, or nothing", () => {
	const kept = history({ messages: 4 });
	assert.deepEqual(kept.since(0, 0), []);
	kept.push(chunk(1, 2));
	kept.push(chunk(5, 3));
	assert.equal(kept.since(0, 0), undefined);
	assert.deepEqual(seqs(kept.since(1, 0)), [2, 5, 6, 7]);
	assert.deepEqual(seqs(kept.since(3, 0)), [5, 6, 7]);
	assert.deepEqual(seqs(kept.since(6, 0)), [7]);
	assert.deepEqual(seqs(kept.since(7, 0)), []);
});

test("off: who has missed nothing is told so, anybody else is not", () => {
	const none = history({ messages: 0 });
	none.push(chunk(1, 3));
	assert.equal(none.since(2, 0), undefined);
	assert.deepEqual(none.since(3, 0), []);
	assert.deepEqual(none.last(5, 0), []);
});
