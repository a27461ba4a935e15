import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { receiveFiles } from "../../packages/conec/src/cli/transfer/receive-files.ts";
import { Client, type MessageStream } from "../../packages/conec/src/index.ts";
import { type Running, type Site, site, siteOfProcesses } from "./harness.ts";
import { sha } from "./resume-fixture.ts";
import { RECEIVER, Recorder } from "./transfer-fixture.ts";

/** What one Client may send a second through the Coordinator: slow enough to do something in the middle. */
const BYTES_PER_SECOND = 8_000_000;
const SIZE = 48_000_000;

const SLOW = ["--limit", `proxiedBytesPerSecond=${BYTES_PER_SECOND}`];

/** A file that takes some seconds to send. */
async function film(place: Site): Promise<Buffer> {
	const content = randomBytes(SIZE);
	await writeFile(join(place.folder, "from/film"), content);
	return content;
}

function receive(place: Site, how: "client" | "process" = "client", ...more: string[]): Running {
	return place[how]("bob", "receive", "--yes", "--json", "--dir", join(place.folder, "in"), ...more);
}

function send(place: Site, how: "client" | "process" = "client", ...more: string[]): Running {
	return place[how]("alice", "send", "--json", "--resume", "--path", "proxied", join(place.folder, "from/film"), "--to", "bob", ...more);
}

async function partSize(place: Site): Promise<number> {
	const names = await readdir(join(place.folder, "in")).catch(() => []);
	const [part] = names.filter((name) => /^film\.part-[0-9a-f]{16}$/.test(name));
	return part === undefined ? 0 : await stat(join(place.folder, "in", part)).then(({ size }) => size);
}

