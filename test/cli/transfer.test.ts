import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { encodeTransfer, KINDS } from "../../packages/conec/src/cli/transfer/ground/protocol.ts";
import { type ReceiveOptions, receiveFiles } from "../../packages/conec/src/cli/transfer/receive-files.ts";
import { sendFiles } from "../../packages/conec/src/cli/transfer/send-files.ts";
import type { MessageStream } from "../../packages/conec/src/index.ts";
import { streamPair } from "./stream-pair.ts";
import { folders, NODE_FILE_SYSTEM, RECEIVER, Recorder, transfer } from "./transfer-fixture.ts";

/** Acts as a sender by hand; returns what the receiver answered, or the error it ended with. */
async function byHand(
	directory: string,
	messages: readonly Uint8Array[],
	options: Partial<ReceiveOptions> = {},
): Promise<{ error: unknown; received: Recorder }> {
	const [alice, bob] = streamPair();
	const received = new Recorder();
	const receiving = receiveFiles(bob, { ...RECEIVER, directory, ...options }, received).then(
		() => undefined,
		(error: unknown) => error,
	);
	const sending = sendRaw(alice, messages).catch(() => undefined);
	const error = await receiving;
	await sending;
	return { error, received };
}

async function sendRaw(stream: MessageStream, messages: readonly Uint8Array[]): Promise<void> {
	for (const message of messages) await stream.send(message);
	await Promise.all([stream.close(), drain(stream)]);
}

async function drain(stream: MessageStream): Promise<void> {
	for await (const _ of stream);
}

function file(index: number, name: string, content: Uint8Array, sha256: string = sha(content)): Uint8Array[] {
	return [
		encodeTransfer({ type: "file", index, name, size: content.length }),
		contentMessage(content),
		encodeTransfer({ type: "verify", size: content.length, sha256 }),
	];
}

function directory(index: number, name: string): Uint8Array {
	return encodeTransfer({ type: "directory", index, name });
}

const LEAVE: Uint8Array = encodeTransfer({ type: "leave" });

function contentMessage(content: Uint8Array): Uint8Array {
	return Uint8Array.of(KINDS.content, ...content);
}

function sha(content: Uint8Array): string {
	return createHash("sha256").update(content).digest("hex");
}

const HELLO = new TextEncoder().encode("hello");

test("transfer: files of all sizes arrive with content, mode and time", async (t) => {
	const { from, to } = await folders(t);
	const sizes = [0, 1, 1_024, 65_535, 65_536, 65_537, 262_143, 262_144, 262_145, 1_048_576, 3_000_001];
	for (const size of sizes) await writeFile(join(from, `f${size}`), randomBytes(size));
	await chmod(join(from, "f1024"), 0o750);
	await utimes(join(from, "f1024"), 1_000_000, 1_234_567.5);
	const { summary, sent, received } = await transfer(
		sizes.map((size) => join(from, `f${size}`)),
		to,
	);
	assert.deepEqual(summary, { files: sizes.length, directories: 0, bytes: sizes.reduce((sum, size) => sum + size), identical: 0, failed: 0 });
	assert.equal(sent.bytes, summary.bytes);
	assert.equal(received.bytes, summary.bytes);
	for (const size of sizes) {
		const content = await readFile(join(from, `f${size}`));
		assert.ok(content.equals(await readFile(join(to, `f${size}`))), `f${size}`);
		assert.equal(sent.outcomes.find((outcome) => outcome.name === `f${size}`)?.sha256, sha(content));
	}
	const copy = await stat(join(to, "f1024"));
	assert.equal(copy.mode & 0o777, 0o750 & ~process.umask());
	assert.equal(copy.mtimeMs, 1_234_567_500);
	assert.equal((await readdir(to)).length, sizes.length);
});

test("transfer: directories arrive with what is below them, links are left out with a remark", async (t) => {
	const { from, to } = await folders(t);
	await mkdir(join(from, "a/b/c"), { recursive: true });
	await writeFile(join(from, "a/1"), "one");
	await writeFile(join(from, "a/b/c/2"), "two");
	await symlink("/etc/passwd", join(from, "a/link"));
	const { sent, received } = await transfer([join(from, "a")], to);
	const all = ["a", "a/1", "a/b", "a/b/c", "a/b/c/2"].map((name) => [name, undefined]);
	assert.deepEqual(sent.problems(), all);
	assert.deepEqual(received.problems(), all);
	assert.deepEqual(sent.links, [{ type: "link", name: "a/link", action: "skipped" }]);
	assert.equal(await readFile(join(to, "a/b/c/2"), "utf8"), "two");
});

test("transfer: 2,000 small files share one stream and all are answered", async (t) => {
	const { from, to } = await folders(t);
	for (let index = 0; index < 2_000; index += 1) await writeFile(join(from, `n${index}`), `content ${index}`);
	const { summary } = await transfer([from], to);
	assert.deepEqual([summary.files, summary.directories], [2_000, 1]);
	assert.equal(await readFile(join(to, "from/n1999"), "utf8"), "content 1999");
	assert.equal((await readdir(join(to, "from"))).length, 2_000);
});

