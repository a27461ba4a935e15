import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { before, type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
// @ts-expect-error a script without types
import { importsOf } from "./layout.mjs";

const root = join(import.meta.dirname, "..");
const importsIn = importsOf as (source: string) => string[];

interface Pack {
	readonly size: number;
	readonly unpackedSize: number;
	readonly files: readonly { readonly path: string; readonly size: number }[];
}

const packages = ["conec", "quic"] as const;
/** What `npm pack` would take of the trees as they are built, without running its scripts. */
const packs: Map<string, Pack> = new Map();

before(() => {
	for (const name of packages) packs.set(name, pack(join(root, "packages", name)));
});

for (const name of packages) {
	test(`tarball: ${name} has no test, no suite and no fixture`, (t) => {
		const { size, unpackedSize, files } = packOf(name);
		t.diagnostic(`${name}: ${files.length} files, ${kib(unpackedSize)} KiB, ${kib(size)} KiB packed`);
		for (const folder of ["dist", "src", "testing"]) {
			const of = files.filter(({ path }) => path.startsWith(`${folder}/`));
			if (of.length > 0) t.diagnostic(`  ${folder}: ${of.length} files, ${kib(of.reduce((sum, file) => sum + file.size, 0))} KiB`);
		}
		assert.deepEqual(pathsOf(name).filter(isForTests), []);
	});

	test(`tarball: no file of ${name} imports the test runner, assertions or what only tests have`, () => {
		const sources = pathsOf(name).filter((path) => /^(dist|src|testing)\/.*\.[jt]s$/.test(path));
		assert.ok(sources.length >= 10 && sources.includes("dist/index.js"), "dist is there: npm run build:dist");
		const found = sources.flatMap((path) => foreignImports(readFileSync(join(root, "packages", name, path), "utf8")).map((target) => `${path}: ${target}`));
		assert.deepEqual(found, []);
	});

	test(`tarball: every import and source map of ${name} leads to a file that is in it`, () => {
		const paths = new Set(pathsOf(name));
		const missing: string[] = [];
		for (const path of paths) {
			if (!/^(dist|src|testing)\//.test(path)) continue;
			const source = readFileSync(join(root, "packages", name, path), "utf8");
			const targets = path.endsWith(".map") ? mapSources(source) : /\.[jt]s$/.test(path) ? importsIn(source).filter((target) => /^[.#]/.test(target)) : [];
			for (const target of targets) if (!candidates(path, target).some((file) => paths.has(file))) missing.push(`${path}: ${target}`);
		}
		assert.deepEqual(missing, []);
	});
}

test("tarball: a test, a suite, a fixture and their imports would be found", () => {
	for (const path of [
		"dist/a.test.js",
		"src/x/transport-suite.ts",
		"testing/broadcast-fixture.ts",
		"testing/walk/run.ts",
		"testing/world.ts",
		"dist/testing/identities.js",
		"test/a.ts",
	])
		assert.ok(isForTests(path), path);
	for (const path of ["dist/session/nat-test-keys.js", "testing/index.ts", "dist/testing/network/identities.js", "testing/memory/flow.ts"])
		assert.ok(!isForTests(path), path);
	assert.deepEqual(
		foreignImports('import { test } from "node:test";\nimport a from "node:assert/strict";\nimport fc from "fast-check";\nimport "node:net";\n'),
		["node:test", "node:assert/strict", "fast-check"],
	);
});

test("tarball: what conec/testing loads needs neither the test runner nor the addon", () => {
	const paths = new Set(pathsOf("conec"));
	const loaded = new Set<string>(["dist/testing/index.js"]);
	const others = new Set<string>();
	for (const path of loaded) {
		const source = readFileSync(join(root, "packages/conec", path), "utf8");
		// What is imported while it runs is loaded only by those who ask for it.
		for (const target of importsIn(source.replaceAll(/\bimport\(/g, "later("))) {
			const file = candidates(path, target).find((candidate) => paths.has(candidate));
			if (file === undefined) others.add(target);
			else loaded.add(file);
		}
	}
	assert.ok(loaded.size >= 2, "it shares the library with dist/index.js");
	assert.deepEqual(
		[...others].filter((target) => !target.startsWith("node:") || /^node:(test|assert)/.test(target)),
		[],
	);
});

test("tarball: what is exported has its own name, for inspect and for traces", async () => {
	let classes = 0;
	for (const file of ["conec/dist/index.js", "conec/dist/testing/index.js", "quic/dist/index.js"]) {
		const exported = (await import(pathToFileURL(join(root, "packages", file)).href)) as Record<string, unknown>;
		for (const [name, value] of Object.entries(exported)) {
			if (typeof value !== "function") continue;
			classes++;
			assert.equal(value.name, name, file);
		}
	}
	assert.ok(classes > 10);
});

test("tarball: installed without the addon, conec/testing works and Client.connect says what is missing", { timeout: 300_000 }, (t) => {
	const directory = install(t);
	writeFileSync(join(directory, "program.mjs"), PROGRAM);
	const output = execFileSync(process.execPath, ["program.mjs"], { cwd: directory, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
	assert.equal(output, "bob hears hello\nthe addon: QUIC_UNAVAILABLE\n");
});

test("tarball: a TypeScript program finds the types of conec/testing", { timeout: 300_000 }, (t) => {
	const directory = install(t);
	writeFileSync(join(directory, "program.ts"), TYPED);
	writeFileSync(
		join(directory, "tsconfig.json"),
		JSON.stringify({
			compilerOptions: {
				strict: true,
				module: "nodenext",
				target: "es2023",
				lib: ["es2023", "esnext.disposable"],
				noEmit: true,
				types: ["node"],
				skipLibCheck: true,
			},
		}),
	);
	symlinkSync(join(root, "node_modules/@types"), join(directory, "node_modules/@types"), "junction");
	const { status, stdout } = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", directory], { encoding: "utf8" });
	assert.deepEqual({ status, stdout }, { status: 0, stdout: "" });
});

const PROGRAM = `
import { Client } from "conec";
import { createTestNetwork } from "conec/testing";
const network = createTestNetwork({ delayMs: 10 });
await network.listen();
const [alice, bob] = [await network.connect({ id: "alice" }), await network.connect({ id: "bob" })];
const stream = await alice.openStream("bob");
await stream.send("hello");
for await (const incoming of bob.incomingStreams) {
	console.log("bob hears", new TextDecoder().decode(await incoming.receive()));
	break;
}
await network.close();
await Client.connect({ id: "alice", coordinator: "localhost:1" }).catch((error) => console.log("the addon:", error.code));
`;

const TYPED = `
import { type Client, Coordinator } from "conec";
import { createTestNetwork, type TestClientOptions } from "conec/testing";
const network = createTestNetwork({ time: "manual" });
const coordinator: Coordinator = await network.listen({ clientCa: [] });
const options: TestClientOptions = { id: "alice" };
const client: Client = await network.connect(options);
const streams: number = coordinator.clients()[0]?.streams ?? 0;
// @ts-expect-error it is kept nowhere
await network.listen({ stateDirectory: "/tmp" });
export { client, streams };
`;

/** A directory in which both tarballs are installed as npm would, but nothing is built. What they depend on comes from here, so no registry is asked. */
function install(t: TestContext): string {
	const directory = mkdtempSync(join(tmpdir(), "conec-tarball-"));
	t.after(() => rmSync(directory, { recursive: true, force: true }));
	writeFileSync(join(directory, "package.json"), '{ "private": true, "type": "module" }\n');
	for (const name of packages) {
		const { name: as, dependencies = {} } = JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8")) as {
			name: string;
			dependencies?: Record<string, string>;
		};
		for (const path of pathsOf(name)) {
			const to = join(directory, "node_modules", as, path);
			mkdirSync(dirname(to), { recursive: true });
			cpSync(join(root, "packages", name, path), to);
		}
		for (const dependency of Object.keys(dependencies).filter((one) => one !== "@conec/quic")) {
			const to = join(directory, "node_modules", dependency);
			mkdirSync(dirname(to), { recursive: true });
			symlinkSync(nearest(name, dependency), to, "junction");
		}
	}
	return directory;
}

function nearest(name: string, dependency: string): string {
	const own = join(root, "packages", name, "node_modules", dependency);
	return existsSync(own) ? own : join(root, "node_modules", dependency);
}

/** Whether a file of a tarball is for our tests. Of `testing`, only the public network is for others. */
function isForTests(path: string): boolean {
	if (/\.test\.|(^|[/-])(suite|fixture)\b|tsconfig|^tests?\//.test(path)) return true;
	return /^(dist\/)?testing\//.test(path) && !/^(dist\/)?testing\/(index\.|memory\/|network\/)/.test(path);
}

function foreignImports(source: string): string[] {
	return importsIn(source).filter((target) => /^(node:)?(test|assert)(\/|$)|^fast-check$/.test(target));
}

/** Which files an import or a source map may mean, from where it stands. */
function candidates(path: string, target: string): string[] {
	if (target.startsWith("#conec/")) return [`dist/${target.slice(7)}.js`, `src/${target.slice(7)}.ts`];
	const file = join(dirname(path), target).replaceAll("\\", "/");
	return [file, file.replace(/\.ts$/, ".d.ts"), file.replace(/\.js$/, ".d.ts")];
}

function mapSources(map: string): string[] {
	// Null stands for what is in no package: the imports of Node's globals.
	return (JSON.parse(map) as { sources: (string | null)[] }).sources.filter((source) => source !== null);
}

function packOf(name: string): Pack {
	const found = packs.get(name);
	assert.ok(found !== undefined);
	return found;
}

function pathsOf(name: string): string[] {
	return packOf(name).files.map(({ path }) => path);
}

function pack(directory: string): Pack {
	const output = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
		cwd: directory,
		encoding: "utf8",
		stdio: ["ignore", "pipe", "ignore"],
		shell: process.platform === "win32",
	});
	const [first] = JSON.parse(output) as Pack[];
	assert.ok(first !== undefined);
	return first;
}

function kib(bytes: number): number {
	return Math.round(bytes / 1_024);
}
