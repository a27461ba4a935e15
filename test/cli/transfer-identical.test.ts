import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { KINDS } from "../../packages/conec/src/cli/transfer/ground/index.ts";
import { decodeTransfer, encodeTransfer } from "../../packages/conec/src/cli/transfer/ground/protocol.ts";
import { streamPair } from "./stream-pair.ts";
import { type Folders, folders, NODE_FILE_SYSTEM, Recorder, transfer } from "./transfer-fixture.ts";

const LARGE = 5_000_000;
const skip = { skipIdentical: true };

/** Files of each way to be sent: empty, small, and large. */
async function made({ from }: Folders): Promise<string[]> {
	await mkdir(join(from, "d"));
	await writeFile(join(from, "empty"), "");
	await writeFile(join(from, "small"), "small");
	await writeFile(join(from, "large"), randomBytes(LARGE));
	await writeFile(join(from, "d", "inner"), "inner");
	return ["empty", "small", "large", "d"].map((name) => join(from, name));
}

test("send --skip-identical: a second transfer sends nothing that is there, and leaves it alone", async (t) => {
	const place = await folders(t);
	const paths = await made(place);
	const first = await transfer(paths, place.to, {}, skip);
	assert.deepEqual(first.summary, { files: 4, directories: 1, bytes: LARGE + 10, identical: 0, failed: 0 });
	await utimes(join(place.to, "small"), 1, 1);
	const second = await transfer(paths, place.to, {}, skip);
	assert.deepEqual(second.summary, { files: 0, directories: 1, bytes: 0, identical: 4, failed: 0 });
	for (const { outcomes } of [second.sent, second.received])
		assert.deepEqual(
			outcomes
				.filter(({ identical }) => identical)
				.map(({ name }) => name)
				.sort(),
			["d/inner", "empty", "large", "small"],
		);
	assert.equal((await stat(join(place.to, "small"))).mtimeMs, 1_000);
	// With --force, too: there is nothing to replace.
	assert.equal((await transfer(paths, place.to, { force: true }, skip)).summary.identical, 4);
});

test("send --skip-identical: what differs is treated as always", async (t) => {
	const place = await folders(t);
	const paths = await made(place);
	await transfer(paths, place.to);
	const content = randomBytes(LARGE);
	await writeFile(join(place.from, "large"), content);
	await writeFile(join(place.from, "small"), "SMALL");
	await writeFile(join(place.from, "d", "inner"), "longer");
	const refused = await transfer(paths, place.to, {}, skip);
	assert.deepEqual(refused.sent.problems(), [
		["d", undefined],
		["d/inner", "EXISTS"],
		["empty", undefined],
		["large", "EXISTS"],
		["small", "EXISTS"],
	]);
	const forced = await transfer(paths, place.to, { force: true }, skip);
	assert.deepEqual([forced.summary.files, forced.summary.identical, forced.summary.failed], [3, 1, 0]);
	assert.ok(content.equals(await readFile(join(place.to, "large"))));
});

test("send: without --skip-identical a file that is there is refused, identical or not", async (t) => {
	const place = await folders(t);
	const paths = await made(place);
	await transfer(paths, place.to);
	assert.equal((await transfer(paths, place.to)).summary.failed, 4);
});

test("receive: no link and no directory counts as a file that is there, and no question leads out of the directory", async (t) => {
	const place = await folders(t);
	await writeFile(join(place.from, "secret"), "secret");
	await mkdir(join(place.from, "sub"));
	await writeFile(join(place.from, "sub", "secret"), "secret");
	await symlink(join(place.from, "secret"), join(place.to, "secret"));
	await symlink(join(place.from, "sub"), join(place.to, "sub"));
	const { sent, summary } = await transfer([join(place.from, "secret"), join(place.from, "sub")], place.to, {}, skip);
	assert.equal(summary.identical, 0);
	assert.deepEqual(sent.problems(), [
		["secret", "EXISTS"],
		["sub", "NAME_UNSAFE"],
		["sub/secret", "NAME_UNSAFE"],
	]);
});

test("files protocol: a hash in FILE must be one; IDENTICAL is no answer to a sender that has not asked", async (t) => {
	for (const sha256 of ["", "0", "G".repeat(64), 7, null]) {
		const body = Buffer.from(JSON.stringify({ index: 0, name: "a", size: 1, sha256 }));
		assert.equal(decodeTransfer(Buffer.concat([Buffer.of(KINDS.file), body])).ok, false, String(sha256));
	}
	const place = await folders(t);
	await writeFile(join(place.from, "a"), "a");
	const [alice, bob] = streamPair();
	const { sendFiles } = await import("../../packages/conec/src/cli/transfer/send-files.ts");
	const sent = new Recorder();
	const sending = sendFiles(alice, [join(place.from, "a")], sent, { links: "skip", files: NODE_FILE_SYSTEM });
	for await (const message of bob) {
		if (message[0] === KINDS.verify) await bob.send(encodeTransfer({ type: "verdict", index: 0, problem: "IDENTICAL" }));
	}
	await bob.close();
	assert.deepEqual(await sending, { files: 0, directories: 0, bytes: 0, identical: 0, failed: 1 });
});