test("transfer: an existing file stays without force, is replaced with it, and the others go on", async (t) => {
	const { from, to } = await folders(t);
	for (const [name, size] of [
		["big", 2_000_000],
		["small", 10],
		["other", 10],
	] as const)
		await writeFile(join(from, name), randomBytes(size));
	await writeFile(join(to, "big"), "mine");
	await writeFile(join(to, "small"), "mine");
	const paths = ["big", "small", "other"].map((name) => join(from, name));
	const first = await transfer(paths, to);
	assert.deepEqual(first.sent.problems(), [
		["big", "EXISTS"],
		["other", undefined],
		["small", "EXISTS"],
	]);
	assert.equal(await readFile(join(to, "big"), "utf8"), "mine");
	assert.equal(await readFile(join(to, "small"), "utf8"), "mine");
	assert.equal(first.summary.failed, 2);
	const second = await transfer(paths, to, { force: true });
	assert.equal(second.summary.failed, 0);
	assert.equal((await stat(join(to, "big"))).size, 2_000_000);
	assert.deepEqual((await readdir(to)).sort(), ["big", "other", "small"]);
});

test("transfer: a link in the way is never written through", async (t) => {
	const { from, to } = await folders(t);
	const outside = join(from, "outside");
	await mkdir(outside);
	await symlink(outside, join(to, "dir"));
	await symlink(join(outside, "target"), join(to, "name"));
	const viaParent = await byHand(to, file(0, "dir/x", HELLO));
	assert.deepEqual(viaParent.received.problems(), [["dir/x", "NAME_UNSAFE"]]);
	const viaName = await byHand(to, file(0, "name", HELLO));
	assert.deepEqual(viaName.received.problems(), [["name", "EXISTS"]]);
	const forced = await byHand(to, file(0, "name", HELLO), { force: true });
	assert.deepEqual(forced.received.problems(), [["name", undefined]]);
	assert.deepEqual(await readdir(outside), []);
	assert.equal(await readFile(join(to, "name"), "utf8"), "hello");
});

test("transfer: hostile names are refused one by one and leave nothing, the next file arrives", async (t) => {
	const { to } = await folders(t);
	const hostile = ["../evil", "/tmp/evil", "a/../../evil", "nul", "C:\\evil", "a\0b", "", "..", "x/", "COM1.txt"];
	const messages = [...hostile, "good"].flatMap((name, index) => file(index, name, HELLO));
	const { error, received } = await byHand(to, messages);
	assert.equal(error, undefined);
	for (const name of hostile) assert.equal(received.outcomes.find((outcome) => outcome.name === name)?.problem, "NAME_UNSAFE", JSON.stringify(name));
	assert.deepEqual(await readdir(to), ["good"]);
	assert.deepEqual((await readdir(join(to, ".."))).sort(), ["from", "to"]);
});

test("transfer: more than max-bytes is refused before writing, also when it adds up", async (t) => {
	const { from, to } = await folders(t);
	for (const name of ["a", "b", "c"]) await writeFile(join(from, name), randomBytes(400));
	await writeFile(join(from, "huge"), randomBytes(5_000_000));
	const paths = ["huge", "a", "b", "c"].map((name) => join(from, name));
	const { sent } = await transfer(paths, to, { maxBytes: 1_000 });
	assert.deepEqual(sent.problems(), [
		["a", undefined],
		["b", undefined],
		["c", "TOO_LARGE"],
		["huge", "TOO_LARGE"],
	]);
	assert.ok(sent.bytes < 5_000_000, "the sender stops sending a refused file");
	assert.deepEqual((await readdir(to)).sort(), ["a", "b"]);
});

test("transfer: a wrong SHA-256 and a wrong size are told to both and leave nothing", async (t) => {
	const { to } = await folders(t);
	const wrongHash = "0".repeat(64);
	const messages = [
		...file(0, "small", HELLO, wrongHash),
		encodeTransfer({ type: "file", index: 1, name: "short", size: 6 }),
		contentMessage(HELLO),
		encodeTransfer({ type: "verify", size: 6, sha256: sha(HELLO) }),
		encodeTransfer({ type: "file", index: 2, name: "large", size: 300_000 }),
		contentMessage(new Uint8Array(300_000 / 3)),
		contentMessage(new Uint8Array(300_000 / 3)),
		contentMessage(new Uint8Array(300_000 / 3)),
		encodeTransfer({ type: "verify", size: 300_000, sha256: wrongHash }),
	];
	const { received } = await byHand(to, messages);
	assert.deepEqual(received.problems(), [
		["large", "VERIFICATION_FAILED"],
		["short", "VERIFICATION_FAILED"],
		["small", "VERIFICATION_FAILED"],
	]);
	assert.deepEqual(await readdir(to), []);
});

