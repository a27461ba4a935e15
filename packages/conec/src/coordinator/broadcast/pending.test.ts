import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import { Pending } from "./pending.ts";

interface Sender {
	readonly name: string;
}

const message = (bytes: number, tag = 0) => ({ type: "message", payload: new Uint8Array(bytes).fill(tag) }) as const;

function names(pending: Pending<Sender>, most = Number.POSITIVE_INFINITY): string {
	let seen = "";
	for (let i = 0; i < most; i++) {
		const turn = pending.shift();
		if (turn === undefined) break;
		seen += turn.sender.name;
	}
	return seen;
}

test("pending: one that has sent far ahead goes by turns with the others, and a short message does not wait behind all of it", () => {
	const pending = new Pending<Sender>();
	const [a, b, c] = [{ name: "a" }, { name: "b" }, { name: "c" }];
	for (let i = 0; i < 1_000; i++) pending.push(a, message(4_095));
	for (let i = 0; i < 8; i++) pending.push(b, message(4_095));
	pending.push(c, message(5));
	assert.equal(pending.length, 1_009);
	assert.equal(names(pending, 18), "aaaabbbbcaaaabbbba");
	pending.push(b, message(1));
	assert.equal(names(pending, 5), "aaaba");
});

test("pending: empty messages have turns too, and a message of any length goes in one turn", () => {
	const pending = new Pending<Sender>();
	const [a, b] = [{ name: "a" }, { name: "b" }];
	for (let i = 0; i < 20_000; i++) pending.push(a, message(0));
	pending.push(b, message(1_000_000));
	pending.push(b, message(1));
	assert.equal(names(pending).indexOf("b"), 16_384);
});

test("pending: what a sender does after its messages comes after them, and one that is forgotten leaves nothing", () => {
	const pending = new Pending<Sender>();
	const [a, b] = [{ name: "a" }, { name: "b" }];
	const done: string[] = [];
	pending.push(a, message(10));
	pending.push(a, { type: "action", run: () => done.push("a") });
	pending.push(b, message(20));
	pending.push(b, message(30));
	pending.push(b, { type: "action", run: () => done.push("b") });
	assert.equal(pending.has(b), true);
	const dropped: number[] = [];
	pending.forget(b, (payload) => dropped.push(payload.length));
	assert.deepEqual([dropped, pending.has(b), pending.length], [[20, 30], false, 2]);
	pending.forget(b, () => assert.fail("there is nothing more"));
	for (let turn = pending.shift(); turn !== undefined; turn = pending.shift()) if (turn.waiting.type === "action") turn.waiting.run();
	assert.deepEqual([done, pending.length], [["a"], 0]);
});

test("pending: the order of each sender stays, whoever pushes and shifts when, and everybody gets a like share", () => {
	for (let seed = 1; seed <= 30; seed++) {
		const random = seededRandom(seed);
		const pending = new Pending<Sender>();
		const senders = ["a", "b", "c", "d"].map((name) => ({ name, pushed: 0, shifted: 0, bytes: 0 }));
		const shift = (): void => {
			const turn = pending.shift();
			if (turn?.waiting.type !== "message") return;
			const sender = turn.sender as (typeof senders)[number];
			assert.equal(turn.waiting.payload[0], sender.shifted++ & 255);
			sender.bytes += turn.waiting.payload.length;
		};
		for (let i = 0; i < 3_000; i++) {
			const sender = senders[Math.floor(random.fraction() * 4)] as (typeof senders)[number];
			const more = 1 + Math.floor(random.fraction() * 6);
			// The first sends the longest.
			for (let j = 0; j < more; j++)
				pending.push(sender, message(1 + Math.floor(random.fraction() * (sender === senders[0] ? 8_000 : 2_000)), sender.pushed++ & 255));
			shift();
		}
		const bytes = senders.map((sender) => sender.bytes);
		assert.ok(Math.max(...bytes) - Math.min(...bytes) <= 3 * 16_384, `seed ${seed}: ${bytes}`);
		while (pending.length > 0) shift();
		for (const { pushed, shifted } of senders) assert.equal(shifted, pushed);
	}
});
