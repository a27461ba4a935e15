import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { Client } from "../../packages/conec/src/index.ts";
import { site, started } from "./harness.ts";

test("chat: lines go both ways, each side hears the other leave, both end with 0", async (t) => {
	const place = await site(t);
	const bob = place.client("bob", "chat", "--json");
	await bob.event("waiting");
	const alice = place.client("alice", "chat", "--json", "--to", "bob");
	alice.stdin.write("hello bob 🙂\n");
	assert.deepEqual(await bob.event("message"), { event: "message", from: "alice", text: "hello bob 🙂" });
	bob.stdin.write("hello alice\n\nlast line without end");
	bob.stdin.end();
	await alice.event("message", ({ text }) => text === "last line without end");
	await Promise.all([alice.exits(0), bob.exits(0)]);
	assert.deepEqual(
		alice.events.filter(({ event }) => event === "message").map(({ text }) => text),
		["hello alice", "", "last line without end"],
	);
});

test("chat: control sequences from the peer are shown, not obeyed; a third caller is told that the line is busy", async (t) => {
	const place = await site(t);
	const bob = place.client("bob", "chat");
	await bob.says(/waiting for a caller/);
	const client = await Client.connect({ id: "mallory", coordinator: place.address, pin: place.pin });
	t.after(() => client.close());
	const stream = await client.openStream("bob", { protocol: "conec-chat/1" });
	await stream.send("\u001b[2J\u001b]0;owned\u0007hi");
	await bob.says(/talking with "mallory"/);
	const carol = place.client("carol", "chat", "--json", "--to", "bob");
	await carol.exits(4);
	assert.match(String((await carol.event("error"))["hint"]), /busy with somebody else/);
	await stream.close();
	await bob.exits(0);
	assert.equal(bob.stdout.toString(), "mallory: \\x1b[2J\\x1b]0;owned\\x07hi\n");
});

test("chat: Ctrl-C ends with 130 and the peer hears why", async (t) => {
	const place = await site(t);
	const bob = place.client("bob", "chat", "--json");
	await bob.event("waiting");
	const alice = place.process("alice", "chat", "--json", "--to", "bob");
	await bob.event("joined");
	await alice.event("joined");
	alice.signal("SIGINT");
	await Promise.all([alice.exits(130), bob.exits(4)]);
	assert.match(String((await bob.event("error"))["hint"]), /was interrupted/);
});

test("pipe: binary both ways at once, each direction ends on its own", async (t) => {
	const place = await site(t);
	const bob = place.client("bob", "pipe");
	await bob.says(/waiting for a peer/);
	const alice = place.client("alice", "pipe", "--to", "bob");
	const up = randomBytes(5_000_000);
	const down = randomBytes(3_000_000);
	alice.stdin.end(up);
	// Bob's input ends only after all of Alice's has arrived: her end must not end his.
	await bob.outputs(up.length);
	bob.stdin.end(down);
	await Promise.all([alice.exits(0), bob.exits(0)]);
	assert.ok(bob.stdout.equals(up));
	assert.ok(alice.stdout.equals(down));
});

test("pipe: an output that closes ends both sides, neither with a stack", async (t) => {
	const place = await site(t);
	const bob = place.process("bob", "pipe");
	await bob.says(/waiting for a peer/);
	bob.stdin.end();
	const alice = place.process("alice", "pipe", "--to", "bob");
	const feed = setInterval(() => alice.stdin.write(Buffer.alloc(64 * 1_024)), 5);
	t.after(() => clearInterval(feed));
	await Promise.race([bob.outputs(1), alice.exit().then((status) => assert.fail(`${status}: ${alice.stderr}`))]);
	bob.closeOutput();
	await Promise.all([bob.exits(141), alice.exits(4)]);
	assert.match(alice.stderr, /closed its output/);
	assert.ok(!(alice.stderr + bob.stderr).includes("    at "));
});

test("demo: shows chat, round trip and file, verifies everything and ends by itself", async (t) => {
	const demo = started(t, ["demo", "--json"]);
	// How long it takes is the machine's affair.
	await demo.exits(0);
	assert.deepEqual(
		demo.events.map(({ event }) => event),
		["coordinator", "clients", "chat", "roundTrip", "file", "done"],
	);
	const roundTrip = await demo.event("roundTrip");
	assert.ok(Number(roundTrip["p50Ms"]) > 0);
	assert.ok(Number(roundTrip["direct"]) > 0, "directly, as soon as that can be");
	const file = await demo.event("file");
	// What cannot wait goes through the Coordinator where the attempt takes longer than usual.
	for (const { path } of [await demo.event("chat"), file]) assert.match(String(path), /^(direct|proxied)$/);
	assert.equal(file["bytes"], 67_108_864);
	assert.match(String(file["sha256"]), /^[0-9a-f]{64}$/);
});

test("demo: Ctrl-C removes processes and files", async (t) => {
	const before = await demoFolders();
	const demo = started(t, ["demo", "--json"]);
	await demo.event("coordinator");
	demo.signal("SIGINT");
	await demo.exits(130);
	// Somebody else may run a demonstration of its own at the same time.
	const left = async (): Promise<string[]> => (await demoFolders()).filter((name) => !before.includes(name));
	for (const end = performance.now() + 30_000; (await left()).length > 0 && performance.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 200));
	assert.deepEqual(await left(), []);
});

async function demoFolders(): Promise<string[]> {
	return (await readdir(tmpdir())).filter((name) => name.startsWith("conec-demo-")).sort();
}
