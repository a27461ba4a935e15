import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Client, type MessageStream, type ProtocolHandler, type ProtocolHandlers } from "../../packages/conec/src/index.ts";
import { outcome, type Running, type Site, site } from "./harness.ts";

test("ping: a peer that sits in a room answers", async (t) => {
	const place = await site(t);
	const bob = place.client("bob", "chat", "--room", "tea", "--json");
	await bob.event("joined");
	const ping = place.client("alice", "ping", "bob", "--json", "--count", "2", "--interval-ms", "10");
	await ping.exits(0);
	assert.equal((await ping.event("summary"))["count"], 2);
	assert.equal((await ping.event("summary"))["unanswered"], 0);
	bob.stdin.end("still here\n");
	await bob.exits(0);
});

const WAITING: readonly (readonly [args: readonly string[], ready: string])[] = [
	[["broadcast", "news", "--mode", "receive"], "joined"],
	[["peers", "--watch"], "members"],
	[["ping", "alice", "--timeout-ms", "60000"], "path"],
	[["send", "package.json", "--to", "alice", "--path", "proxied"], "path"],
	[["chat", "--to", "alice", "--path", "proxied"], "joined"],
	[["receive", "--any", "--once"], "waiting"],
];
for (const [args, ready] of WAITING) {
	test(`conec ${args.join(" ")}: answers pings and turns other streams away at once`, async (t) => {
		const place = await site(t);
		// She takes whatever a command may open, and says nothing.
		const kept: MessageStream[] = [];
		const keep: ProtocolHandler = (stream) => void kept.push(stream);
		const alice = await library(t, place, "alice", { "conec-ping/1": keep, "conec-files/1": keep, "conec-chat/1": keep });
		const [command = "", ...options] = args;
		const bob = place.client("bob", command, ...options, "--json");
		await bob.event(ready);
		// This is the one transfer, and it never completes: what comes meanwhile must not wait for it.
		if (command === "receive") await openTo(alice, "conec-files/1");
		const ping = await openTo(alice, "conec-ping/1");
		await ping.send("there and back");
		assert.equal(Buffer.from((await ping.receive()) ?? []).toString(), "there and back");
		await assert.rejects(openTo(alice, "something-else/1"), { code: "PROTOCOL_UNHANDLED" });
		// The reset may overtake that the stream was accepted.
		const other = async (protocol?: string): Promise<unknown> => (await openTo(alice, protocol)).receive();
		if (command === "receive") await assert.rejects(other("conec-files/1"), { code: "STREAM_RESET", closeCode: 3 });
		if (command === "chat") await assert.rejects(other("conec-chat/1"), { code: "STREAM_RESET", closeCode: 3 });
		// As a version of conec opens it that knows no protocols.
		await assert.rejects(other(), { code: "STREAM_RESET", closeCode: 4 });
	});
}

test("ping: a peer that takes no streams costs the time that was given, and status 4", async (t) => {
	const place = await site(t);
	await library(t, place, "bob", { "conec-ping/1": () => undefined });
	const json = place.client("alice", "ping", "bob", "--json", "--count", "2", "--interval-ms", "10", "--timeout-ms", "300");
	const people = place.client("carol", "ping", "bob", "--count", "1", "--timeout-ms", "300", "--path", "proxied");
	await Promise.all([json.exits(4), people.exits(4)]);
	assert.deepEqual(
		named(json, "no-answer").map(({ peer, timeoutMs }) => [peer, timeoutMs]),
		[
			["bob", 300],
			["bob", 300],
		],
	);
	assert.equal((await json.event("error"))["code"], "PEER_TIMEOUT");
	assert.equal(named(json, "summary").length, 0);
	assert.equal(people.stdout.toString(), "pinging bob: through the Coordinator\nno answer within 0.3 s (proxied)\n");
	assert.match(people.stderr, /^conec: Cannot measure the round trip to "bob": it answered nothing$/m);
});

test("ping: what comes too late is not taken for the next answer; a peer that does not end its side is not waited for", async (t) => {
	const place = await site(t);
	const answer = async (stream: MessageStream): Promise<void> => {
		const first = await stream.receive();
		const second = await stream.receive();
		for (const message of [first, second]) if (message !== null) await stream.send(message);
		for await (const message of stream) await stream.send(message);
	};
	// It keeps the stream, so that nothing ends its side.
	await library(t, place, "bob", { "conec-ping/1": (stream) => void answer(stream).catch(() => undefined) });
	const ping = place.client("alice", "ping", "bob", "--json", "--path", "proxied", "--count", "3", "--interval-ms", "10", "--timeout-ms", "3000");
	await ping.exits(0);
	assert.deepEqual(
		ping.events.map(({ event }) => event).filter((event) => event === "pong" || event === "no-answer"),
		["no-answer", "pong", "pong"],
	);
	const summary = await ping.event("summary");
	assert.deepEqual([summary["count"], summary["unanswered"]], [2, 1]);
});

test("ping: an answer that is none ends with status 4", async (t) => {
	const place = await site(t);
	// It keeps the stream: one that is answered and ended at once would not even take the ping.
	await library(t, place, "bob", { "conec-ping/1": (stream) => void stream.send("something else") });
	const ping = place.client("alice", "ping", "bob", "--path", "proxied");
	await ping.exits(4);
	assert.match(ping.stderr, /it did not answer with what was sent/);
});

test("ping: a program that answers no pings is named as the reason, with status 4", async (t) => {
	const place = await site(t);
	await library(t, place, "bob");
	const ping = place.client("alice", "ping", "bob", "--path", "proxied");
	await ping.exits(4);
	assert.match(ping.stderr, /^conec: Cannot open stream to "bob": it handles no protocol "conec-ping\/1"/m);
	assert.match(ping.stderr, /another conec command, another version of conec, or a program that is no conec command/);
});

test("ping: --timeout-ms 0 ends with status 2", async () => {
	const result = await outcome(["ping", "bob", "--timeout-ms", "0"]);
	assert.equal(result.status, 2, result.stderr);
	assert.match(result.stderr, /--timeout-ms must be a whole number from 1 to 600000/);
});

/** A Client of this process that takes no streams but those of its handlers; gone when the test is over. */
async function library(t: TestContext, place: Site, id: string, handlers: ProtocolHandlers = {}): Promise<Client> {
	const client = await Client.connect({ id, coordinator: place.address, pin: place.pin, handlers });
	t.after(() => client.close());
	return client;
}

async function openTo(client: Client, protocol?: string): Promise<MessageStream> {
	return await client.openStream("bob", { path: "proxied", ...(protocol === undefined ? {} : { protocol }) });
}

function named(running: Running, name: string): Running["events"] {
	return running.events.filter(({ event }) => event === name);
}
