/** Files of one transfer that come to one name: none of them replaces another. */

import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import type { FileSystem } from "../../packages/conec/src/cli/transfer/ground/file-system.ts";
import { PlacedFiles } from "../../packages/conec/src/cli/transfer/placing/placed-files.ts";
import { facts, fileSystem, folders, NODE_FILE_SYSTEM, systemError, transfer } from "./transfer-fixture.ts";

/** A file system that takes some names for one. */
function folding(fold: (name: string) => string, changes: Partial<FileSystem> = {}): FileSystem {
	const at = (path: string): string => join(dirname(path), basename(path).includes(".part-") ? basename(path) : fold(basename(path)));
	const real = fileSystem(changes);
	return {
		...real,
		open: (path, flags, mode) => real.open(at(path), flags, mode),
		lstat: (path) => real.lstat(at(path)),
		mkdir: (path, mode) => real.mkdir(at(path), mode),
		link: (from, to) => real.link(at(from), at(to)),
		rename: (from, to) => real.rename(at(from), at(to)),
		unlink: (path) => real.unlink(at(path)),
	};
}

const fail = (): Promise<never> => Promise.reject(systemError("ENOSYS"));

for (const [what, files, names] of [
	["that differ in case", folding((name) => name.toLowerCase()), ["readme", "README", "ReadMe"]],
	["in two Unicode forms", folding((name) => name.normalize("NFC")), ["caf\u00e9", "cafe\u0301"]],
	["that differ in case, without rename", folding((name) => name.toLowerCase(), { rename: fail }), ["a", "A"]],
	["that differ in case, without links and rename", folding((name) => name.toLowerCase(), { link: fail, rename: fail }), ["a", "A"]],
] as const) {
	for (const bytes of [10, 600_000]) {
		test(`same name: with --force, of names ${what} and ${bytes} bytes one arrives, the others are EXISTS, an old file is replaced`, async (t) => {
			const { from, to } = await folders(t);
			await mkdir(join(from, "tree"));
			await mkdir(join(to, "tree"));
			for (const [index, name] of names.entries()) await writeFile(join(from, "tree", name), String(index).repeat(bytes));
			await files.open(join(to, "tree", names[0]), 0o101, 0o600).then((file) => file.close());
			const { sent, received } = await transfer([join(from, "tree")], to, { files, force: true });
			const ends = sent.outcomes.filter(({ kind }) => kind === "file");
			const lost = ends.filter(({ problem }) => problem !== undefined);
			assert.equal(ends.length - lost.length, 1);
			for (const { problem, detail } of lost) assert.deepEqual([problem, detail], ["EXISTS", "a file of this transfer has that name already"]);
			assert.deepEqual(received.problems(), sent.problems());
			const there = await readdir(join(to, "tree"));
			assert.equal(there.length, 1, there.join());
			const arrived = names.indexOf(basename(ends.find(({ problem }) => problem === undefined)?.name ?? "") as never);
			assert.equal(await readFile(join(to, "tree", there[0] ?? ""), "utf8"), String(arrived).repeat(bytes));
		});
	}
}

for (const [what, links] of [
	["two files", ["x/a", "y/a"]],
	["one file twice", ["x/a", "x/a"]],
	["a file by two paths", ["x/a", "x/../x/a"]],
	["a file and a directory", ["x/a", "z/a"]],
	["two directories", ["z/a", "w/a"]],
] as const) {
	for (const force of [true, false]) {
		test(`same name: ${what} on the command line${force ? ", with --force" : ""}: the later one is named before anything of it is sent`, async (t) => {
			const { from, to } = await folders(t);
			for (const path of ["x", "y", "z/a", "w/a"]) await mkdir(join(from, path), { recursive: true });
			for (const path of ["x/a", "y/a", "z/a/one", "w/a/two", "x/other"]) await writeFile(join(from, path), path);
			const { sent, received } = await transfer(
				[...links, "x/other"].map((path) => `${from}/${path}`),
				to,
				{ force },
			);
			const problems = sent.outcomes.filter(({ problem }) => problem !== undefined);
			assert.deepEqual(
				problems.map(({ name, problem }) => [name, problem]),
				[["a", "EXISTS"]],
			);
			assert.match(problems[0]?.detail ?? "", /has that name already/);
			assert.match(received.outcomes.find(({ name, problem }) => name === "a" && problem !== undefined)?.detail ?? "", /the sender skipped it/);
			assert.equal(await readFile(join(to, "other"), "utf8"), "x/other");
			const first = links[0].startsWith("z") ? "a/one" : "a";
			assert.equal(await readFile(join(to, first), "utf8"), links[0].startsWith("z") ? "z/a/one" : links[0]);
		});
	}
}

test("same name: one that leads nowhere does not take its name from the next", async (t) => {
	const { from, to } = await folders(t);
	await mkdir(join(from, "y"));
	await writeFile(join(from, "y/a"), "y");
	const { summary } = await transfer([join(from, "none/a"), join(from, "y/a")], to);
	assert.deepEqual([summary.files, summary.failed], [1, 1]);
});

test("same name: beyond what is remembered, what is older than the transfer is replaced, what is not is refused", async (t) => {
	const { to } = await folders(t);
	const path = (name: string): string => join(to, name);
	const early = new Set<string>([path("old")]);
	const files = fileSystem({
		async lstat(asked) {
			const found = await NODE_FILE_SYSTEM.lstat(asked);
			return early.delete(asked) ? facts(found, { ctimeNs: 1n }) : found;
		},
	});
	const placed = new PlacedFiles(files, 2);
	for (const name of ["old", "new", "one", "two", "three"]) await writeFile(path(name), "before");
	const place = async (name: string): Promise<unknown> => {
		await writeFile(path(`${name}.part`), "after");
		return placed.place(path(`${name}.part`), path(name), true);
	};
	for (const name of ["one", "two", "three-new", "old"]) await place(name);
	await writeFile(path("new"), "changed meanwhile");
	for (const name of ["one", "three-new", "new"]) await assert.rejects(place(name), { problem: "EXISTS" }, name);
	assert.equal(await readFile(path("old"), "utf8"), "after");
	assert.equal(await readFile(path("new"), "utf8"), "changed meanwhile");
});

test("same name: inode numbers that change do not hide a file of this transfer", async (t) => {
	const { to } = await folders(t);
	let ino = 1n;
	const placed = new PlacedFiles(fileSystem({ lstat: async (asked) => facts(await NODE_FILE_SYSTEM.lstat(asked), { ino: ino++ }) }));
	const path = join(to, "a");
	await writeFile(`${path}.1`, "1");
	await writeFile(`${path}.2`, "2");
	await placed.place(`${path}.1`, path, true);
	await assert.rejects(placed.place(`${path}.2`, path, true), { problem: "EXISTS" });
	assert.equal(await readFile(path, "utf8"), "1");
});
