import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Client, type JsonValue } from "../../packages/conec/src/index.ts";
import { type Running, type Site, site } from "./harness.ts";

/** A Client of this process, gone when the test is over. */
async function member(t: TestContext, place: Site, id: string, metadata?: JsonValue): Promise<Client> {
	const client = await Client.connect({ id, ...(metadata === undefined ? {} : { metadata }), coordinator: place.address, pin: place.pin });
	t.after(() => client.close());
	return client;
}

/** Texts of the messages that a command has told of. */
function texts(running: Running): unknown[] {
	return running.events.filter(({ event }) => event === "message").map(({ text }) => text);
}

test("broadcast: piped lines reach everybody in one order; who piped leaves when all are delivered, readers end with the last sender", async (t) => {
	const place = await site(t);
	const reader = place.client("reader", "broadcast", "news", "--mode", "receive", "--json");
	const { epoch } = await reader.event("joined");
	const alice = place.client("alice", "broadcast", "news", "--json", "--echo");
	await alice.event("joined");
	const lines = Array.from({ length: 2_000 }, (_, i) => `line ${i} 🙂`);
	alice.stdin.end(`${lines.join("\n")}\r\n\nlast line without end`);
	await Promise.all([alice.exits(0), reader.exits(0)]);
	const expected = [...lines, "", "last line without end"];
	assert.deepEqual(texts(reader), expected);
	assert.deepEqual(texts(alice), expected, "--echo shows them in their places");
	const first = (await reader.event("message")) as unknown as { seq: number };
	assert.deepEqual(first, { event: "message", from: "alice", text: "line 0 🙂", epoch, seq: first.seq });
	const seqs = reader.events.filter(({ event }) => event === "message").map(({ seq }) => Number(seq));
	assert.ok(seqs.every((seq, i) => i === 0 || seq > (seqs[i - 1] as number)));
	assert.equal(reader.events.at(-1)?.event, "ended");
});

test("broadcast: what others send is shown and not obeyed, one's own is not shown; --listen goes on after the input", async (t) => {
	const place = await site(t);
	const bob = place.client("bob", "broadcast", "news", "--listen");
	await bob.says(/in broadcast "news"/);
	const json = place.client("json", "broadcast", "news", "--mode", "receive", "--json");
	await json.event("joined");
	const mallory = await (await member(t, place, "mallory")).joinBroadcast("news");
	bob.stdin.end("from bob\n");
	await bob.says(/sending no more/);
	await mallory.send("\u001b[2J\u001b]0;owned\u0007hi\r\nbob: \u202efake");
	await mallory.send(Uint8Array.of(0x9b, 0x32, 0x4a));
	await mallory.close();
	await Promise.all([bob.exits(0), json.exits(0)]);
	assert.equal(bob.stdout.toString(), "mallory: \\x1b[2J\\x1b]0;owned\\x07hi\\x0d\\x0abob: \\u202efake\nmallory: \\x9b2J\n");
	assert.match(bob.stderr, /the last sender has gone/);
	const raw = await json.event("message", ({ text }) => text === "\ufffd2J");
	assert.equal(raw["base64"], "mzJK");
});

test("broadcast --presence: who is here, who comes and who changes; --count says how many", async (t) => {
	const place = await site(t);
	const bob = place.client("bob", "broadcast", "news", "--presence", "--json", "--mode", "receive");
	await bob.event("members");
	const plain = place.client("plain", "broadcast", "news", "--presence", "--mode", "receive");
	await bob.event("join", ({ peer }) => (peer as { id: string }).id === "plain");
	await plain.says(/here: bob, plain \(this Client\)/);
	const alice = await member(t, place, "alice", { name: "\u001b[2Jowned" });
	const stream = await alice.joinBroadcast("news", { mode: "send" });
	const counted = place.client("counter", "broadcast", "news", "--count");
	const json = place.client("json", "broadcast", "news", "--count", "--json");
	await Promise.all([counted.exits(0), json.exits(0)]);
	assert.equal(counted.stdout.toString(), "1 sender, 2 receivers\n");
	assert.deepEqual(await json.event("count"), { event: "count", name: "news", senders: 1, receivers: 2 });
	await alice.updateMetadata("away");
	await Promise.all([bob.event("update"), plain.says(/^~ alice "away"$/m)]);
	await stream.close();
	await Promise.all([bob.exits(0), plain.exits(0)]);
	const seen = bob.events.filter(({ event }) => ["members", "join", "update", "leave"].includes(event));
	assert.deepEqual(
		seen.map(({ event, peer, members }) => [event, ((members ?? [peer]) as { id: string }[]).map(({ id }) => id).join()]),
		[
			["members", "bob"],
			["join", "plain"],
			["join", "alice"],
			["update", "alice"],
		],
		"the end comes instead of the last sender's leave",
	);
	assert.match(plain.stderr, /^\+ alice \{"name":"\\u001b\[2Jowned"\}$/m);
});

