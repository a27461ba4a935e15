import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { chmod, mkdir, open, readdir, readFile, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { encodeTransfer, KINDS } from "../../packages/conec/src/cli/transfer/ground/protocol.ts";
import { Client } from "../../packages/conec/src/index.ts";
import { type Running, type Site, site, siteOfProcesses, started } from "./harness.ts";

/** Bob, waiting for files. */
async function receiver(place: Site, ...args: string[]): Promise<Running> {
	const bob = place.client("bob", "receive", "--yes", "--json", "--dir", join(place.folder, "in"), ...args);
	await bob.event("waiting");
	return bob;
}

/** Bob, waiting for files in a process of his own. */
async function processReceiver(place: Site): Promise<Running> {
	const bob = place.process("bob", "receive", "--yes", "--json", "--dir", join(place.folder, "in"));
	await bob.event("waiting");
	return bob;
}

function sha(content: Uint8Array): string {
	return createHash("sha256").update(content).digest("hex");
}

/** A file that takes a while to send and no time to make. */
async function hugeFile(place: Site): Promise<string> {
	const path = join(place.folder, "from/huge");
	await writeFile(path, "");
	await truncate(path, 20 * 1_024 ** 3);
	return path;
}

/** Waits until some of the huge file is on the receiver's disk. */
async function midTransfer(place: Site): Promise<void> {
	for (;;) {
		const parts = (await readdir(join(place.folder, "in"))).filter((name) => /^huge\.part-[0-9a-f]{8}$/.test(name));
		for (const part of parts) {
			const handle = await open(join(place.folder, "in", part), "r").catch(() => undefined);
			const size = (await handle?.stat())?.size ?? 0;
			await handle?.close();
			if (size > 4_000_000) return;
		}
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

test("send: files and directories arrive verified, both ends say so and end with 0", async (t) => {
	const place = await site(t);
	const from = join(place.folder, "from");
	const big = randomBytes(5_000_000);
	await writeFile(join(from, "big"), big);
	await mkdir(join(from, "tree/deep"), { recursive: true });
	await writeFile(join(from, "tree/deep/leaf"), "leaf");
	await writeFile(join(from, "tree/empty"), "");
	const bob = await receiver(place, "--once");
	const alice = place.client("alice", "send", "--json", join(from, "big"), join(from, "tree"), "--to", "bob");
	await Promise.all([alice.exits(0), bob.exits(0)]);
	const { files, directories, bytes, failed } = await alice.event("summary");
	assert.deepEqual({ files, directories, bytes, failed }, { files: 3, directories: 2, bytes: 5_000_004, failed: 0 });
	assert.equal((await bob.event("file", ({ name }) => name === "big"))["sha256"], sha(big));
	assert.equal(sha(await readFile(join(place.folder, "in/big"))), sha(big));
	assert.equal(await readFile(join(place.folder, "in/tree/deep/leaf"), "utf8"), "leaf");
	assert.deepEqual((await readdir(join(place.folder, "in"))).sort(), ["big", "tree"]);
});

test("send: without a terminal there are plain lines and no control characters", async (t) => {
	const place = await site(t);
	await writeFile(join(place.folder, "from/a"), "hello");
	const bob = place.client("bob", "receive", "--yes", "--once", "--dir", join(place.folder, "in"));
	await bob.says(/waiting for files/);
	const alice = place.client("alice", "send", join(place.folder, "from/a"), "--to", "bob");
	await Promise.all([alice.exits(0), bob.exits(0)]);
	assert.match(alice.stdout.toString(), /^sent "a" \(5 B\) to bob\n1 file sent to bob and verified there: 5 B in (?:under 0\.01|[\d.]+) s \(.+\/s\)\n$/);
	assert.match(bob.stdout.toString(), /^received "a" \(5 B\) from alice\n1 file received from alice and verified: 5 B in (?:under 0\.01|[\d.]+) s\n$/);
	for (const control of ["\u001b", "\r"]) assert.ok(!(alice.stderr + bob.stderr).includes(control));
});

test("receive: an existing file stays without --force, status 5 at both; with --force it is replaced", async (t) => {
	const place = await site(t);
	await writeFile(join(place.folder, "from/a"), "new");
	await mkdir(join(place.folder, "in"));
	await writeFile(join(place.folder, "in/a"), "old");
	const careful = await receiver(place, "--once");
	const first = place.client("alice", "send", "--json", join(place.folder, "from/a"), "--to", "bob");
	await Promise.all([first.exits(5), careful.exits(5)]);
	assert.equal((await first.event("file"))["problem"], "EXISTS");
	assert.equal(await readFile(join(place.folder, "in/a"), "utf8"), "old");
	const forceful = await receiver(place, "--once", "--force");
	const second = place.client("alice", "send", "--json", join(place.folder, "from/a"), "--to", "bob");
	await Promise.all([second.exits(0), forceful.exits(0)]);
	assert.equal(await readFile(join(place.folder, "in/a"), "utf8"), "new");
});

test("receive: goes on for the next sender; --from turns others away; --max-bytes refuses before writing", async (t) => {
	const place = await site(t);
	await writeFile(join(place.folder, "from/small"), "1234");
	await writeFile(join(place.folder, "from/large"), randomBytes(400_000));
	const bob = await receiver(place, "--from", "alice", "--max-bytes", "1K");
	const mallory = place.client("mallory", "send", "--json", join(place.folder, "from/small"), "--to", "bob");
	await mallory.exits(4);
	assert.match(String((await mallory.event("error"))["hint"]), /accepts only certain peers/);
	const first = place.client("alice", "send", "--json", join(place.folder, "from/large"), "--to", "bob");
	await first.exits(5);
	assert.equal((await first.event("file"))["problem"], "TOO_LARGE");
	const second = place.client("alice", "send", "--json", join(place.folder, "from/small"), "--to", "bob");
	await second.exits(0);
	assert.deepEqual(await readdir(join(place.folder, "in")), ["small"]);
	bob.signal("SIGINT");
	await bob.exits(130);
});

test("send: an unreadable file is named at both ends, the others arrive, status 5", async (t) => {
	const place = await site(t);
	const secret = join(place.folder, "from/secret");
	await writeFile(secret, "secret");
	await writeFile(join(place.folder, "from/open"), "open");
	await chmod(secret, 0o000);
	await chmod(join(place.folder, "from"), 0o755);
	// Root may read everything, so then the sender is another user.
	const uid = process.getuid?.() === 0 ? 65_534 : undefined;
	await mkdir(join(place.folder, "state-alice"));
	await chmod(join(place.folder, "state-alice"), 0o777);
	const bob = await receiver(place, "--once");
	const alice = started(t, ["send", "--json", secret, join(place.folder, "from/open"), "--to", "bob", ...place.options("alice")], { uid });
	await Promise.all([alice.exits(5), bob.exits(5)]);
	for (const end of [alice, bob]) {
		const event = await end.event("file", ({ name }) => name === "secret");
		assert.equal(event["problem"], "UNREADABLE");
		assert.match(String(event["detail"]), /permission denied/);
	}
	assert.deepEqual(await readdir(join(place.folder, "in")), ["open"]);
});

/** Mounts 2 MiB; says why not where it cannot. */
function mountSmallDisk(path: string): string | undefined {
	if (process.platform !== "linux" || process.getuid?.() !== 0) return "mounting a small disk needs root on Linux";
	try {
		execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", path], { stdio: "pipe" });
		return undefined;
	} catch (error) {
		return `mount tmpfs: ${String((error as { stderr?: unknown }).stderr)}`;
	}
}

test("receive: a full disk is told to both, leaves no part, and what still fits arrives", async (t) => {
	const place = await site(t);
	const directory = join(place.folder, "in");
	await mkdir(directory);
	const reason = mountSmallDisk(directory);
	if (reason !== undefined) return t.skip(reason);
	try {
		const sizes: Readonly<Record<string, number>> = { "0-tiny": 10, "a-900k": 900_000, "b-900k": 900_000, "c-900k": 900_000, "e-huge": 9_000_000 };
		for (const [name, size] of Object.entries(sizes)) await writeFile(join(place.folder, "from", name), randomBytes(size));
		const bob = await receiver(place, "--once");
		const alice = place.client("alice", "send", "--json", ...Object.keys(sizes).map((name) => join(place.folder, "from", name)), "--to", "bob");
		await Promise.all([alice.exits(5), bob.exits(5)]);
		for (const end of [alice, bob]) {
			const problems = Object.fromEntries(end.events.filter(({ event }) => event === "file").map(({ name, problem }) => [name, problem]));
			// The three of 900 KB are written at once: at least one of them finds no room.
			assert.ok(
				["a-900k", "b-900k", "c-900k"].some((name) => problems[name] === "DISK_FULL"),
				JSON.stringify(problems),
			);
			assert.equal(problems["e-huge"], "DISK_FULL");
			assert.equal(problems["0-tiny"], undefined);
		}
		const left = await readdir(directory);
		assert.ok(left.includes("0-tiny") && left.every((name) => !name.includes(".part-")), left.join());
	} finally {
		execFileSync("umount", ["--lazy", directory]);
	}
});

test("receive: hostile names from a hand-written sender are refused one by one", async (t) => {
	const place = await site(t);
	await mkdir(join(place.folder, "in"));
	await mkdir(join(place.folder, "outside"));
	await symlink(join(place.folder, "outside"), join(place.folder, "in/link"));
	await receiver(place);
	const client = await Client.connect({ id: "mallory", coordinator: place.address, pin: place.pin });
	t.after(() => client.close());
	const stream = await client.openStream("bob", { protocol: "conec-files/1" });
	const names = [
		"../evil",
		"/etc/evil",
		"a/../../evil",
		"..\\evil",
		"C:evil",
		"NUL",
		"com\u00b9.txt",
		"e\0vil",
		"\u001b]0;evil\u0007",
		"link/evil",
		"",
		"good",
	];
	for (const [index, name] of names.entries()) {
		await stream.send(encodeTransfer({ type: "file", index, name, size: 1 }));
		await stream.send(Uint8Array.of(KINDS.content, 0x61));
		await stream.send(encodeTransfer({ type: "verify", size: 1, sha256: sha(Buffer.from("a")) }));
	}
	const [, verdicts] = await Promise.all([stream.close(), collect(stream)]);
	assert.equal(verdicts.length, names.length);
	for (const verdict of verdicts)
		assert.equal(verdict["problem"], verdict["index"] === names.length - 1 ? undefined : "NAME_UNSAFE", names[Number(verdict["index"])]);
	assert.deepEqual((await readdir(join(place.folder, "in"))).sort(), ["good", "link"]);
	assert.deepEqual(await readdir(join(place.folder, "outside")), []);
	assert.deepEqual(
		(await readdir(place.folder)).filter((name) => name.includes("evil")),
		[],
	);
});

async function collect(messages: AsyncIterable<Uint8Array>): Promise<Record<string, unknown>[]> {
	const found: Record<string, unknown>[] = [];
	for await (const message of messages) found.push(JSON.parse(Buffer.from(message.subarray(1)).toString()) as Record<string, unknown>);
	return found;
}

test("receive: a sender that breaks the protocol ends its transfer only", async (t) => {
	const place = await site(t);
	const bob = await receiver(place);
	const client = await Client.connect({ id: "mallory", coordinator: place.address, pin: place.pin });
	t.after(() => client.close());
	const stream = await client.openStream("bob", { protocol: "conec-files/1" });
	await stream.send(encodeTransfer({ type: "file", index: 0, name: "a", size: 1_000_000 }));
	await stream.send("not a message of this protocol");
	await assert.rejects(stream.receive(), { code: "STREAM_RESET", closeCode: 4 });
	await bob.event("error");
	await writeFile(join(place.folder, "from/b"), "b");
	const alice = place.client("alice", "send", "--json", join(place.folder, "from/b"), "--to", "bob");
	await alice.exits(0);
	assert.deepEqual(await readdir(join(place.folder, "in")), ["b"]);
});

test("receive: Ctrl-C in the middle removes the part at once; the sender says why, status 5", async (t) => {
	const place = await site(t);
	const bob = await processReceiver(place);
	const alice = place.client("alice", "send", "--json", await hugeFile(place), "--to", "bob");
	await midTransfer(place);
	bob.signal("SIGINT");
	await Promise.all([bob.exits(130), alice.exits(5)]);
	assert.match(String((await alice.event("error"))["hint"]), /was interrupted/);
	assert.deepEqual(await readdir(join(place.folder, "in")), []);
});

test("send: Ctrl-C in the middle ends with 130; the receiver removes the part and goes on", async (t) => {
	const place = await site(t);
	const bob = await receiver(place);
	const alice = place.process("alice", "send", "--json", await hugeFile(place), "--to", "bob");
	await midTransfer(place);
	alice.signal("SIGINT");
	await alice.exits(130);
	assert.match(String((await bob.event("error"))["hint"]), /was interrupted/);
	assert.deepEqual(await readdir(join(place.folder, "in")), []);
	await writeFile(join(place.folder, "from/next"), "next");
	await place.client("alice", "send", "--json", join(place.folder, "from/next"), "--to", "bob").exits(0);
});

// A killed process says nothing: the others notice after the idle limit of 15 s. So these wait side by side.
describe("SIGKILL in the middle of a transfer", { concurrency: 3 }, () => {
	test("send: SIGKILL of the sender: the receiver notices, removes the part and goes on", async (t) => {
		const place = await site(t);
		const bob = await receiver(place);
		const alice = place.process("alice", "send", "--json", await hugeFile(place), "--to", "bob", "--give-up-after", "0");
		await midTransfer(place);
		await alice.kill();
		assert.equal((await bob.event("error"))["code"], "PEER_LOST");
		assert.deepEqual(await readdir(join(place.folder, "in")), []);
		await writeFile(join(place.folder, "from/next"), "next");
		await place.client("carol", "send", "--json", join(place.folder, "from/next"), "--to", "bob").exits(0);
	});

	test("receive: SIGKILL of the receiver: the sender notices, status 5; the part is marked", async (t) => {
		const place = await site(t);
		const bob = await processReceiver(place);
		const alice = place.process("alice", "send", "--json", await hugeFile(place), "--to", "bob", "--give-up-after", "0");
		await midTransfer(place);
		await bob.kill();
		await alice.exits(5);
		assert.equal((await alice.event("error"))["code"], "PEER_LOST");
		assert.match((await readdir(join(place.folder, "in"))).join(), /^huge\.part-[0-9a-f]{8}$/);
	});

	test("coordinator: SIGKILL: both ends of a proxied transfer notice, no part is left", async (t) => {
		const place = await siteOfProcesses(t);
		const bob = await processReceiver(place);
		const alice = place.process("alice", "send", "--json", await hugeFile(place), "--to", "bob", "--path", "proxied", "--give-up-after", "0");
		await midTransfer(place);
		await place.coordinator.kill();
		await Promise.all([alice.exits(5), bob.event("error"), bob.event("disconnected")]);
		assert.equal((await alice.event("error"))["code"], "COORDINATOR_LOST");
		assert.deepEqual(await readdir(join(place.folder, "in")), []);
	});
});
