import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
// @ts-expect-error a script without types
import { offences as findOffences, importProblem, LONG_TEST_FILES, librarySources, longTestFiles, MAX_FILES, MAX_LINES, testSources } from "./layout.mjs";

const root: string = join(import.meta.dirname, "..");
const biome: string = join(dirname(createRequire(import.meta.url).resolve("@biomejs/biome/package.json")), "bin", "biome");

interface Layer {
	readonly forbidden: readonly string[];
	readonly allowed: readonly string[];
}

const lower = ["../wire/frame.ts", "../base/random.ts", "../errors.ts", "../limits.ts"];
const quic = "@conec/quic";
const upper = ["../client/client.ts", "../coordinator/coordinator.ts", "../index.ts", "../cli/main.ts"];

/** Every edge between the floors, seen from a file of each. Files that are named here need not be there. */
const layers: Readonly<Record<string, Layer>> = {
	"packages/conec/src/errors.ts": { forbidden: ["./wire/frame.ts", "./index.ts", "./client/client.ts", "./limits.ts", "node:util"], allowed: [] },
	"packages/conec/src/limits.ts": { forbidden: ["./transport/transport.ts", "./tls/identity.ts", "./base/clock.ts"], allowed: ["./errors.ts"] },
	"packages/conec/src/base/random.ts": {
		forbidden: ["../wire/frame.ts", "../transport/transport.ts", "../tls/identity.ts", "../session/runtime.ts", ...upper, quic],
		allowed: ["node:crypto", "./clock.ts", "../errors.ts", "../limits.ts"],
	},
	"packages/conec/src/wire/frame.ts": {
		forbidden: [
			"node:buffer",
			"node:net",
			"buffer",
			"node:crypto",
			"../stream/message-stream.ts",
			"../tls/identity.ts",
			"../files/file-errors.ts",
			"../index.ts",
			"../../package.json",
		],
		allowed: ["./control.ts", "../base/random.ts", "../errors.ts", "../limits.ts"],
	},
	"packages/conec/src/wire/frame.test.ts": {
		forbidden: ["../stream/message-stream.ts", "../transport/transport.ts", "../client/client.ts"],
		allowed: ["node:test", "fast-check", "./frame.ts", "../errors.ts"],
	},
	"packages/conec/src/stream/message-stream.ts": {
		forbidden: [...upper, quic, "node:stream", "../session/runtime.ts", "./adapters/typed.ts"],
		allowed: [...lower, "../transport/transport.ts", "../tls/identity.ts", "./words.ts", "./adapters/index.ts"],
	},
	"packages/conec/src/stream/message-stream.test.ts": {
		forbidden: upper,
		allowed: [...lower, "./adapters/typed.ts", "../../testing/memory/transport.ts", "node:test"],
	},
	"packages/conec/src/stream/adapters/duplex.ts": {
		forbidden: ["../../session/runtime.ts", "../../index.ts", "node:fs"],
		allowed: ["../message-stream.ts", "../../errors.ts", "node:stream"],
	},
	"packages/conec/src/transport/transport.ts": {
		forbidden: [...upper, quic, "../stream/message-stream.ts", "./quic/transport.ts", "../../testing/memory/transport.ts"],
		allowed: [...lower, "../tls/identity.ts", "./quic/index.ts"],
	},
	"packages/conec/src/transport/quic/transport.ts": {
		forbidden: ["../../client/client.ts", "../../stream/message-stream.ts", "../../index.ts", "ws"],
		allowed: ["../../wire/frame.ts", "../transport.ts", "../../errors.ts", quic],
	},
	"packages/conec/src/tls/identity.ts": {
		forbidden: [...upper, quic, "../transport/transport.ts"],
		allowed: [...lower, "./pins.ts", "../files/file-errors.ts", "node:crypto", "@peculiar/x509"],
	},
	"packages/conec/src/files/file-errors.ts": {
		forbidden: [...upper, quic, "../wire/frame.ts", "../tls/identity.ts", "../stream/message-stream.ts", "../base/random.ts"],
		allowed: ["./other.ts", "../errors.ts", "../limits.ts", "node:fs"],
	},
	"packages/conec/src/session/control-stream.ts": {
		forbidden: [...upper, quic, "node:crypto", "../transport/quic/transport.ts"],
		allowed: [...lower, "../stream/message-stream.ts", "../transport/transport.ts", "../transport/quic/index.ts"],
	},
	"packages/conec/src/client/client.ts": {
		forbidden: ["../index.ts", "../cli/main.ts", quic, "../coordinator/coordinator.ts", "./direct/service.ts", "../coordinator/broadcast/index.ts"],
		allowed: [
			...lower,
			"../session/control-stream.ts",
			"../stream/message-stream.ts",
			"../transport/transport.ts",
			"../tls/identity.ts",
			"./direct/index.ts",
			"./options.ts",
		],
	},
	"packages/conec/src/client/direct/service.ts": {
		forbidden: ["../../coordinator/coordinator.ts", "../channel/channel.ts", "../../stream/adapters/typed.ts", "../../index.ts", "node:fs"],
		allowed: ["./wishes.ts", "../channel/index.ts", "../punch/index.ts", "../../session/runtime.ts", "../../errors.ts"],
	},
	"packages/conec/src/coordinator/coordinator.ts": {
		forbidden: ["../index.ts", "../cli/main.ts", quic, "../client/client.ts", "./broadcast/service.ts"],
		allowed: [...lower, "../stream/message-stream.ts", "../transport/transport.ts", "../tls/identity.ts", "../files/file-errors.ts", "./broadcast/index.ts"],
	},
	"packages/conec/src/index.ts": {
		forbidden: ["./cli/main.ts", quic, "./client/direct/service.ts"],
		allowed: ["./client/client.ts", "./errors.ts", "./stream/adapters/index.ts"],
	},
	"packages/conec/src/cli/main.ts": {
		forbidden: ["../client/client.ts", "../wire/frame.ts", "../transport/quic.ts", "../errors.ts", quic],
		allowed: ["../index.ts", "../files/file-errors.ts", "./args.ts", "node:util"],
	},
	"packages/conec/src/cli/transfer/send-files.ts": {
		forbidden: ["../../client/client.ts", "../../wire/frame.ts", "../../errors.ts", "../connecting/connection.ts"],
		allowed: ["../../index.ts", "../../files/file-errors.ts", "../main.ts", "./protocol.ts", "../connecting/index.ts", "node:fs"],
	},
	"packages/conec/src/cli/commands/send/command.ts": {
		forbidden: ["../../../client/client.ts", "../../../wire/frame.ts", "../../../errors.ts", quic],
		allowed: ["../../../index.ts", "../../../files/file-errors.ts", "../../connecting/index.ts", "./spec.ts", "node:fs"],
	},
};

