import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_LIMITS } from "../../limits.ts";
import type { TransportStream } from "../../transport/transport.ts";
import type { BroadcastPeer } from "../../wire/broadcast.ts";
import { FRAME } from "../../wire/frames.ts";
import { Membership } from "./membership.ts";

/** A member whose Coordinator is the test, and what was done to its stream. */
function memberOf(limits: Partial<typeof DEFAULT_LIMITS> = {}): { readonly member: Membership; readonly consumed: number[]; readonly resets: number[] } {
	const consumed: number[] = [];
	const resets: number[] = [];
	const member = new Membership(
		{ name: "news", mode: "receive", slowReader: "drop-oldest", bufferBytes: 65_536, presence: true },
		{ ...DEFAULT_LIMITS, ...limits },
	);
	member.attach({
		consumed: (bytes: number) => void consumed.push(bytes),
		reset: (code: number) => void resets.push(code),
		stop: () => undefined,
		write: () => 0,
		finish: () => undefined,
		queuedBytes: 0,
	} as unknown as TransportStream);
	member.frame(FRAME.ACCEPT, new Uint8Array(0));
	control(member, { type: "joined", epoch: "0".repeat(16), seq: 1, senders: 0, receivers: 1 });
	consumed.length = 0;
	return { member, consumed, resets };
}

const control = (member: Membership, message: object): void => member.frame(FRAME.CONTROL, new TextEncoder().encode(JSON.stringify(message)));

const peers = (from: number, count: number): BroadcastPeer[] =>
	Array.from({ length: count }, (_, i) => ({ id: `p${from + i}`, fingerprint: `sha256:${"00".repeat(32)}` }));

test("a list of members is one event; its last part counts until it is read", async () => {
	const { member, consumed } = memberOf();
	control(member, { type: "members", seq: 1, members: peers(0, 2), more: true });
	assert.equal(consumed.length, 1);
	control(member, { type: "members", seq: 1, members: peers(2, 1), more: false });
	assert.equal(consumed.length, 1);
	const { value } = await member[Symbol.asyncIterator]().next();
	assert.deepEqual(value, { type: "members", seq: 1, members: peers(0, 3) });
	assert.equal(consumed.length, 2);
});

test("a list of members that does not end is LIMIT_EXCEEDED", async () => {
	const { member, resets } = memberOf({ presencePeers: 250 });
	for (let i = 0; i < 250; i += 50) control(member, { type: "members", seq: 1, members: peers(i, 50), more: true });
	assert.deepEqual(resets, []);
	control(member, { type: "members", seq: 1, members: peers(250, 1), more: true });
	assert.equal(resets.length, 1);
	await assert.rejects(member[Symbol.asyncIterator]().next(), { code: "LIMIT_EXCEEDED" });
	assert.deepEqual([(await member.closed).by, (await member.closed).code], ["error", "LIMIT_EXCEEDED"]);
});

test("reading once more after the end is the end, and after an error that error, whoever was waiting for it", async () => {
	const ended = memberOf().member;
	const reading = (async () => {
		for await (const event of ended) assert.fail(event.type);
	})();
	await Promise.resolve();
	ended.frame(FRAME.END, new Uint8Array(0));
	await reading;
	for await (const event of ended) assert.fail(event.type);
	const { member } = memberOf({ presencePeers: 1 });
	const failing = member[Symbol.asyncIterator]().next();
	control(member, { type: "members", seq: 1, members: peers(0, 2), more: true });
	await assert.rejects(failing, { code: "LIMIT_EXCEEDED" });
	await assert.rejects(member[Symbol.asyncIterator]().next(), { code: "LIMIT_EXCEEDED" });
});

test("what waits gets its credit when it is read or dropped, once", async () => {
	const { member, consumed } = memberOf();
	for (let seq = 2; seq < 6; seq++) control(member, { type: "join", seq, peer: peers(seq, 1)[0] });
	assert.deepEqual(consumed, []);
	const reader = member[Symbol.asyncIterator]();
	assert.equal((await reader.next()).done, false);
	assert.equal(consumed.length, 1);
	member.close().catch(() => undefined);
	assert.equal(consumed.length, 4);
	assert.equal((await reader.next()).done, true);
	assert.equal(new Set(consumed).size, 1, "all were as long");
	assert.ok((consumed[0] ?? 0) > 100);
});
