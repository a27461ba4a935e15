/** What `--max-bytes` counts: only what stays. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { FileSystem } from "../../packages/conec/src/cli/transfer/ground/file-system.ts";
import { encodeTransfer, KINDS } from "../../packages/conec/src/cli/transfer/ground/protocol.ts";
import { receiveFiles } from "../../packages/conec/src/cli/transfer/receive-files.ts";
import { streamPair } from "./stream-pair.ts";
import { fileSystem, folders, NODE_FILE_SYSTEM, RECEIVER, Recorder, systemError, withOpenFiles } from "./transfer-fixture.ts";

type End = "verified" | "abandoned" | "wrong hash" | "wrong size";

/** A file of that many bytes, in messages of at most 200,000. */
function file(index: number, name: string, size: number, end: End): Uint8Array[] {
	const content = Buffer.alloc(size, name);
	const messages = [encodeTransfer({ type: "file", index, name, size })];
	for (let from = 0; from < size; from += 200_000) messages.push(Buffer.concat([Uint8Array.of(KINDS.content), content.subarray(from, from + 200_000)]));
	const sha256 = end === "wrong hash" ? "0".repeat(64) : createHash("sha256").update(content).digest("hex");
	if (end === "abandoned") messages.push(encodeTransfer({ type: "abandon", problem: "CHANGED", detail: "it was written to" }));
	else messages.push(encodeTransfer({ type: "verify", size: end === "wrong size" ? size + 1 : size, sha256 }));
	return messages;
}

/** Sends one file after another, each when there was a verdict on the one before. Resolves with the problems. */
async function oneByOne(
	directory: string,
	files: readonly Uint8Array[][],
	maxBytes: number,
	system: FileSystem = NODE_FILE_SYSTEM,
): Promise<(string | undefined)[]> {
	const [alice, bob] = streamPair();
	const received = new Recorder();
	const receiving = receiveFiles(bob, { ...RECEIVER, directory, maxBytes, files: system }, received);
	const verdicts = alice[Symbol.asyncIterator]();
	for (const messages of files) {
		for (const message of messages) await alice.send(message);
		await verdicts.next();
	}
	await alice.close();
	await receiving;
	return received.outcomes.map(({ problem }) => problem);
}

/** Of the files "bad" and "bad2"; the digits of another part file may spell the word. */
const isBad = (path: string): boolean => /\/bad2?(\.part-[0-9a-f]+)?$/.test(path);
const failing = (code: string) => (): Promise<never> => Promise.reject(systemError(code));

const CASES: readonly (readonly [what: string, end: End, problem: string, system?: FileSystem])[] = [
	["that the sender gives up", "abandoned", "CHANGED"],
	["with another SHA-256", "wrong hash", "VERIFICATION_FAILED"],
	["with another size", "wrong size", "VERIFICATION_FAILED"],
	["that cannot be written", "verified", "FAILED", withOpenFiles((path) => (isBad(path) ? { write: failing("EIO") } : {}))],
	["that cannot be flushed", "verified", "FAILED", withOpenFiles((path) => (isBad(path) ? { sync: failing("EIO") } : {}))],
	[
		"whose name is there at the end",
		"verified",
		"EXISTS",
		fileSystem({ link: (from, to) => (isBad(to) ? failing("EEXIST")() : NODE_FILE_SYSTEM.link(from, to)) }),
	],
	[
		"that cannot be made",
		"verified",
		"NOT_WRITABLE",
		fileSystem({ open: (path, ...rest) => (isBad(path) ? failing("EACCES")() : NODE_FILE_SYSTEM.open(path, ...rest)) }),
	],
];

for (const [what, end, problem, system] of CASES) {
	for (const size of [800, 600_000]) {
		test(`max-bytes: a file of ${size} bytes ${what} is given back, once, and counts no more`, async (t) => {
			const { to } = await folders(t);
			const problems = await oneByOne(
				to,
				[file(0, "bad", size, end), file(1, "bad2", size, end), file(2, "good", size, "verified"), file(3, "more", size, "verified")],
				1.5 * size,
				system,
			);
			assert.deepEqual(problems, [problem, problem, undefined, "TOO_LARGE"]);
			assert.deepEqual(await readdir(to), ["good"]);
		});
	}
}

test("max-bytes: a file that is there already is refused at the end, and counts no more", async (t) => {
	const { to } = await folders(t);
	await writeFile(join(to, "bad"), "old");
	assert.deepEqual(await oneByOne(to, [file(0, "bad", 800, "verified"), file(1, "good", 800, "verified")], 1_000), ["EXISTS", undefined]);
});

test("max-bytes: what cannot be removed still counts", async (t) => {
	const { to } = await folders(t);
	const system = fileSystem({ unlink: (path) => (isBad(path) ? failing("EACCES")() : NODE_FILE_SYSTEM.unlink(path)) });
	const problems = await oneByOne(to, [file(0, "bad", 600_000, "wrong hash"), file(1, "good", 600_000, "verified")], 1_000_000, system);
	assert.deepEqual(problems, ["VERIFICATION_FAILED", "TOO_LARGE"]);
	await rm(to, { recursive: true });
});