const VIOLATIONS: readonly (readonly [what: string, messages: () => Uint8Array[]])[] = [
	["content without a file", () => [contentMessage(HELLO)]],
	["a file within a file", () => [...file(0, "a", HELLO).slice(0, 1), ...file(1, "b", HELLO)]],
	["its end in the middle of a file", () => file(0, "a", HELLO).slice(0, 2)],
	["a file out of turn", () => file(7, "a", HELLO)],
	["a file within a file", () => [...file(0, "a", HELLO).slice(0, 1), directory(1, "d")]],
	["a file within a file", () => [...file(0, "a", HELLO).slice(0, 1), LEAVE]],
	["its end in the middle of a directory", () => [directory(0, "d"), ...file(1, "d/a", HELLO, "0".repeat(64))]],
	["the end of a directory that it did not begin", () => [LEAVE]],
	["a name that is not in its directory", () => [directory(0, "d"), ...file(1, "a", HELLO)]],
	["a name that is not in its directory", () => [directory(0, "d"), ...file(1, "d/a/b", HELLO)]],
	["a name that is not in its directory", () => [directory(0, "d"), directory(1, "dd/a")]],
	[
		"directories that are nested too deeply",
		() =>
			Array.from({ length: 65 }, (_, depth) =>
				directory(
					depth,
					Array(depth + 1)
						.fill("d")
						.join("/"),
				),
			),
	],
	["a message of unknown kind", () => [Uint8Array.of(0x55, 0x7b, 0x7d)]],
	["a message that only a receiver may send", () => [encodeTransfer({ type: "verdict", index: 0 })]],
];
for (const [number, [what, messages]] of VIOLATIONS.entries()) {
	test(`transfer: ${what} ends the transfer and leaves no file (${number})`, async (t) => {
		const { to } = await folders(t);
		const { error } = await byHand(to, messages());
		assert.match(String(error), new RegExp(what));
		const left = await readdir(to, { recursive: true, withFileTypes: true });
		assert.deepEqual(
			left.filter((entry) => !entry.isDirectory()),
			[],
		);
	});
}

test("transfer: a file that grows while it is sent is given up on both sides, the next one arrives", async (t) => {
	const { from, to } = await folders(t);
	await writeFile(join(from, "log"), randomBytes(4_000_000));
	await writeFile(join(from, "next"), "next");
	const [alice, bob] = streamPair();
	const sent = new Recorder();
	const received = new Recorder();
	let grow: Promise<void> | undefined;
	sent.onMoved = () => {
		grow ??= writeFile(join(from, "log"), "more", { flag: "a" });
	};
	await Promise.all([
		sendFiles(alice, [join(from, "log"), join(from, "next")], sent, { links: "skip", files: NODE_FILE_SYSTEM }),
		receiveFiles(bob, { ...RECEIVER, directory: to }, received),
	]);
	await grow;
	assert.deepEqual(sent.problems(), [
		["log", "CHANGED"],
		["next", undefined],
	]);
	assert.deepEqual(received.problems(), sent.problems());
	assert.match(sent.outcomes[0]?.detail ?? "", /size changed from 4000000 to 4000004/);
	assert.deepEqual(await readdir(to), ["next"]);
});

test("transfer: missing files and missing directories are problems of their own", async (t) => {
	const { from, to } = await folders(t);
	await writeFile(join(from, "there"), "x");
	const { sent, summary } = await transfer([join(from, "missing"), join(from, "there")], to);
	assert.deepEqual(sent.problems(), [
		["missing", "UNREADABLE"],
		["there", undefined],
	]);
	assert.equal(summary.failed, 1);
	assert.equal(sent.outcomes.find((outcome) => outcome.name === "missing")?.detail, "no such file");
});

test("transfer: a reset in the middle removes the partial file", async (t) => {
	const { to } = await folders(t);
	const [alice, bob] = streamPair();
	const received = new Recorder();
	const receiving = receiveFiles(bob, { ...RECEIVER, directory: to }, received);
	received.onMoved = () => alice.reset(1);
	await alice.send(encodeTransfer({ type: "file", index: 0, name: "big", size: 1_000_000 }));
	await alice.send(contentMessage(new Uint8Array(100_000)));
	await assert.rejects(receiving, { code: "STREAM_RESET", closeCode: 1 });
	assert.deepEqual(await readdir(to), []);
});

test("transfer: a receiver that ends early is an error at the sender", async (t) => {
	const { from } = await folders(t);
	await writeFile(join(from, "a"), "x");
	const [alice, bob] = streamPair();
	const sending = assert.rejects(
		sendFiles(alice, [join(from, "a")], new Recorder(), { links: "skip", files: NODE_FILE_SYSTEM }),
		/its end before it had answered/,
	);
	await bob.close();
	await sending;
});

test("transfer: two files of one name give one file and one EXISTS", async (t) => {
	const { to } = await folders(t);
	const { received } = await byHand(to, [...file(0, "same", HELLO), ...file(1, "same", HELLO)]);
	assert.deepEqual(received.outcomes.map((outcome) => outcome.problem).sort(), ["EXISTS", undefined]);
	assert.deepEqual(await readdir(to), ["same"]);
});
