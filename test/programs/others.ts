/**
 * Conec in programs of others: webpack, Vite, Jest. `npm run test:programs` installs these first, and runs this file.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { type Program, program, said } from "./bundling.ts";

/** Where `scripts/test-programs.mjs` has installed the tools. */
const TOOLS = process.env["CONEC_TEST_PROGRAMS"] ?? "";
const fromTools = createRequire(join(TOOLS, "package.json"));

const BUNDLED = /a bundler has put @conec\/quic into this program.*Keep @conec\/quic out of the bundle.*docs\/bundlers\.md/s;

type Webpack = (config: object, done: (error: Error | null, stats: { hasErrors(): boolean; toString(): string } | undefined) => void) => void;

/** As in docs/bundlers.md. */
async function webpacked({ directory, entry }: Program, config: object): Promise<string> {
	const webpack = fromTools("webpack") as Webpack;
	const base = {
		...{ mode: "production", target: "node20", context: directory, entry, resolve: { symlinks: false } },
		...{ resolveLoader: { modules: [join(TOOLS, "node_modules")] } },
		...{ experiments: { outputModule: true }, output: { path: join(directory, "out"), filename: "program.mjs", module: true } },
	};
	await new Promise<void>((resolve, reject) =>
		webpack({ ...base, ...config }, (error, stats) => {
			if (error !== null) reject(error);
			else if (stats?.hasErrors()) reject(new Error(stats.toString()));
			else resolve();
		}),
	);
	return join(directory, "out", "program.mjs");
}

test("webpack: with @conec/quic left outside, the bundle runs", async (t) => {
	const file = await webpacked(await program(t), { externals: { "@conec/quic": "module @conec/quic" } });
	assert.deepEqual(await said(file), { ok: "alice" });
});

test("webpack: bundled wholly without an addon, it starts, and fails with QUIC_UNAVAILABLE, why and what to do", async (t) => {
	const made = await program(t);
	const file = await webpacked(made, {});
	const { code, message = "" } = await said(file);
	assert.equal(code, "QUIC_UNAVAILABLE");
	assert.match(message, BUNDLED);
	assert.deepEqual(await said(file, { CONEC_QUIC_NATIVE_PATH: made.addon }), { ok: "alice" });
});

test("webpack: with node-loader the prebuilt package comes into the bundle", async (t) => {
	const made = await program(t, { prebuilt: true });
	// What node-loader writes is CommonJS.
	const commonjs = { experiments: {}, output: { path: join(made.directory, "out"), filename: "program.cjs" } };
	await webpacked(made, { ...commonjs, node: { __dirname: false }, module: { rules: [{ test: /\.node$/, loader: "node-loader" }] } });
	assert.deepEqual(await said(join(made.directory, "out", "program.cjs")), { ok: "alice" });
});

async function vited({ directory, entry }: Program, ssr: object): Promise<string> {
	const { build } = (await import(pathToFileURL(join(TOOLS, "node_modules", "vite", "dist", "node", "index.js")).href)) as {
		build(config: object): Promise<unknown>;
	};
	await build({ root: directory, logLevel: "error", configFile: false, resolve: { preserveSymlinks: true }, ssr, build: { ssr: entry, outDir: "out" } });
	const [file] = (await readdir(join(directory, "out"))).filter((name) => /^program\.m?js$/.test(name));
	return join(directory, "out", file ?? "nothing");
}

test("Vite: a build for servers leaves packages outside by itself, and runs", async (t) => {
	assert.deepEqual(await said(await vited(await program(t), {})), { ok: "alice" });
});

test("Vite: with everything but @conec/quic in the bundle, it runs", async (t) => {
	assert.deepEqual(await said(await vited(await program(t), { noExternal: true, external: ["@conec/quic"] })), { ok: "alice" });
});

test("Vite: bundled wholly, it starts, and fails with QUIC_UNAVAILABLE, why and what to do", async (t) => {
	const made = await program(t);
	const file = await vited(made, { noExternal: true });
	const { code, message = "" } = await said(file);
	assert.equal(code, "QUIC_UNAVAILABLE");
	assert.match(message, BUNDLED);
	assert.deepEqual(await said(file, { CONEC_QUIC_NATIVE_PATH: made.addon }), { ok: "alice" });
});

const JEST_TEST = `
import { Client, Coordinator } from "conec";
test("talk", async () => {
	const coordinator = await Coordinator.listen({ port: 0, host: "127.0.0.1" });
	const { signal } = new AbortController();
	const options = { coordinator: "127.0.0.1:" + coordinator.address.port, pin: coordinator.fingerprint, signal, metadata: { list: [1] } };
	const echo = async (stream) => { for await (const message of stream) await stream.send(message); };
	const [alice, bob] = await Promise.all(["alice", "bob"].map((id) => Client.connect({ id, ...options, handlers: { echo } })));
	const stream = await alice.openStream("bob", { protocol: "echo", signal });
	await stream.send(new Uint8Array([1, 2, 3]), { signal });
	expect(Array.from(await stream.receive({ signal }))).toEqual([1, 2, 3]);
	expect((await alice.peers()).map(({ metadata }) => metadata)).toEqual([{ list: [1] }, { list: [1] }]);
	await Promise.all([alice.close(), bob.close()]);
	await coordinator.close();
	// What Jest may empty when the file is over.
	globalThis.kept = { alice, bob, coordinator };
});
`;

for (const environment of ["node", "jsdom"]) {
	for (const globalsCleanup of ["on", "soft", "off"]) {
		test(`Jest: files of tests in one process, environment ${environment}, globalsCleanup ${globalsCleanup}`, async (t) => {
			const { directory } = await program(t);
			await mkdir(join(directory, "tests"));
			for (const name of ["one", "two", "three"]) await writeFile(join(directory, "tests", `${name}.test.mjs`), JEST_TEST);
			if (environment === "jsdom")
				await symlink(join(TOOLS, "node_modules", "jest-environment-jsdom"), join(directory, "node_modules", "jest-environment-jsdom"), "junction");
			const config = {
				...{ rootDir: directory, testMatch: ["<rootDir>/tests/*.test.mjs"], transform: {}, moduleFileExtensions: ["mjs", "js", "cjs", "json", "node"] },
				...{
					testEnvironment: environment,
					testEnvironmentOptions: { globalsCleanup },
					haste: { enableSymlinks: false },
					cacheDirectory: join(directory, "cache"),
				},
			};
			await writeFile(join(directory, "jest.json"), JSON.stringify(config));
			const jest = fromTools.resolve("jest/bin/jest");
			const run = spawnSync(process.execPath, ["--experimental-vm-modules", jest, "--runInBand", "--config", join(directory, "jest.json")], {
				encoding: "utf8",
				timeout: 120_000,
			});
			assert.equal(run.status, 0, run.stdout + run.stderr);
			assert.match(run.stderr, /Tests: +3 passed, 3 total/);
		});
	}
}