/** One offence (or none) per file: the rules beside the layers. */
const offences: Readonly<Record<string, readonly [rule: string | undefined, source: string]>> = {
	"packages/conec/src/wire/timer.ts": ["lint/style/noRestrictedGlobals", "setTimeout(() => undefined, 1);\n"],
	"packages/conec/src/client/timer.ts": ["lint/style/noRestrictedGlobals", "setTimeout(() => undefined, 1);\n"],
	"packages/conec/src/session/now.ts": ["lint/style/noRestrictedGlobals", "export const now: number = performance.now();\n"],
	"packages/conec/src/coordinator/random.ts": ["lint/style/noRestrictedGlobals", "export const id: string = crypto.randomUUID();\n"],
	"packages/conec/src/base/clock.ts": [undefined, "setTimeout(() => undefined, performance.now());\n"],
	"packages/conec/src/client/timer.test.ts": [undefined, "setTimeout(() => undefined, 1);\n"],
	"packages/conec/src/cli/timer.ts": ["lint/style/noRestrictedGlobals", "setTimeout(() => undefined, 1);\n"],
	"packages/conec/src/cli/terminal/size.ts": ["lint/style/noRestrictedGlobals", "export const columns: number = process.stdout.columns;\n"],
	"packages/conec/src/cli/process-surroundings.ts": [undefined, "setTimeout(() => process.exit(), 1);\n"],
	"packages/conec/src/stream/noisy.ts": ["lint/suspicious/noConsole", 'console.log("x");\n'],
	"packages/quic/src/noisy.ts": ["lint/suspicious/noConsole", 'console.log("x");\n'],
	"packages/conec/src/cli/talk.ts": [undefined, 'console.log("x");\n'],
	"packages/conec/src/client/floating.ts": ["lint/nursery/noFloatingPromises", "async function work(): Promise<void> {}\nwork();\n"],
	"packages/conec/src/client/misused.ts": [
		"lint/nursery/noMisusedPromises",
		"async function ready(): Promise<boolean> {\n\treturn true;\n}\nexport const answer: number = ready() ? 1 : 0;\n",
	],
	"packages/conec/src/tls/ring-a.ts": ["lint/suspicious/noImportCycles", 'import type { B } from "./ring-b.ts";\nexport type A = B | 1;\n'],
	"packages/conec/src/tls/ring-b.ts": ["lint/suspicious/noImportCycles", 'import type { A } from "./ring-a.ts";\nexport type B = A | 2;\n'],
	"packages/conec/src/stream/any.ts": ["lint/suspicious/noExplicitAny", "export function f(x: any): void {\n\tvoid x;\n}\n"],
	"packages/conec/src/stream/notKebab.ts": ["lint/style/useFilenamingConvention", "export const a: number = 1;\n"],
};

