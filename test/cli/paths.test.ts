import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { Client } from "../../packages/conec/src/index.ts";
import { type Event, folder, outcome, type Running, type Site, site, siteOfProcesses } from "./harness.ts";

/** Pings for so long that even on a slow machine a direct channel comes about meanwhile. */
const COUNT = 120;
const LONG = ["--count", String(COUNT), "--interval-ms", "50"] as const;

// Most of these wait for time to pass, so they wait side by side.
describe("paths", { concurrency: 4 }, () => {
	test("ping: begins at once through the Coordinator, goes direct when it can, and says so; explains", async (t) => {
		const place = await site(t);
		await receiver(place, "bob");
		const ping = place.client("alice", "ping", "bob", "--json", "--explain", ...LONG);
		await ping.exits(0);
		const [first, second] = named(ping, "path");
		assert.deepEqual([first?.["path"], first?.["address"], second?.["path"]], ["proxied", undefined, "direct"]);
		assert.ok(Number((second?.["address"] as { port?: number } | undefined)?.port) > 0);
		const pongs = named(ping, "pong").map(({ path }) => String(path));
		assert.equal(pongs.length, COUNT);
		assert.equal(pongs.join(" "), pongs.toSorted().reverse().join(" "), "proxied first, then direct");
		assert.deepEqual([pongs.at(0), pongs.at(-1)], ["proxied", "direct"]);
		const { paths, path, count } = (await ping.event("summary")) as unknown as { paths: Record<string, { count: number }>; path: string; count: number };
		assert.deepEqual([path, count, (paths["proxied"]?.count ?? 0) + (paths["direct"]?.count ?? 0)], ["direct", COUNT, COUNT]);
		const explained = await ping.event("explain");
		assert.deepEqual([explained["path"], explained["used"], explained["peer"]], ["direct", "direct", "bob"]);
		assert.ok((explained["candidates"] as { answered: boolean }[]).some(({ answered }) => answered));
		const told = await place.coordinator.event("channel", ({ outcome: how }) => how === "up");
		assert.deepEqual(told["peers"], ["alice", "bob"]);
	});

	test("ping: lines for people name the path of every answer", async (t) => {
		const place = await site(t);
		await receiver(place, "bob");
		const ping = place.client("alice", "ping", "bob", "--path", "direct", "--count", "2", "--interval-ms", "10", "--explain");
		await ping.exits(0);
		const lines = ping.stdout.toString().trimEnd().split("\n");
		assert.match(lines[0] ?? "", /^pinging bob: direct, \S+:\d+$/);
		assert.match(lines[1] ?? "", /^64 bytes from bob: [\d.]+ ms \(direct\)$/);
		assert.match(lines[3] ?? "", /^2 round trips to bob \(direct\): min .* ms, p50 .* ms, p99 .* ms$/);
		assert.match(lines[4] ?? "", /^path to bob: direct, \S+:\d+, .*\(this side dialled\)$/);
		assert.match(lines[5] ?? "", /^ {2}tried {6}\S+:\d+ {2}/);
	});

	test("ping: a direct channel that ends costs no answer: on through the Coordinator, and direct again", async (t) => {
		const place = await site(t);
		const bob = await library(t, place, "bob");
		bob.handle("conec-ping/1", async (stream) => {
			for await (const message of stream) await stream.send(message);
		});
		const ping = place.client("alice", "ping", "bob", "--json", ...LONG);
		await ping.event("pong", ({ path }) => path === "direct");
		await bob.channels()[0]?.close();
		await ping.exits(0);
		assert.deepEqual(
			named(ping, "path").map(({ path }) => path),
			["proxied", "direct", "proxied", "direct"],
		);
		assert.equal(named(ping, "pong").length, COUNT);
	});

	test("ping: a direct path outlives the Coordinator", async (t) => {
		const place = await siteOfProcesses(t);
		await receiver(place, "bob");
		const ping = place.client("alice", "ping", "bob", "--json", ...LONG);
		await ping.event("pong", ({ path }) => path === "direct");
		await place.coordinator.kill();
		await ping.exits(0);
		assert.equal((await ping.event("summary"))["count"], COUNT);
	});

	test("ping: Ctrl-C ends with 130, after the summary of what there was", async (t) => {
		const place = await site(t);
		await receiver(place, "bob");
		const ping = place.process("alice", "ping", "bob", "--json", "--explain", "--count", "1000", "--interval-ms", "50");
		await ping.event("pong", ({ path }) => path === "direct");
		ping.signal("SIGINT");
		await ping.exits(130);
		assert.equal((await ping.event("summary"))["count"], named(ping, "pong").length);
		assert.equal((await ping.event("explain"))["path"], "direct");
	});

	test("ping: with --path proxied nothing goes direct", async (t) => {
		const place = await site(t);
		await receiver(place, "bob");
		const ping = place.client("alice", "ping", "bob", "--json", "--path", "proxied", "--explain", "--count", "3", "--interval-ms", "100");
		await ping.exits(0);
		assert.deepEqual(
			named(ping, "pong").map(({ path }) => path),
			["proxied", "proxied", "proxied"],
		);
		assert.equal(named(ping, "channel").length, 0);
		assert.equal((await ping.event("explain"))["path"], "proxied");
	});

	test("ping: a peer that wants no direct channels answers through the Coordinator; --path direct ends with 4 and says why", async (t) => {
		const place = await site(t);
		await receiver(place, "bob", "--no-listen");
		// Long enough for the no to come while pings go on.
		const auto = place.client("alice", "ping", "bob", "--json", "--count", "3", "--interval-ms", "1500");
		const direct = place.client("carol", "ping", "bob", "--json", "--path", "direct", "--explain");
		await Promise.all([auto.exits(0), direct.exits(4)]);
		assert.deepEqual(
			named(auto, "pong").map(({ path }) => path),
			["proxied", "proxied", "proxied"],
		);
		assert.equal((await auto.event("path-unavailable"))["code"], "DIRECT_UNAVAILABLE");
		const error = await direct.event("error");
		assert.equal(error["code"], "DIRECT_UNAVAILABLE");
		assert.match(String(error["hint"]), /conec netcheck/);
		assert.equal((await direct.event("explain"))["path"], "proxied");
	});

	test("send, receive: both tell the path; --path is honoured; a transfer that went direct is told as such", async (t) => {
		const place = await site(t);
		const file = join(place.folder, "from", "a.txt");
		await writeFile(file, "hello");
		const bob = await receiver(place, "bob", "--force", "--explain");
		for (const path of ["auto", "direct"]) {
			const alice = place.client(`alice-${path}`, "send", file, "--to", "bob", "--json", "--path", path);
			await alice.exits(0);
			// With auto it begins through the Coordinator, and may move before the last byte.
			const used = path === "auto" ? "proxied" : "direct";
			assert.equal((await alice.event("path"))["path"], used);
			if (path === "direct") assert.equal((await bob.event("path", ({ peer }) => peer === `alice-${path}`))["path"], used);
			if (path === "direct") assert.equal((await bob.event("explain", ({ peer }) => peer === `alice-${path}`))["used"], used);
		}
		const carol = place.client("carol", "send", file, "--to", "bob", "--path", "proxied", "--explain");
		await carol.exits(0);
		assert.match(carol.stderr, /^sending to bob: through the Coordinator$/m);
		assert.match(carol.stdout.toString(), /^path to bob: through the Coordinator, as --path proxied says$/m);
		await bob.event("path", ({ peer, path }) => peer === "carol" && path === "proxied");
	});

	test("send: a peer that wants no direct channel gets the file through the Coordinator, unless direct is asked for", async (t) => {
		const place = await site(t);
		const file = join(place.folder, "from", "a.txt");
		await writeFile(file, "hello");
		await receiver(place, "bob", "--no-listen");
		const direct = place.client("alice", "send", file, "--to", "bob", "--path", "direct", "--explain");
		await direct.exits(4);
		assert.match(direct.stderr, /^conec: Cannot .*"bob"/m);
		assert.match(direct.stdout.toString(), /^path to bob: through the Coordinator: /m);
		const auto = place.client("alice", "send", file, "--to", "bob", "--json");
		await auto.exits(0);
		assert.equal((await auto.event("path"))["path"], "proxied");
	});

	test("send: a direct transfer outlives the Coordinator; both ends are told that it is lost", async (t) => {
		const place = await site(t);
		const file = join(place.folder, "from", "large");
		await writeFile(file, "");
		await truncate(file, 256 * 1_048_576);
		const bob = await receiver(place, "bob");
		const alice = place.client("alice", "send", file, "--to", "bob", "--json", "--path", "direct");
		assert.equal((await bob.event("path"))["path"], "direct");
		place.coordinator.signal("SIGINT");
		await Promise.all([alice.exits(0), place.coordinator.exits(130)]);
		assert.equal((await bob.event("file"))["ok"], true);
		await Promise.all([bob.event("disconnected"), alice.event("disconnected")]);
	});

	test("chat, pipe: who is there comes with the path", async (t) => {
		const place = await site(t);
		const bob = place.client("bob", "chat", "--json");
		await bob.event("waiting");
		const alice = place.client("alice", "chat", "--to", "bob", "--path", "direct");
		assert.equal((await bob.event("joined"))["path"], "direct");
		await alice.says(/talking with "bob" \(direct, \S+:\d+\); Ctrl-D ends/);
		alice.stdin.end();
		bob.stdin.end();
		await Promise.all([alice.exits(0), bob.exits(0)]);
		const waiting = place.client("dave", "pipe");
		await waiting.says(/waiting for a peer/);
		const carol = place.client("carol", "pipe", "--to", "dave", "--path", "proxied", "--explain");
		carol.stdin.end("data");
		waiting.stdin.end();
		await Promise.all([carol.exits(0), waiting.exits(0)]);
		assert.match(waiting.stderr, /^connected with "carol": through the Coordinator$/m);
		assert.match(carol.stderr, /^path to dave: through the Coordinator, as --path proxied says$/m);
		assert.equal(waiting.stdout.toString(), "data", "standard output is the peer's bytes and nothing else");
	});

	test("netcheck: seen from a Coordinator on this machine there is no NAT to see", async (t) => {
		const place = await site(t);
		const check = place.client("alice", "netcheck", "--json");
		await check.exits(0);
		const found = await check.event("netcheck");
		assert.equal(found["udp"], true);
		const families = found["families"] as Event[];
		const [ipv4, ipv6] = families;
		assert.deepEqual([ipv4?.["family"], ipv4?.["reached"], ipv6?.["family"], ipv6?.["reached"]], [4, true, 6, false]);
		assert.equal((ipv4?.["observed"] as { address?: string } | undefined)?.address, "127.0.0.1");
		assert.ok(Number(ipv4?.["roundTripMs"]) > 0);
		assert.match(String(found["direct"]), /^Direct channels work with Clients on this machine/);
		const people = place.client("alice", "netcheck");
		await people.exits(0);
		assert.match(people.stdout.toString(), /^Coordinator {2}127\.0\.0\.1:\d+, reached over IPv4$/m);
		assert.match(people.stdout.toString(), /^UDP {10}gets through$/m);
	});

	test("netcheck: where no packet comes back it says so and ends with 3", async (t) => {
		const place = await site(t);
		const socket = createSocket("udp4").bind(0, "127.0.0.1");
		await once(socket, "listening");
		t.after(() => socket.close());
		const silent = ["--id", "a", "--coordinator", `127.0.0.1:${socket.address().port}`, "--pin", place.pin, "--state", await folder(t)];
		const check = place.run(["netcheck", "--json", ...silent]);
		await check.exits(3);
		assert.equal((await check.event("netcheck"))["udp"], false);
		assert.equal((await check.event("error"))["code"], "COORDINATOR_UNREACHABLE");
	});

	test("coordinator: names the second port that it has, also where the system picked it", async (t) => {
		const place = await site(t);
		const { port, natTestPort } = await place.coordinator.event("listening");
		assert.ok(Number(natTestPort) > 0 && natTestPort !== port, String(natTestPort));
		const socket = createSocket("udp4").bind(Number(natTestPort), "127.0.0.1");
		t.after(() => socket.close());
		await assert.rejects(once(socket, "listening"), { code: "EADDRINUSE" });
	});

	test("coordinator: says that Clients cannot see their NAT where the second port is taken, and does not name that port", async (t) => {
		const place = await site(t);
		const socket = createSocket("udp4").bind(0, "127.0.0.1");
		await once(socket, "listening");
		t.after(() => socket.close());
		const taken = String(socket.address().port);
		const coordinator = place.run([
			"coordinator",
			"--json",
			"--host",
			"127.0.0.1",
			"--port",
			"0",
			"--nat-test-port",
			taken,
			"--state",
			join(place.folder, "other"),
		]);
		assert.equal((await coordinator.event("nat-test-unavailable"))["code"], "ADDRESS_IN_USE");
		assert.equal("natTestPort" in (await coordinator.event("listening")), false);
	});
});

