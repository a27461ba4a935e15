import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { formatKnownKeys, KNOWN_KEYS_FILE, KnownKeys, parseKnownKeys } from "./known-keys.ts";

const key = (digit: string) => `sha256:${digit.repeat(64)}`;

test("known keys: what is written is read again, and lines that are something else are left out", () => {
	const known = [
		{ fingerprint: key("a"), id: "alice" },
		{ fingerprint: key("b"), id: "b.example-1" },
	];
	assert.deepEqual(parseKnownKeys(formatKnownKeys(known)), known);
	assert.deepEqual(parseKnownKeys(`\ufeff\r\n${key("a")}\n${key("a")} \n${key("A")} x\n${key("a")} X\n# ${key("a")} x\n${key("a")} x y\n\0`), []);
	assert.deepEqual(parseKnownKeys(`${key("c")}\t carol \r\n`), [{ fingerprint: key("c"), id: "carol" }]);
});

test("known keys: they are kept in a private file that several processes share, and a line that is removed is forgotten", async (t) => {
	const directory = join(await mkdtemp(join(tmpdir(), "conec-known-")), "made");
	t.after(() => rm(join(directory, ".."), { recursive: true, force: true }));
	const [one, other] = [new KnownKeys(directory), new KnownKeys(directory)];
	assert.equal(await one.has(key("a")), false);
	await Promise.all([one.add({ fingerprint: key("a"), id: "alice" }), one.add({ fingerprint: key("b"), id: "bob" })]);
	await one.add({ fingerprint: key("a"), id: "alice" });
	assert.deepEqual([await other.has(key("a")), await other.has(key("b")), await other.has(key("c"))], [true, true, false]);
	assert.equal(await other.otherKeyOf("alice", key("c")), key("a"));
	assert.equal(await other.otherKeyOf("alice", key("a")), undefined);
	const path = join(directory, KNOWN_KEYS_FILE);
	if (process.platform !== "win32") assert.equal((await stat(path)).mode & 0o777, 0o600);
	assert.equal(parseKnownKeys(await readFile(path, "utf8")).length, 2);
	await writeFile(path, "");
	assert.equal(await other.has(key("a")), false);
});

test("known keys: without a place, or where nothing can be written, they hold until the process ends", async (t) => {
	const nowhere = new KnownKeys(undefined);
	await nowhere.add({ fingerprint: key("a"), id: "alice" });
	assert.equal(await nowhere.has(key("a")), true);
	const file = join(await mkdtemp(join(tmpdir(), "conec-known-")), "file");
	t.after(() => rm(join(file, ".."), { recursive: true, force: true }));
	await writeFile(file, "");
	await chmod(file, 0o600);
	const blocked = new KnownKeys(file);
	await assert.rejects(blocked.add({ fingerprint: key("a"), id: "alice" }));
	assert.equal(await blocked.has(key("a")), true);
});
