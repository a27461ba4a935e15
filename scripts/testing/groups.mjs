// Which files of tests share a process. To start one and to load the library takes most small files longer than their tests take.

import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
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

/** Files elsewhere that share one as well: on virtual time or with real connections, but each test with its own. A file that waits for processes shares with its like. */
const SHARED_FILES = new Map(
	Object.entries({
		"test-memory": [
			...named("test/", "adapters broadcast-memory direct-memory direct-moves protocols-memory resumption-memory virtual-time"),
			...named("test/certificates/", "chain unreadable"),
			...named("test/hostile/", "broadcasts datagrams hello streams"),
		],
		"test-virtual": named(
			"test/",
			"bandwidth-memory channel-upkeep direct-broker entities-memory entities-options held-memory kept-identity moving-streams open-silence opens presence-log write-atomically",
		),
		"test-crowds": named("test/", "control-floods fair-pools held-ids"),
		"test-quic": [
			...named("test/", "address-tokens broadcast-quic channel-upkeep-quic congestion direct-nat-test direct-quic host-names"),
			...named("test/", "leaving priority protocols-quic proxy-slots resumption-quic"),
			...named("test/certificates/", "certificates expiry reload"),
		],
		"test-control": [
			...named("test/", "control-deadline control-table control-table-direct denied-services direct-denied direct-hostile"),
			...named("test/hostile/", "control faults"),
		],
		"test-processes": named("test/", "closing-proof last-words-quic process-ended"),
		"cli-commands": named("test/cli/", "broadcast certs completion coordinator-streams lines links options peers ping-answers strangers usage virtual-time"),
		"cli-transfers": [
			...named("test/cli/", "transfer transfer-content transfer-directories transfer-identical transfer-kinds-processes transfer-max-bytes"),
			...named("test/cli/", "transfer-names transfer-reach transfer-refusals transfer-resume transfer-resume-lies transfer-same-name"),
		],
		"quic-connections": named("packages/quic/test/", "held send-window stream-urgent"),
		"quic-processes": named("packages/quic/test/", "close-and-stop close-behind farewell few-descriptors full-socket key-log stateless-reset"),
		// One or two tests each, which compute next to nothing.
		small: [
			...named("packages/conec/src/", "errors limits"),
			...named("packages/conec/src/files/", "busy-machine file-errors lock-claim"),
			...named("packages/conec/src/transport/", "timed-frames"),
			...named("test/attacks/", "verdict"),
		],
		scripts: named(
			"scripts/",
			"advisories api-reference/api-reference cli-pages layers licences native-constants raw-sources renamed-tests rust-rooms version-floors workflows",
		),
	}).flatMap(([key, members]) => members.map((file) => [file, key])),
);

/** Files that run as their sources, since they load one of them a second time. */
const AS_SOURCE = new Set(["packages/quic/src/native.test.ts"]);

/** The programs to run, in the order of `files`: each of them alone, or where the first of its folder is. Absolute paths. */
export function programs(files) {
	for (const file of [...ALONE, ...SHARED_FILES.keys()]) if (!existsSync(join(root, file))) throw new Error(`Cannot group tests: there is no ${file}`);
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(folder, { recursive: true });
	const groups = new Map();
	for (const file of files) {
		const key = SHARED_FILES.get(file) ?? SHARED.find((start) => file.startsWith(start) && !ALONE.has(file)) ?? file;
		groups.set(key, [...(groups.get(key) ?? []), file]);
	}
	return [...groups].map(([key, members]) => (members.length === 1 ? programOf(members[0]) : together(key, members)));
}

/** Files of tests in a folder, by the words that name them. */
function named(folder, words) {
	return words.split(" ").map((word) => `${folder}${word}.test.ts`);
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