const WRONG: readonly (readonly [args: readonly string[], stderr: RegExp])[] = [
	[["ping"], /PEER is missing/],
	[["ping", "bob", "--to", "carol"], /PEER and --to exclude each other/],
	[["ping", "bob", "--path", "fast"], /--path must be one of auto, direct, proxied, not "fast"/],
	[["send", "x", "--to", "bob", "--path", "Direct"], /--path must be one of/],
	[["chat", "--path", "direct"], /--path goes with --to/],
	[["pipe", "--path", "nonsense"], /--path must be one of/],
	[["coordinator", "--nat-test-port", "65536"], /--nat-test-port must be a whole number/],
];
for (const [args, stderr] of WRONG) {
	test(`paths: ${args.join(" ")} ends with status 2`, async () => {
		const result = await outcome(args);
		assert.equal(result.status, 2, result.stderr);
		assert.match(result.stderr, stderr);
	});
}

async function receiver(place: Site, id: string, ...options: string[]): Promise<Running> {
	const running = place.client(id, "receive", "--yes", "--json", "--dir", join(place.folder, `in-${id}`), ...options);
	await running.event("waiting");
	return running;
}

async function library(t: TestContext, place: Site, id: string): Promise<Client> {
	const client = await Client.connect({ id, coordinator: place.address, pin: place.pin });
	t.after(() => client.close());
	return client;
}

function named(running: Running, name: string): Event[] {
	return running.events.filter(({ event }) => event === name);
}
