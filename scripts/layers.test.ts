import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";

const root: string = join(import.meta.dirname, "..");
const biome: string = join(dirname(createRequire(import.meta.url).resolve("@biomejs/biome/package.json")), "bin", "biome");

interface Layer {
	readonly forbidden: readonly string[];
	readonly allowed: readonly string[];
}

const lower = ["node:crypto", "../wire/frame.ts", "../base/random.ts", "../errors.ts", "../options.ts"];
const quic = "@conec/quic";
const upper = ["../client/client.ts", "../coordinator/coordinator.ts", "../index.ts", "../cli/main.ts"];

/** Every edge of `cli -> index -> {client, coordinator} -> entity -> {stream, transport, tls} -> {wire, base} -> {options, errors}`, seen from a file of each layer. */
const layers: Readonly<Record<string, Layer>> = {
	"packages/conec/src/errors.ts": { forbidden: ["./wire/frame.ts", "./index.ts", "./client/client.ts"], allowed: ["node:util"] },
	"packages/conec/src/options.ts": { forbidden: ["./transport/transport.ts", "./tls/identity.ts"], allowed: ["./errors.ts"] },
	"packages/conec/src/base/random.ts": {
		forbidden: ["../wire/frame.ts", "../transport/transport.ts", "../tls/identity.ts", "../entity/runtime.ts", ...upper, quic],
		allowed: ["node:crypto", "./clock.ts", "../errors.ts", "../options.ts"],
	},
	"packages/conec/src/wire/frame.ts": {
		forbidden: [
			"node:buffer",
			"node:net",
			"buffer",
			"../base/random.ts",
			"../stream/message-stream.ts",
			"../tls/identity.ts",
			"../index.ts",
			"../../package.json",
		],
		allowed: ["./control.ts", "../errors.ts", "../options.ts"],
	},
	"packages/conec/src/wire/frame.test.ts": {
		forbidden: ["../stream/message-stream.ts", "../transport/memory.ts", "../client/client.ts"],
		allowed: ["node:test", "fast-check", "./frame.ts", "../errors.ts"],
	},
	"packages/conec/src/stream/message-stream.ts": {
		forbidden: [...upper, quic, "../files/file-errors.ts"],
		allowed: [...lower, "../transport/transport.ts", "./codec.ts"],
	},
	"packages/conec/src/stream/message-stream.test.ts": { forbidden: upper, allowed: [...lower, "../transport/memory.ts", "node:test"] },
	"packages/conec/src/transport/quic.ts": { forbidden: upper, allowed: [...lower, "./transport.ts", quic] },
	"packages/conec/src/tls/identity.ts": { forbidden: [...upper, quic], allowed: [...lower, "./pins.ts", "../files/file-errors.ts"] },
	"packages/conec/src/files/file-errors.ts": {
		forbidden: [...upper, quic, "../wire/frame.ts", "../tls/identity.ts", "../stream/message-stream.ts"],
		allowed: ["./other.ts", "../errors.ts", "../options.ts", "node:fs"],
	},
	"packages/conec/src/entity/control-channel.ts": {
		forbidden: [...upper, quic],
		allowed: [...lower, "../stream/message-stream.ts", "../transport/transport.ts"],
	},
	"packages/conec/src/client/client.ts": {
		forbidden: ["../index.ts", "../cli/main.ts", quic],
		allowed: [...lower, "../entity/control-channel.ts", "../stream/message-stream.ts", "../transport/transport.ts", "../tls/identity.ts"],
	},
	"packages/conec/src/coordinator/coordinator.ts": {
		forbidden: ["../index.ts", "../cli/main.ts", quic],
		allowed: [...lower, "../stream/message-stream.ts", "../transport/transport.ts", "../tls/identity.ts", "../files/file-errors.ts"],
	},
	"packages/conec/src/index.ts": { forbidden: ["./cli/main.ts", quic], allowed: ["./client/client.ts", "./errors.ts", "./stream/codec.ts"] },
	"packages/conec/src/cli/main.ts": {
		forbidden: ["../client/client.ts", "../wire/frame.ts", "../transport/quic.ts", "../errors.ts", quic],
		allowed: ["../index.ts", "../files/file-errors.ts", "./args.ts", "node:util"],
	},
	"packages/conec/src/cli/transfer/send-files.ts": {
		forbidden: ["../../client/client.ts", "../../wire/frame.ts", "../../errors.ts"],
		allowed: ["../../index.ts", "../../files/file-errors.ts", "../main.ts", "./protocol.ts", "node:fs"],
	},
	"packages/conec/src/cli/commands/send/command.ts": {
		forbidden: ["../../../client/client.ts", "../../../wire/frame.ts", "../../../errors.ts", quic],
		allowed: ["../../../index.ts", "../../../files/file-errors.ts", "../../connecting/index.ts", "./spec.ts", "node:fs"],
	},
	"packages/quic/src/endpoint.ts": { forbidden: ["conec", "../../conec/src/errors.ts"], allowed: ["./types.ts", "node:module"] },
};

/** One offence (or none) per file: the rules beside the layers. */
const offences: Readonly<Record<string, readonly [rule: string | undefined, source: string]>> = {
	"packages/conec/src/wire/timer.ts": ["lint/style/noRestrictedGlobals", "setTimeout(() => undefined, 1);\n"],
	"packages/conec/src/client/timer.ts": ["lint/style/noRestrictedGlobals", "setTimeout(() => undefined, 1);\n"],
	"packages/conec/src/entity/now.ts": ["lint/style/noRestrictedGlobals", "export const now: number = performance.now();\n"],
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

let directory = "";
let diagnostics: Diagnostic[] = [];

before(() => {
	directory = mkdtempSync(join(tmpdir(), "conec-layers-"));
	cpSync(join(root, "biome.json"), join(directory, "biome.json"));
	for (const [file, layer] of Object.entries(layers))
		write(file, [...layer.forbidden, ...layer.allowed].map((name) => `import ${JSON.stringify(name)};\n`).join(""));
	for (const [file, [, source]] of Object.entries(offences)) write(file, source);
	diagnostics = lint();
});

after(() => {
	rmSync(directory, { recursive: true, force: true });
});

for (const [file, layer] of Object.entries(layers)) {
	test(`layer rule: ${file} may import exactly what its layer allows`, () => {
		const rejected = diagnostics.filter((d) => d.file === file && d.rule === "lint/style/noRestrictedImports").map((d) => d.line);
		const expected = layer.forbidden.map((_, index) => index + 1);
		assert.deepEqual([...new Set(rejected)].sort(ascending), expected);
	});
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

function ascending(a: number, b: number): number {
	return a - b;
}