/** The other package has one rule only, which Biome holds. */
const native: Layer = { forbidden: ["conec", "../../conec/src/errors.ts"], allowed: ["./types.ts", "node:module"] };
const nativeFile = "packages/quic/src/endpoint.ts";

let directory = "";
let diagnostics: Diagnostic[] = [];

before(() => {
	directory = mkdtempSync(join(tmpdir(), "conec-layers-"));
	cpSync(join(root, "biome.json"), join(directory, "biome.json"));
	for (const [file, [, source]] of Object.entries(offences)) write(file, source);
	write(nativeFile, [...native.forbidden, ...native.allowed].map((name) => `import ${JSON.stringify(name)};\n`).join(""));
	diagnostics = lint();
});

after(() => {
	rmSync(directory, { recursive: true, force: true });
});

for (const [file, layer] of Object.entries(layers)) {
	test(`layer rule: ${file} may import exactly what its layer allows`, () => {
		const rejected = (names: readonly string[]): string[] => names.filter((name) => importProblem(file.replace("packages/conec/src/", ""), name) !== undefined);
		assert.deepEqual([rejected(layer.forbidden), rejected(layer.allowed)], [layer.forbidden, []]);
	});
}

test(`layer rule: ${nativeFile} may import exactly what its layer allows`, () => {
	const rejected = diagnostics.filter((d) => d.file === nativeFile && d.rule === "lint/style/noRestrictedImports").map((d) => d.line);
	assert.deepEqual(
		[...new Set(rejected)].sort(ascending),
		native.forbidden.map((_, index) => index + 1),
	);
});

test("layout: the library keeps every rule of it", () => assert.deepEqual(findOffences(librarySources(root)), []));

test("layout: what tests share, and the tests of the whole, have files of an idea each, too", () => {
	const sources = testSources(root);
	for (const part of ["packages/conec/testing/memory/connection.ts", "packages/quic/test/held.test.ts", "test/entities-world.ts"])
		assert.ok(part in sources, part);
	assert.deepEqual(longTestFiles(sources), []);
	for (const [file, why] of Object.entries<string>(LONG_TEST_FILES)) assert.ok(why.length > 20, `${file}: why?`);
});

test("layout: a long file of tests is told of, also with an exception that gives no reason, and so is an exception that is none", () => {
	const sources = { "test/a.ts": "\n".repeat(MAX_LINES), "test/b.test.ts": "\n".repeat(MAX_LINES + 1) };
	const told = `test/b.test.ts: ${MAX_LINES + 1} lines, more than ${MAX_LINES}`;
	assert.deepEqual(longTestFiles(sources, {}), [told]);
	assert.deepEqual(longTestFiles(sources, { "test/b.test.ts": "" }), [told]);
	assert.deepEqual(longTestFiles(sources, { "test/b.test.ts": "one table" }), []);
	assert.deepEqual(longTestFiles(sources, { "test/b.test.ts": "one table", "test/a.ts": "it was long" }), [
		`test/a.ts: it is no longer longer than ${MAX_LINES} lines`,
	]);
});

