import assert from "node:assert/strict";
import { test } from "node:test";
import { outcome, type Running, site } from "./harness.ts";

const messages = (running: Running): unknown[] => running.events.filter(({ event }) => event === "message").map(({ from, text }) => `${from}: ${text}`);

test("broadcast: piped lines reach everybody in one order, and all end when the last sender has finished", async (t) => {
	const place = await site(t);
	const carol = place.client("carol", "broadcast", "news", "--receive", "--json");
	await carol.event("joined");
	const bob = place.client("bob", "broadcast", "news", "--json");
	await bob.event("joined");
	const alice = place.client("alice", "broadcast", "news", "--json", "--send");
	await alice.event("joined");
	bob.child.stdin?.write("one\n");
	await carol.event("message", ({ text }) => text === "one");
	alice.child.stdin?.end("two\n\nlast line without end");
	await alice.exits(0);
	bob.child.stdin?.end("four\n");
	await Promise.all([bob.exits(0), carol.exits(0)]);
	const all = ["bob: one", "alice: two", "alice: ", "alice: last line without end", "bob: four"];
	assert.deepEqual(messages(carol), all);
	assert.deepEqual(messages(bob), all);
	assert.deepEqual(messages(alice), []);
});

test("broadcast: text is shown as lines, without one's own and without control sequences", async (t) => {
	const place = await site(t);
	const bob = place.client("bob", "broadcast", "news", "--members");
	await bob.says(/here: bob/);
	const alice = place.client("alice", "broadcast", "news", "--send");
	await bob.says(/"alice" has come/);
	alice.child.stdin?.end("\u001b[2Jhi\n");
	await alice.exits(0);
	await bob.says(/"alice" has gone/);
	bob.child.stdin?.end("bye\n");
	await bob.exits(0);
	assert.equal(bob.stdout.toString(), "alice: \\x1b[2Jhi\n");
});

test("broadcast: Ctrl-C ends with 130; wrong names and options are usage errors", async (t) => {
	const place = await site(t);
	const bob = place.client("bob", "broadcast", "news", "--receive", "--json");
	await bob.event("joined");
	bob.child.kill("SIGINT");
	await bob.exits(130);
	const wrong = place.client("bob", "broadcast", "News");
	await wrong.exits(2);
	assert.match(wrong.stderr, /cannot name a broadcast/);
	for (const args of [["news", "--send", "--receive"], ["news", "--slow-reader", "wait"], ["news", "--last", "x"], []]) {
		assert.equal((await outcome(["broadcast", ...args])).status, 2);
	}
});

test("chat --room: who is there, who comes and goes, and everybody's lines", async (t) => {
	const place = await site(t);
	const bob = place.client("bob", "chat", "--room", "kitchen", "--json");
	assert.deepEqual((await bob.event("members"))["ids"], ["bob"]);
	const alice = place.client("alice", "chat", "--room", "kitchen", "--json");
	assert.deepEqual((await alice.event("members"))["ids"], ["bob", "alice"]);
	assert.equal((await bob.event("join"))["id"], "alice");
	alice.child.stdin?.write("hello\n");
	await bob.event("message", ({ text, from }) => text === "hello" && from === "alice");
	bob.child.stdin?.write("hi alice\n");
	await alice.event("message", ({ text, from }) => text === "hi alice" && from === "bob");
	alice.child.stdin?.end();
	await alice.exits(0);
	assert.equal((await bob.event("leave"))["id"], "alice");
	bob.child.stdin?.end("alone\n");
	await bob.exits(0);
	assert.equal((await outcome(["chat", "--room", "a", "--to", "b"])).status, 2);
});
