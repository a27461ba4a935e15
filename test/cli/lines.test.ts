import assert from "node:assert/strict";
import { test } from "node:test";
import { LINE_BYTES } from "../../packages/conec/src/cli/terminal/lines.ts";
import { site } from "./harness.ts";

const LONGEST = "x".repeat(LINE_BYTES);
/** The longest line, one that is longer, bytes that are no UTF-8, and one more. */
const INPUT = Buffer.concat([Buffer.from(`${LONGEST}\n${LONGEST}y\n`), Buffer.from("caf\xe9 \xff\n", "latin1"), Buffer.from("end\n")]);

test("chat: a line is one message or refused, and bytes arrive as they were", async (t) => {
	const place = await site(t);
	const bob = place.client("bob", "chat", "--json");
	await bob.event("waiting");
	const alice = place.client("alice", "chat", "--to", "bob");
	alice.stdin.end(INPUT);
	await Promise.all([alice.exits(5), bob.exits(0)]);
	assert.deepEqual(
		bob.events.filter(({ event }) => event === "message").map(({ text, base64 }) => [text, base64]),
		[
			[LONGEST, undefined],
			["caf\ufffd \ufffd", Buffer.from("caf\xe9 \xff", "latin1").toString("base64")],
			["end", undefined],
		],
	);
	assert.match(alice.stderr, /Line 2 was not sent: it has 65,537 bytes, and a line can have 65,536\n.*conec pipe/);
});

test("chat: people are shown bytes that are no UTF-8 as what they are, and a long line whole", async (t) => {
	const place = await site(t);
	const bob = place.client("bob", "chat");
	await bob.says(/waiting for a caller/);
	const alice = place.client("alice", "chat", "--to", "bob", "--json");
	alice.stdin.end(INPUT);
	await Promise.all([alice.exits(5), bob.exits(0)]);
	assert.equal(bob.stdout.toString(), `alice: ${LONGEST}\nalice: caf\\xe9 \\xff\nalice: end\n`);
	assert.equal((await alice.event("error"))["code"], "MESSAGE_TOO_LONG");
});

for (const command of [
	["broadcast", "news"],
	["chat", "--room", "lobby"],
]) {
	test(`${command.join(" ")}: a line is one message or refused, and bytes arrive as they were`, async (t) => {
		const place = await site(t);
		const [name = "", ...args] = command;
		const bob = place.client("bob", name, ...args, "--json");
		await bob.event("joined");
		const alice = place.client("alice", name, ...args);
		alice.stdin.end(INPUT);
		await alice.exits(5);
		await bob.event("message", ({ text }) => text === "end");
		assert.deepEqual(
			bob.events.filter(({ event }) => event === "message").map(({ text, base64 }) => [String(text).length, base64]),
			[
				[LINE_BYTES, undefined],
				[6, Buffer.from("caf\xe9 \xff", "latin1").toString("base64")],
				[3, undefined],
			],
		);
		assert.match(alice.stderr, /Line 2 was not sent/);
	});
}
