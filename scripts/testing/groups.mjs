// Which files of tests share a process. To start one and to load the library takes most small files longer than their tests take.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { compiledFile } from "./compile.mjs";

const folder = join(import.meta.dirname, "..", "..", ".tmp", "groups");

/**
 * Files below one of these folders share a process. Their tests run one after another, as in a file: none leaves anything behind that another might see.
 * The folders hold what is pure, or on virtual time, or on a network in memory.
 */
const SHARED = [
	"bench/",
	"packages/conec/src/base/",
	"packages/conec/src/cli/",
	"packages/conec/src/client/",
	"packages/conec/src/coordinator/admission/",
	"packages/conec/src/coordinator/broadcast/",
	"packages/conec/src/coordinator/",
	"packages/conec/src/session/",
	"packages/conec/src/stream/",
	"packages/conec/src/tls/",
	"packages/conec/src/wire/",
	"packages/conec/src/",
	"packages/conec/testing/",
];

/** Files in such a folder that need a process for themselves, and why. */
const ALONE = new Map([]);

/** The programs to run, in the order of `files`: each of them alone, or where the first of its folder is. Absolute paths. */
export function programs(files) {
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(folder, { recursive: true });
	const groups = new Map();
	for (const file of files) {
		const key = ALONE.has(file) ? file : (SHARED.find((start) => file.startsWith(start)) ?? file);
		groups.set(key, [...(groups.get(key) ?? []), file]);
	}
	return [...groups].map(([key, members]) => (members.length === 1 ? compiledFile(members[0]) : together(key, members)));
}

/** A program that has the tests of all of them. */
function together(key, files) {
	const path = join(folder, `${key.replace(/\/$/, "").replaceAll("/", "-")}.test.mjs`);
	writeFileSync(path, files.map((file) => `import ${JSON.stringify(pathToFileURL(compiledFile(file)).href)};\n`).join(""));
	return path;
}