/** A tree with one thing wrong, and what is said of it. */
const planted: readonly (readonly [what: string, sources: Readonly<Record<string, string>>, said: readonly string[]])[] = [
	["nothing wrong", { "client/client.ts": 'import { a } from "./direct/index.ts";\n', "client/direct/index.ts": 'export { a } from "./a.ts";\n' }, []],
	["a higher floor", { "wire/a.ts": 'export { b } from "../session/b.ts";\n' }, ["wire/a.ts: imports ../session/b.ts: wire is pure"]],
	["a higher floor by a type", { "base/a.ts": 'import type { B } from "../session/b.ts";\n' }, ["base/a.ts: imports ../session/b.ts: session is above base"]],
	["a higher floor while it runs", { "tls/a.ts": 'await import("../index.ts");\n' }, ["tls/a.ts: imports ../index.ts: index is above tls"]],
	[
		"the room beside it",
		{ "client/a.ts": 'import "../coordinator/b.ts";\n' },
		["client/a.ts: imports ../coordinator/b.ts: coordinator and client do not know each other"],
	],
	[
		"past the door",
		{ "client/a.ts": 'import "./direct/b.ts";\n' },
		["client/a.ts: imports ./direct/b.ts: client/direct is entered through client/direct/index.ts"],
	],
	[
		"a floor that nobody knows",
		{ "utils/a.ts": "", "client/a.ts": 'import "../utils/a.ts";\n' },
		["client/a.ts: imports ../utils/a.ts: no floor is known for it"],
	],
	[
		"a test's helper",
		{ "client/a.ts": 'import "../../testing/world.ts";\n' },
		["client/a.ts: imports ../../testing/world.ts: only tests use what is made for tests"],
	],
	[
		"the test runner",
		{ "client/a.ts": 'import { test } from "node:test";\n' },
		["client/a.ts: imports node:test: its place is not on the list of those that may use it"],
	],
	["a package that is not listed", { "client/a.ts": 'import "left-pad";\n' }, ["client/a.ts: imports left-pad: it is not on the list of packages"]],
	["its folder's name", { "client/direct/direct-a.ts": "" }, ["client/direct/direct-a.ts: repeats the name of its folder"]],
	["a long file", { "client/a.ts": "\n".repeat(MAX_LINES + 1) }, [`client/a.ts: ${MAX_LINES + 1} lines, more than ${MAX_LINES}`]],
	["a long face", { "client/client.ts": "\n".repeat(251) }, ["client/client.ts: 251 lines, more than 250"]],
	[
		"a full folder",
		Object.fromEntries(Array.from({ length: MAX_FILES + 1 }, (_, i) => [`tls/f${i}.ts`, ""])),
		[`tls: ${MAX_FILES + 1} source files, more than ${MAX_FILES}`],
	],
	[
		"a circle of three rooms",
		{
			"client/direct/index.ts": 'import "../punch/index.ts";\n',
			"client/punch/index.ts": 'import "../network/index.ts";\n',
			"client/network/index.ts": 'import "../direct/index.ts";\n',
		},
		["circle of folders: client/direct -> client/punch -> client/network -> client/direct"],
	],
	[
		"a circle of a folder and one in it",
		{ "client/a.ts": 'import "./direct/index.ts";\n', "client/direct/index.ts": 'import "../a.ts";\n' },
		["circle of folders: client -> client/direct -> client"],
	],
];

for (const [what, sources, said] of planted) {
	test(`layout: a tree with ${what} is ${said.length === 0 ? "as it should be" : "told of"}`, () => assert.deepEqual(findOffences(sources), said));
}

for (const [file, [rule]] of Object.entries(offences)) {
	test(`lint rule: ${file} gives ${rule ?? "no complaint"}`, () => {
		const found = diagnostics.filter((d) => d.file === file).map((d) => d.rule);
		if (rule === undefined) assert.deepEqual(found, []);
		else assert.ok(found.includes(rule), `expected ${rule}, found ${found.join(", ") || "nothing"}`);
	});
}

interface Diagnostic {
	readonly file: string;
	readonly rule: string;
	readonly line: number;
}

function ascending(a: number, b: number): number {
	return a - b;
}

function write(file: string, source: string): void {
	mkdirSync(dirname(join(directory, file)), { recursive: true });
	writeFileSync(join(directory, file), source);
}

function lint(): Diagnostic[] {
	const run = spawnSync(process.execPath, [biome, "lint", "--reporter=json", "--max-diagnostics=none", "."], { cwd: directory, encoding: "utf8" });
	const report: unknown = JSON.parse(run.stdout);
	return (report as { diagnostics: { category: string; location: { path: string; start: { line: number } } }[] }).diagnostics.map((d) => ({
		file: d.location.path.replaceAll("\\", "/").replace(/^\.\//, ""),
		rule: d.category,
		line: d.location.start.line,
	}));
}
