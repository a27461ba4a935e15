/** Commands that lose their Coordinator, and go on when it is back. */

import assert from "node:assert/strict";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { outcome, type Running, type Site, site, siteOfProcesses } from "./harness.ts";

/** The same Coordinator once more: its port, its key. */
async function again(place: Site): Promise<Running> {
	const port = String(place.address.split(":")[1]);
	const coordinator = place.run(["coordinator", "--json", "--host", "127.0.0.1", "--port", port, "--state", join(place.folder, "coordinator")]);
	await coordinator.event("listening");
	return coordinator;
}

const isBack = (running: Running) => running.event("connected", (event) => event["again"] === true);

describe("a Coordinator that is killed and started again", { concurrency: 4 }, () => {
	test("receive: says so twice, and takes files as before", async (t) => {
		const place = await siteOfProcesses(t);
		const bob = place.process("bob", "receive", "--any", "--dir", place.folder);
		await bob.says(/waiting for files/);
		await place.coordinator.kill();
		await again(place);
		await bob.says(/connected to .* again, after/);
		assert.equal(bob.stderr.match(/lost the Coordinator at 127\.0\.0\.1:\d+.*; trying to come back/g)?.length, 1, bob.stderr);
		assert.equal(bob.stderr.match(/again, after/g)?.length, 1, bob.stderr);
		const file = join(place.folder, "from", "note");
		await writeFile(file, "still here");
		await place.client("alice", "send", file, "--to", "bob", "--wait").exits(0);
		assert.equal(await readFile(join(place.folder, "note"), "utf8"), "still here");
		bob.signal("SIGTERM");
		await bob.exits(0);
	});

	test("peers --watch: lists everybody again, and events say what happened", async (t) => {
		const place = await siteOfProcesses(t);
		const watcher = place.client("watcher", "peers", "--watch", "--json");
		await watcher.event("members");
		await place.coordinator.kill();
		await again(place);
		const { id, coordinator } = await isBack(watcher);
		assert.deepEqual([id, coordinator], ["watcher", place.address]);
		place.client("bob", "peers", "--watch");
		await watcher.event("join", ({ peer }) => (peer as { id?: string }).id === "bob");
		const names = watcher.events.map(({ event }) => event);
		assert.deepEqual(names.slice(names.indexOf("members")), ["members", "disconnected", "connected", "members", "join"]);
		const { code, again: returns } = await watcher.event("disconnected");
		assert.ok(["COORDINATOR_LOST", "CONNECTION_LOST"].includes(String(code)), String(code));
		assert.equal(returns, true);
		watcher.signal("SIGINT");
		await watcher.exits(130);
	});

	for (const command of ["chat", "pipe"] as const) {
		test(`${command}: who waits for a caller goes on waiting`, async (t) => {
			const place = await siteOfProcesses(t);
			const bob = place.client("bob", command);
			await bob.says(/waiting for a (caller|peer)/);
			await place.coordinator.kill();
			await again(place);
			await bob.says(/again, after/);
			const alice = place.client("alice", command, "--to", "bob", "--wait");
			alice.stdin.end("hello\n");
			await bob.prints(/hello/);
			bob.stdin.end();
			await Promise.all([alice.exits(0), bob.exits(0)]);
		});
	}
});

test("coming back: with --give-up-after 0 a talk through the Coordinator ends with it, with status 3", async (t) => {
	const place = await site(t, "--drain", "0");
	const bob = place.client("bob", "chat", "--give-up-after", "0");
	await bob.says(/waiting for a caller/);
	const alice = place.client("alice", "chat", "--to", "bob", "--path", "proxied", "--give-up-after", "0");
	await Promise.all([bob.says(/talking with/), alice.says(/talking with/)]);
	await place.coordinator.kill();
	await Promise.all([bob.exits(3), alice.exits(3)]);
	for (const { stderr } of [bob, alice]) assert.match(stderr, /Lost the Coordinator at 127\.0\.0\.1:\d+/);
});

test("coming back: a reader of a broadcast whose Coordinator is stopped and started again goes on, and so does its sender", async (t) => {
	const place = await site(t);
	const reader = place.client("reader", "broadcast", "news", "--mode", "receive");
	await reader.says(/in broadcast/);
	const sender = place.client("sender", "broadcast", "news", "--mode", "send");
	await sender.says(/in broadcast/);
	sender.stdin.write("before\n");
	await reader.prints(/before/);
	place.coordinator.signal("SIGTERM");
	await place.coordinator.exits(0);
	await again(place);
	await Promise.all([reader.says(/in the broadcast again/), sender.says(/in the broadcast again/)]);
	sender.stdin.write("after\n");
	await reader.prints(/after/);
	sender.stdin.end();
	await Promise.all([reader.exits(0), sender.exit()]);
	assert.equal(reader.stdout.toString(), "sender: before\nsender: after\n");
});

test("coming back: with --give-up-after 0 a loss ends the command with status 3, as it does for a command that does one thing", async (t) => {
	const place = await site(t);
	const bob = place.client("bob", "receive", "--give-up-after", "0");
	await bob.says(/waiting for files/);
	await place.coordinator.kill();
	await bob.exits(3);
	assert.match(bob.stderr, /Lost the Coordinator at 127\.0\.0\.1:\d+/);
	assert.doesNotMatch(bob.stderr, /trying to come back/);
});

test("coming back: after the time of --give-up-after it ends with status 3, and says so", async (t) => {
	const place = await site(t);
	const bob = place.client("bob", "peers", "--watch", "--give-up-after", "0.3");
	await bob.says(/1 connected/);
	await place.coordinator.kill();
	await bob.exits(3);
	assert.match(bob.stderr, /lost the Coordinator at .*; trying to come back/);
	assert.match(bob.stderr, /conec: .*Lost the Coordinator at 127\.0\.0\.1:\d+/);
});

test("coming back: a command that is superseded ends at once, and says nothing of coming back", async (t) => {
	const place = await site(t);
	const bob = place.client("bob", "receive");
	await bob.says(/waiting for files/);
	const copy = join(place.folder, "copy");
	await mkdir(copy, { mode: 0o700 });
	await copyFile(join(place.folder, "state-bob", "client.bob.pem"), join(copy, "client.bob.pem"));
	const other = place.run(["receive", "--id", "bob", "--coordinator", place.address, "--pin", place.pin, "--state", copy]);
	await other.says(/waiting for files/);
	await bob.exits(3);
	assert.match(bob.stderr, /Another process connected with the same id and key/);
	assert.doesNotMatch(bob.stderr, /trying to come back/);
});

test("coming back: a Coordinator with another key ends the command at once", async (t) => {
	const place = await siteOfProcesses(t);
	const bob = place.client("bob", "receive", "--json");
	await bob.event("waiting");
	await place.coordinator.kill();
	const port = String(place.address.split(":")[1]);
	const other = place.run(["coordinator", "--json", "--host", "127.0.0.1", "--port", port, "--state", join(place.folder, "other")]);
	await other.event("listening");
	await bob.exits(3);
	assert.equal((await bob.event("error"))["code"], "PIN_MISMATCH");
});

test("coming back: --give-up-after is refused where there is nothing to come back for", async () => {
	const peers = await outcome(["peers", "--give-up-after", "5"]);
	assert.equal(peers.status, 2);
	assert.match(peers.stderr, /--give-up-after goes with --watch/);
	const count = await outcome(["broadcast", "news", "--count", "--give-up-after", "5"]);
	assert.equal(count.status, 2);
	assert.match(count.stderr, /--count and --give-up-after exclude each other/);
	assert.equal((await outcome(["receive", "--give-up-after", "never"])).status, 2);
});
