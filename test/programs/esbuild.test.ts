import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type BuildOptions, build, type Format } from "esbuild";
import { type Program, program, said } from "./bundling.ts";

const FORMATS: readonly Format[] = ["esm", "cjs"];

/** An ES module has no `require`, and what was CommonJS in a bundle wants one. */
const META = "import.meta";
/** Not written as one: `npm test` puts the URL of this file in its place. */
const REQUIRE = { js: `import { createRequire } from "node:module"; const require = createRequire(${META}.url);` };

async function bundled({ directory, entry }: Program, format: Format, options: BuildOptions = {}): Promise<string> {
	const outfile = join(directory, "out", format === "esm" ? "program.mjs" : "program.cjs");
	const { warnings } = await build({
		...{ entryPoints: [entry], outfile, format, bundle: true, platform: "node", preserveSymlinks: true, logLevel: "silent" },
		...options,
	});
	// In CommonJS there is no `import.meta`. What is missing without it must be known, and is nothing that a Client or a Coordinator needs.
	assert.deepEqual(
		warnings.map(({ text }) => text),
		[],
	);
	return outfile;
}

for (const format of FORMATS) {
	test(`esbuild, ${format}: with @conec/quic left outside, the bundle runs`, async (t) => {
		const made = await program(t);
		const file = await bundled(made, format, { external: ["@conec/quic"] });
		assert.deepEqual(await said(file), { ok: "alice" });
	});

	test(`esbuild, ${format}: bundled wholly without an addon, it starts, and fails with QUIC_UNAVAILABLE, why and what to do`, async (t) => {
		const made = await program(t);
		const file = await bundled(made, format);
		const { code, message = "" } = await said(file);
		assert.equal(code, "QUIC_UNAVAILABLE");
		assert.match(
			message,
			/a bundler has put @conec\/quic into this program, and the addon is not beside it\. Keep @conec\/quic out of the bundle .*docs\/bundlers\.md/,
		);
		assert.doesNotMatch(message, /Rust|npx/);
		// The other remedy that the message names.
		assert.deepEqual(await said(file, { CONEC_QUIC_NATIVE_PATH: made.addon }), { ok: "alice" });
		await writeFile(join(made.directory, "broken.node"), "not a library");
		const broken = await said(file, { CONEC_QUIC_NATIVE_PATH: join(made.directory, "broken.node") });
		assert.equal(broken.code, "QUIC_UNAVAILABLE");
		assert.match(broken.message ?? "", /broken\.node/);
	});

	test(`esbuild, ${format}: the prebuilt package is seen and copied, and the bundle runs alone`, async (t) => {
		const made = await program(t, { prebuilt: true });
		const file = await bundled(made, format, { loader: { ".node": "copy" }, ...(format === "esm" ? { banner: REQUIRE } : {}) });
		assert.deepEqual(await said(file), { ok: "alice" });
	});
}

test("esbuild: a prebuilt package of which only the name came into the bundle is called that", async (t) => {
	const made = await program(t, { prebuilt: true });
	const { code, message = "" } = await said(await bundled(made, "cjs", { loader: { ".node": "file" } }));
	assert.equal(code, "QUIC_UNAVAILABLE");
	assert.match(message, /a bundler gave its name instead of loading it.*docs\/bundlers\.md/s);
});

/** Runs a bundle three times, each in a realm of its own that is emptied afterwards, as Jest does with its files of tests. */
const REALMS = `
const { readFileSync } = require("node:fs");
const { createContext, runInContext } = require("node:vm");
(async () => {
	const file = process.argv[1].replace("realms.cjs", "program.cjs");
	const lines = [];
	for (let i = 0; i < 3; i++) {
		let context;
		await new Promise((resolve) => {
			// No timers, no Buffer, no TextEncoder: jsdom has others, or none.
			context = createContext({ AbortController, AbortSignal, DOMException, queueMicrotask, performance, URL, process, console: { log: (line) => resolve(lines.push(line)) } });
			const load = runInContext("(function (require, module, exports, __filename, __dirname) {" + readFileSync(file, "utf8") + "\\n})", context);
			load(require, { exports: {} }, {}, file, __dirname);
			setTimeout(() => resolve(lines.push("nothing")), 60_000).unref();
		});
		for (const key of Reflect.ownKeys(context)) delete context[key];
	}
	console.log(JSON.stringify({ ok: lines.map((line) => (line === '{"ok":"alice"}' ? "alice" : line)).join(" ") }));
})();
`;

test("realms: copies of Conec in one thread share its QUIC thread, and need no globals of Node", async (t) => {
	const made = await program(t);
	await bundled(made, "cjs");
	const runner = join(made.directory, "out", "realms.cjs");
	await writeFile(runner, REALMS);
	assert.deepEqual(await said(runner, { CONEC_QUIC_NATIVE_PATH: made.addon }), { ok: "alice alice alice" });
});
