/** The rooms of the command line: small folders, each entered through its `index.ts`, that depend on each other one way only. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { test } from "node:test";

const ROOT = new URL("../../packages/conec/src/cli/", import.meta.url);
const MOST_FILES = 20;

/** Source files by path below `cli/`, without tests. */
const files: readonly string[] = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
	.map((path) => path.replaceAll("\\", "/"))
	.filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"));

/** What a file imports below `cli/`, now or later. */
function imports(file: string): string[] {
	const text = readFileSync(new URL(file, ROOT), "utf8");
	return [...text.matchAll(/(?:\bfrom|\bimport\()\s*"(\.[^"]+)"/g)]
		.map(([, path]) => posix.join(posix.dirname(file), path ?? ""))
		.filter((path) => !path.startsWith(".."));
}

test("rooms: at most 20 source files in a folder of the command line, and none repeats its folder's name", () => {
	const counts = new Map<string, number>();
	for (const file of files) {
		const folder = posix.dirname(file);
		counts.set(folder, (counts.get(folder) ?? 0) + 1);
		assert.ok(!posix.basename(file).startsWith(`${posix.basename(folder)}-`), file);
	}
	assert.ok(counts.size > 10, "the folders are found");
	for (const [folder, count] of counts) assert.ok(count <= MOST_FILES, `${folder} has ${count} files`);
});

test("rooms: a folder of the command line is entered through its index.ts only", () => {
	for (const file of files) {
		for (const target of imports(file)) {
			const way = posix.relative(posix.dirname(file), target).split("/");
			const down = way.filter((part) => part !== "..");
			assert.ok(down.length === 1 ? way.length === 1 : down.length === 2 && down[1] === "index.ts", `${file} imports ${target}`);
		}
	}
});

test("rooms: the folders of the command line depend on each other one way only", () => {
	const edges = new Map<string, Set<string>>();
	for (const file of files) {
		const from = posix.dirname(file);
		const to = imports(file).map((target) => posix.dirname(target));
		edges.set(from, new Set([...(edges.get(from) ?? []), ...to.filter((folder) => folder !== from)]));
	}
	const done = new Set<string>();
	function visit(folder: string, path: readonly string[]): void {
		assert.ok(!path.includes(folder), [...path, folder].join(" -> "));
		if (done.has(folder)) return;
		for (const next of edges.get(folder) ?? []) visit(next, [...path, folder]);
		done.add(folder);
	}
	for (const folder of edges.keys()) visit(folder, []);
});