/** Waits until there is a good part of the file, and says how much. */
async function midTransfer(place: Site, least = 4_000_000): Promise<number> {
	for (;;) {
		const size = await partSize(place);
		if (size >= least) return size;
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

async function hasArrived(place: Site, content: Uint8Array): Promise<void> {
	assert.deepEqual(await readdir(join(place.folder, "in")), ["film"]);
	assert.equal(sha(await readFile(join(place.folder, "in/film"))), sha(content));
}

test("send --resume: the sender is interrupted, and the same command goes on; both say so, and what is kept", async (t) => {
	const place = await site(t, ...SLOW);
	const content = await film(place);
	const bob = receive(place);
	await bob.event("waiting");
	const first = send(place, "process");
	await midTransfer(place);
	first.signal("SIGINT");
	await first.exits(130);
	const { bytes } = await bob.event("kept");
	assert.match(String((await bob.event("error"))["message"]), /what has come of an unfinished file is kept/);
	const second = send(place);
	await second.exits(0);
	for (const end of [bob, second]) {
		assert.equal((await end.event("resumed"))["bytes"], bytes);
		const file = await end.event("file");
		assert.deepEqual([file["sha256"], file["resumed"]], [sha(content), bytes]);
		assert.equal((await end.event("summary"))["resumed"], bytes);
	}
	await hasArrived(place, content);
});

test("send --resume: the receiver is interrupted and started again, and the sender goes on by itself", async (t) => {
	const place = await site(t, ...SLOW);
	const content = await film(place);
	const bob = receive(place);
	await bob.event("waiting");
	const alice = send(place);
	await midTransfer(place);
	bob.signal("SIGINT");
	await bob.exits(130);
	await alice.event("again");
	const kept = await partSize(place);
	assert.ok(kept > 0);
	receive(place);
	await alice.exits(0);
	assert.equal((await alice.event("resumed"))["bytes"], kept);
	assert.equal((await alice.event("summary"))["resumed"], kept);
	await hasArrived(place, content);
});

test("send --resume: Ctrl-C ends both at once, also while they read terabytes that are there, and these stay", async (t) => {
	const place = await site(t, ...SLOW);
	await film(place);
	const bob = receive(place);
	await bob.event("waiting");
	const first = send(place);
	await midTransfer(place);
	first.signal("SIGINT");
	await first.exits(130);
	await bob.event("kept");
	const [part = ""] = (await readdir(join(place.folder, "in"))).filter((name) => name.startsWith("film.part-"));
	// Holes: they take no room, but would take hours to read.
	for (const path of [join(place.folder, "in", part), join(place.folder, "from/film")]) await truncate(path, 2 ** 42);
	const alice = send(place);
	await Promise.all([alice.event("checking"), bob.event("checking")]);
	bob.signal("SIGINT");
	await bob.exits(130);
	await alice.event("again");
	alice.signal("SIGINT");
	await alice.exits(130);
	assert.deepEqual(await readdir(join(place.folder, "in")), [part]);
	assert.equal((await stat(join(place.folder, "in", part))).size, 2 ** 42);
});

test("send --resume: lines for people say the same", async (t) => {
	const place = await site(t, ...SLOW);
	await film(place);
	const where = ["--yes", "--dir", join(place.folder, "in")];
	const bob = place.client("bob", "receive", ...where);
	await bob.says(/waiting for files/);
	const alice = place.client("alice", "send", "--resume", "--path", "proxied", join(place.folder, "from/film"), "--to", "bob");
	await midTransfer(place);
	bob.signal("SIGINT");
	await bob.exits(130);
	assert.match(bob.stdout.toString(), /^kept [\d.]+ MiB of "film"; it goes on when alice sends it again with --resume$/m);
	await alice.says(/^"bob" was interrupted; trying again for up to 10 min$/m);
	const again = place.client("bob", "receive", "--once", ...where);
	await Promise.all([alice.exits(0), again.exits(0)]);
	assert.match(alice.stderr, /waiting for "bob"|connected to/);
	assert.match(alice.stdout.toString(), /^going on with "film" at [\d.]+ MiB$/m);
	assert.match(alice.stdout.toString(), /^sent "film" \(45\.8 MiB, [\d.]+ MiB of it were there\) to bob$/m);
	assert.match(alice.stdout.toString(), /^1 file sent to bob and verified there: .*; [\d.]+ MiB of it were there$/m);
	assert.match(again.stdout.toString(), /^received "film" \(45\.8 MiB, [\d.]+ MiB of it were here\) from alice$/m);
});

test("send --resume: a receiver of the first version gets whole files, and the sender says so and does not come again", async (t) => {
	const place = await site(t);
	await writeFile(join(place.folder, "from/film"), randomBytes(3_000_000));
	await mkdir(join(place.folder, "in"));
	let fails = false;
	const take = async (stream: MessageStream): Promise<void> => {
		if (fails) return stream.reset(1);
		await receiveFiles(stream, { ...RECEIVER, directory: join(place.folder, "in") }, new Recorder());
	};
	const bob = await Client.connect({ id: "bob", coordinator: place.address, pin: place.pin, handlers: { "conec-files/1": take } });
	t.after(() => bob.close());
	const alice = send(place);
	await alice.exits(0);
	assert.equal((await alice.event("no-resume"))["peer"], "bob");
	assert.deepEqual(await readdir(join(place.folder, "in")), ["film"]);
	const person = place.client("alice", "send", "--resume", join(place.folder, "from/film"), "--to", "bob");
	await person.exits(0);
	assert.match(person.stderr, /^"bob" has a version of conec that cannot go on with files: they are sent whole$/m);
	assert.match(person.stdout.toString(), /^"film" is there already$/m);
	fails = true;
	const refused = send(place);
	await refused.exits(5);
	assert.ok(!refused.events.some(({ event }) => event === "again"));
});

test("send --resume: a peer that runs another command is no older version", async (t) => {
	const place = await site(t);
	await writeFile(join(place.folder, "from/film"), "x");
	const bob = await Client.connect({ id: "bob", coordinator: place.address, pin: place.pin, handlers: { other: async () => undefined } });
	t.after(() => bob.close());
	const alice = send(place);
	await alice.exits(4);
	assert.equal((await alice.event("error"))["code"], "PROTOCOL_UNHANDLED");
	assert.ok(!alice.events.some(({ event }) => event === "no-resume"));
});

test("send --resume: standard input and texts cannot go on; from the environment it does not count for them", async (t) => {
	const place = await site(t);
	const bob = receive(place);
	await bob.event("waiting");
	const typed = place.client("alice", "send", "--resume", "-", "--to", "bob");
	await typed.exits(2);
	assert.match(typed.stderr, /--resume cannot go with -: standard input cannot be read a second time/);
	const text = place.client("alice", "send", "--resume", "--text", "hello", "--to", "bob");
	await text.exits(2);
	assert.match(text.stderr, /--resume and --text exclude each other/);
	const set = place.run(["send", "-", "--name", "piped", "--to", "bob", ...place.options("alice")], { CONEC_SEND_RESUME: "1" });
	set.stdin.end("piped");
	await set.exits(0);
	assert.match(set.stderr, /standard input is sent without --resume/);
	assert.equal(await readFile(join(place.folder, "in/piped"), "utf8"), "piped");
	await place.run(["send", "--text", "hi", "--to", "bob", ...place.options("alice")], { CONEC_SEND_RESUME: "1" }).exits(0);
	assert.equal((await bob.event("text"))["text"], "hi");
});

test("send --resume: what was never there is not waited for, and --wait waits as always", async (t) => {
	const place = await site(t);
	await writeFile(join(place.folder, "from/film"), "film");
	const alice = send(place);
	await alice.exits(4);
	assert.ok(!alice.events.some(({ event }) => event === "again"));
	const waiting = send(place, "client", "--wait");
	await waiting.event("waiting-for");
	receive(place);
	await waiting.exits(0);
});

test("send --resume: several files and a directory: a second time nothing is sent again, and a changed file begins anew", async (t) => {
	const place = await site(t);
	const from = join(place.folder, "from");
	await mkdir(join(from, "tree"));
	for (const [name, size] of [
		["a", 0],
		["b", 70_000],
		["c", 3_000_000],
		["tree/d", 2_000_000],
	] as const)
		await writeFile(join(from, name), randomBytes(size));
	const bob = receive(place, "client", "--force");
	await bob.event("waiting");
	const all = ["a", "b", "c", "tree"].map((name) => join(from, name));
	const once = (): Running => place.client("alice", "send", "--json", "--resume", ...all, "--to", "bob");
	const first = once();
	await first.exits(0);
	assert.deepEqual((await first.event("summary"))["files"], 4);
	const second = once();
	await second.exits(0);
	const { files, identical, bytes } = await second.event("summary");
	assert.deepEqual({ files, identical, bytes }, { files: 0, identical: 4, bytes: 0 });
	const changed = randomBytes(3_000_000);
	await writeFile(join(from, "c"), changed);
	const third = once();
	await third.exits(0);
	assert.equal((await third.event("summary"))["files"], 1);
	assert.equal(sha(await readFile(join(place.folder, "in/c"))), sha(changed));
});

// A process that is killed says nothing: the others notice after the idle limit of 15 s. So these wait side by side.
describe("send --resume: SIGKILL in the middle", { concurrency: 4 }, () => {
	test("of the sender: the same command at once goes on, before the receiver has noticed", async (t) => {
		const place = await site(t, ...SLOW);
		const content = await film(place);
		const bob = receive(place);
		await bob.event("waiting");
		const killed = send(place, "process");
		const had = await midTransfer(place);
		await killed.kill();
		const alice = send(place);
		await alice.exits(0);
		assert.ok(Number((await alice.event("resumed"))["bytes"]) >= had);
		await hasArrived(place, content);
	});

	test("of the receiver: the sender notices, waits for it, and goes on", async (t) => {
		const place = await site(t, ...SLOW);
		const content = await film(place);
		const bob = receive(place, "process");
		await bob.event("waiting");
		const alice = send(place);
		const had = await midTransfer(place);
		await bob.kill();
		const again = receive(place, "process");
		await again.event("waiting");
		await alice.exits(0);
		assert.ok(Number((await alice.event("resumed"))["bytes"]) >= had);
		await hasArrived(place, content);
	});

	test("of both: each is started again, and the file goes on", async (t) => {
		const place = await site(t, ...SLOW);
		const content = await film(place);
		const bob = receive(place, "process");
		await bob.event("waiting");
		const killed = send(place, "process");
		const had = await midTransfer(place);
		await Promise.all([bob.kill(), killed.kill()]);
		await receive(place, "process").event("waiting");
		const alice = send(place, "client", "--wait");
		await alice.exits(0);
		assert.ok(Number((await alice.event("resumed"))["bytes"]) >= had);
		await hasArrived(place, content);
	});

	test("of the Coordinator: the transfer goes on where it was when it is back, and nothing begins again", async (t) => {
		const place = await siteOfProcesses(t, ...SLOW);
		const content = await film(place);
		const bob = receive(place);
		await bob.event("waiting");
		const alice = send(place);
		await midTransfer(place);
		await place.coordinator.kill();
		await Promise.all([bob.event("disconnected"), alice.event("disconnected")]);
		const [, port] = place.address.split(":");
		const state = join(place.folder, "coordinator");
		const coordinator = place.run(["coordinator", "--json", "--host", "127.0.0.1", "--port", String(port), "--state", state]);
		await coordinator.event("listening");
		await alice.exits(0);
		const { path, durationMs } = await alice.event("pause-end");
		assert.ok(path === "proxied" && Number(durationMs) > 0);
		assert.ok(![...alice.events, ...bob.events].some(({ event }) => event === "again" || event === "kept"));
		await hasArrived(place, content);
	});
});