test("broadcast: earlier messages with --last and --since, and honest about what is not kept", async (t) => {
	const place = await site(t, "--history", "news*=3");
	const alice = await (await member(t, place, "alice")).joinBroadcast("news.local");
	for (const text of ["one", "two", "three", "four"]) await alice.send(text);
	const bob = place.client("bob", "broadcast", "news.local", "--mode", "receive", "--last", "10", "--json");
	const two = await bob.event("message", ({ text }) => text === "two");
	await bob.event("message", ({ text }) => text === "four");
	assert.deepEqual(texts(bob), ["two", "three", "four"]);
	bob.signal("SIGINT");
	await bob.exits(130);
	const since = (position: string): Running => place.client("carol", "broadcast", "news.local", "--mode", "receive", "--json", "--since", position);
	const again = since(`${two["epoch"]}:${two["seq"]}`);
	assert.equal((await again.event("joined"))["recovered"], true);
	await again.event("message", ({ text }) => text === "four");
	assert.deepEqual(texts(again), ["three", "four"]);
	await again.kill();
	const other = since(`0011223344556677:${two["seq"]}`);
	assert.equal((await other.event("joined"))["recovered"], false);
	const people = place.client("dora", "broadcast", "news.local", "--mode", "receive", "--since", "0011223344556677:1");
	await people.says(/not kept any more: messages are missing here/);
	await alice.send("five");
	await alice.close();
	await Promise.all([other.exits(0), people.exits(0)]);
	assert.deepEqual(texts(other), ["five"]);
	assert.equal(people.stdout.toString(), "alice: five\n");
});

test("broadcast: what is refused has its status and code; so has the loss of the Coordinator", async (t) => {
	const place = await site(t, "--block", "jobs.*");
	const cases = [
		[["No!"], 2, "BROADCAST_NAME_INVALID"],
		[["news", "--slow-reader", "block"], 3, "BROADCAST_REFUSED"],
		[["news", "--buffer-bytes", "10"], 2, "OPTION_INVALID"],
		[["news", "--buffer-bytes", "5M"], 3, "LIMIT_EXCEEDED"],
		[["nobody", "--count"], 4, "BROADCAST_UNKNOWN"],
	] as const;
	for (const [args, status, code] of cases) {
		const running = place.client("bob", "broadcast", ...args, "--json");
		await running.exits(status);
		assert.equal((await running.event("error"))["code"], code);
	}
	const allowed = place.client("bob", "broadcast", "jobs.1", "--slow-reader", "block", "--mode", "receive", "--give-up-after", "0", "--json");
	await allowed.event("joined");
	place.coordinator.signal("SIGTERM");
	await allowed.exits(3);
});

test("broadcast: a reader that stands still hears how many messages it has lost, and the Coordinator's log that it lagged", async (t) => {
	const place = await site(t);
	const alice = await (await member(t, place, "alice")).joinBroadcast("flood", { mode: "send" });
	const slow = place.process("slow", "broadcast", "flood", "--mode", "receive", "--json", "--buffer-bytes", "1K");
	const gone = place.process("gone", "broadcast", "flood", "--mode", "receive", "--json", "--buffer-bytes", "1K", "--slow-reader", "disconnect");
	const people = place.process("people", "broadcast", "flood", "--mode", "receive", "--buffer-bytes", "1K");
	await Promise.all([slow.event("joined"), gone.event("joined"), people.says(/in broadcast/)]);
	for (const { child } of [slow, gone, people]) child.kill("SIGSTOP");
	const sent = 6_000;
	const pad = "x".repeat(2_000);
	for (let i = 0; i < sent; i++) await alice.send(`${i} ${pad}`);
	await place.coordinator.event("broadcast-lagging", ({ name, id }) => name === "flood" && id === "slow");
	for (const { child } of [slow, gone, people]) child.kill("SIGCONT");
	await alice.close();
	await Promise.all([slow.exits(0), gone.exits(5), people.exits(0)]);
	const lost = slow.events.filter(({ event }) => event === "gap").reduce((sum, gap) => sum + Number(gap["lost"]), 0);
	assert.ok(lost > 0);
	assert.equal(texts(slow).length + lost, sent);
	assert.equal((await gone.event("error"))["code"], "LAGGED");
	const told = [...people.stderr.matchAll(/^(\d+) messages? (?:were|was) lost$/gm)].reduce((sum, match) => sum + Number(match[1]), 0);
	assert.equal(people.stdout.toString().split("\n").length - 1 + told, sent);
});

test("chat --room: everybody hears everybody, who is here, comes and goes; piped input is said and leaves", async (t) => {
	const place = await site(t, "--history", "chat.*=10");
	const alice = place.client("alice", "chat", "--room", "lobby", "--json");
	await alice.event("members");
	const bob = place.client("bob", "chat", "--room", "lobby");
	await bob.says(/here: alice/);
	alice.stdin.write("hello all \u001b[2J\n");
	bob.stdin.write("hello alice\n");
	const message = await alice.event("message", ({ from, text }) => from === "bob" && text === "hello alice");
	const { epoch } = await alice.event("joined");
	assert.match(String(epoch), /^[0-9a-f]{16}$/);
	assert.deepEqual(message, { event: "message", from: "bob", text: "hello alice", epoch, seq: message["seq"] }, "like those of `conec broadcast`");
	const carol = place.client("carol", "chat", "--room", "lobby", "--json", "--last", "5");
	carol.stdin.end("passing by");
	await carol.exits(0);
	assert.deepEqual(texts(carol).sort(), ["hello alice", "hello all \u001b[2J"], "and not its own");
	assert.deepEqual(
		((await carol.event("members"))["members"] as { id: string }[]).map(({ id }) => id),
		["alice", "bob", "carol"],
	);
	await alice.event("leave", ({ peer }) => (peer as { id: string }).id === "carol");
	bob.signal("SIGINT");
	await bob.exits(130);
	await alice.event("leave", ({ peer }) => (peer as { id: string }).id === "bob");
	alice.stdin.end();
	await alice.exits(0);
	assert.equal(bob.stdout.toString(), "alice: hello all \\x1b[2J\ncarol: passing by\n");
	assert.match(bob.stderr, /"carol" has come\n"carol" has left\n/);
	assert.deepEqual(texts(alice), ["hello alice", "passing by"]);
});
