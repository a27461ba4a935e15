// Which files of tests share a process. To start one and to load the library takes most small files longer than their tests take.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { compiledFile } from "./compile.mjs";

const root = join(import.meta.dirname, "..", "..");
const folder = join(root, ".tmp", "groups");

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
	"packages/conec/testing/",
	// Real connections, but short ones, and each test has its own.
	"packages/quic/src/",
	"test/nat/report/",
	"test/nat/survive/",
	// These start processes of their own; what runs in this one is short.
	"test/documents/",
];

/**
 * Files of those folders that share none. Elsewhere every file is alone that is not named here: such tests count what a process holds, end it, send signals to it, or wait
 * so long for a real clock that nothing should wait behind them.
 */
const ALONE = new Set([
	// Replaces what the process does with an error that nobody has caught.
	"packages/quic/src/environment.test.ts",
	// Loads the addon another time.
	"packages/quic/src/native.test.ts",
]);

/** Files elsewhere, of that kind, that share one as well. */
const SHARED_FILES = new Map(
	Object.entries({
		"test-memory": [
			"test/adapters.test.ts",
			"test/broadcast-memory.test.ts",
			"test/direct-memory.test.ts",
			"test/direct-moves.test.ts",
			"test/protocols-memory.test.ts",
			"test/resumption-memory.test.ts",
			"test/virtual-time.test.ts",
			"test/certificates/chain.test.ts",
			"test/certificates/unreadable.test.ts",
			"test/hostile/broadcasts.test.ts",
			"test/hostile/datagrams.test.ts",
			"test/hostile/hello.test.ts",
			"test/hostile/streams.test.ts",
		],
		// One or two tests each, which compute next to nothing.
		small: [
			"packages/conec/src/errors.test.ts",
			"packages/conec/src/limits.test.ts",
			"packages/conec/src/files/busy-machine.test.ts",
			"packages/conec/src/files/file-errors.test.ts",
			"packages/conec/src/files/lock-claim.test.ts",
			"packages/conec/src/transport/timed-frames.test.ts",
		],
		scripts: [
			"advisories",
			"api-reference/api-reference",
			"cli-pages",
			"layers",
			"licences",
			"native-constants",
			"raw-sources",
			"rust-rooms",
			"version-floors",
			"workflows",
		].map((name) => `scripts/${name}.test.ts`),
	}).flatMap(([key, members]) => members.map((file) => [file, key])),
);

/** Files that run as their sources, since they load one of them a second time. */
const AS_SOURCE = new Set(["packages/quic/src/native.test.ts"]);

/** The programs to run, in the order of `files`: each of them alone, or where the first of its folder is. Absolute paths. */
export function programs(files) {
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(folder, { recursive: true });
	const groups = new Map();
	for (const file of files) {
		const key = SHARED_FILES.get(file) ?? SHARED.find((start) => file.startsWith(start) && !ALONE.has(file)) ?? file;
		groups.set(key, [...(groups.get(key) ?? []), file]);
	}
	return [...groups].map(([key, members]) => (members.length === 1 ? programOf(members[0]) : together(key, members)));
}

function programOf(file) {
	return AS_SOURCE.has(file) ? join(root, file) : compiledFile(file);
}

/** A program that has the tests of all of them. */
function together(key, files) {
	const path = join(folder, `${key.replace(/\/$/, "").replaceAll("/", "-")}.test.mjs`);
	const importOf = (file) => `import ${JSON.stringify(relative(folder, programOf(file)).split(sep).join("/"))};\n`;
	writeFileSync(path, files.map(importOf).join(""));
	return path;
}
