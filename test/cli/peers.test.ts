import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "../../packages/conec/src/index.ts";
import { site } from "./harness.ts";

test("peers: lists everybody and itself, with metadata that cannot move the cursor", async (t) => {
	const place = await site(t);
	const where = { coordinator: place.address, pin: place.pin };
	const mallory = await Client.connect({ id: "mallory", ...where, metadata: { name: "\u001b[2Jowned\u202e" } });
	t.after(() => mallory.close());
	const bob = place.client("bob", "peers");
	await bob.exits(0);
	const lines = bob.stdout.toString().split("\n");
	assert.match(lines[0] ?? "", /^ {2}ID {7}RUNS {3}FOR {2}PATH {9}ADDRESS {2}KEY$/);
	assert.equal(lines[1], `  mallory  -      -    proxied      -        ${mallory.fingerprint}  {"name":"\\u001b[2Jowned\\u202e"}`);
	assert.match(lines[2] ?? "", /^ {2}bob {6}peers {2}\d s {2}this Client {2}- {8}sha256:[0-9a-f]{64}$/);
	assert.equal(lines.length, 4);
	assert.match(bob.stderr, /2 connected/);
	const json = place.client("bob", "peers", "--json");
	await json.exits(0);
	const { members } = (await json.event("members")) as unknown as { members: { id: string; path?: string; metadata?: { conec?: { command: string } } }[] };
	assert.deepEqual(
		members.map(({ id, path, metadata }) => [id, path, metadata?.conec?.command ?? metadata]),
		[
			["mallory", "proxied", { name: "\u001b[2Jowned\u202e" }],
			["bob", undefined, "peers"],
		],
	);
});

test("peers --watch: who comes, changes and goes, in order, until Ctrl-C", async (t) => {
	const place = await site(t);
	const watcher = place.client("watcher", "peers", "--watch", "--json");
	await watcher.event("members");
	const bob = await Client.connect({ id: "bob", coordinator: place.address, pin: place.pin });
	await bob.updateMetadata("busy");
	await bob.close();
	await watcher.event("leave");
	const seen = watcher.events.filter(({ event }) => ["members", "join", "update", "leave"].includes(event));
	const first = Number(seen[0]?.["seq"]);
	assert.deepEqual(
		seen.map(({ event, seq, peer }) => [event, Number(seq) - first, (peer as { metadata?: unknown } | undefined)?.metadata]),
		[
			["members", 0, undefined],
			["join", 1, undefined],
			["update", 2, "busy"],
			["leave", 3, "busy"],
		],
	);
	watcher.signal("SIGINT");
	await watcher.exits(130);
	const other = place.client("other", "peers", "--watch", "--give-up-after", "0");
	await other.says(/1 connected/);
	place.coordinator.signal("SIGTERM");
	await other.exits(3);
	assert.match(other.stderr, /Lost the Coordinator/);
});
