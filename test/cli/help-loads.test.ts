/** Help is quick because it loads nothing that it does not need. Counted, not timed. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { COMMANDS } from "../../packages/conec/src/cli/commands/index.ts";
import { folder } from "./harness.ts";
import { main } from "./running.ts";

const MAIN = main();
const DIST = pathToFileURL(MAIN).href.replace(/cli\/main\.js$/, "");

/** What every help loads: the command line, its words and its output. */
const NEEDED = [
	...["main.ts", "run.ts", "process-surroundings.ts", "commands/index.ts", ...Object.keys(COMMANDS).map((name) => `commands/${name}/index.ts`)],
	...["index", "arguments", "connection-options", "help", "path-options", "spec", "suggestion", "values", "wrap"].map((name) => `command-line/${name}.ts`),
	...["outcome/index.ts", "outcome/cli-error.ts", "outcome/exit-codes.ts", "text/index.ts", "text/log-levels.ts", "text/printable.ts", "text/shell-word.ts"],
	...[
		"surroundings/index.ts",
		"surroundings/clock.ts",
		"surroundings/foreground.ts",
		"surroundings/standard-sink.ts",
		"../files/file-errors.ts",
		"../files/process-identity.ts",
	],
]
	.map((path) => posix.join("cli", path))
	.sort();

/** Runs `conec` and returns the modules that it has loaded, without Node's own. */
function loaded(log: string, args: readonly string[]): { readonly modules: string[]; readonly status: number | null; readonly stderr: string } {
	const hooks = `import { appendFileSync } from "node:fs";
		export async function load(url, context, next) { appendFileSync(${JSON.stringify(log)}, url + "\\n"); return next(url, context); }`;
	const register = `import { register } from "node:module"; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)});`;
	const { status, stderr } = spawnSync(process.execPath, ["--import", `data:text/javascript,${encodeURIComponent(register)}`, MAIN, ...args], {
		encoding: "utf8",
	});
	const urls = readFileSync(log, "utf8").trimEnd().split("\n");
	const modules = urls.map((url) => url.replace(/\?.*/, "")).filter((url) => !url.startsWith("node:") && !url.startsWith("data:"));
	return { modules: [...new Set(modules.flatMap(sourcesOf))].sort(), status, stderr };
}

/** The sources that a file of dist was joined from, as its map says; anything else is itself. */
function sourcesOf(url: string): string[] {
	if (!url.startsWith(DIST)) return [url];
	const { sources } = JSON.parse(readFileSync(`${fileURLToPath(url)}.map`, "utf8")) as { sources: (string | null)[] };
	// What the build adds has no source in the package.
	return sources.filter((source) => source !== null).map((source) => source.replace(/^(\.\.\/)+src\//, ""));
}

test("help: that of a command loads what the command takes, and nothing of what it does", async (t) => {
	const made = await folder(t);
	for (const name of Object.keys(COMMANDS)) {
		const { modules, status, stderr } = loaded(join(made, name), [name, "--help"]);
		assert.equal(status, 0, stderr);
		const spec = `cli/commands/${name}/spec.ts`;
		assert.ok(modules.includes(spec) && modules.includes("cli/run.ts"), modules.join("\n"));
		assert.deepEqual(
			modules.filter((module) => module !== spec && !NEEDED.includes(module)),
			[],
			name,
		);
	}
});

test("help: the overview and the version load no command at all", async (t) => {
	const made = await folder(t);
	for (const argument of ["--help", "--version", "help", "-V"]) {
		const { modules, status, stderr } = loaded(join(made, argument), [argument]);
		assert.equal(status, 0, stderr);
		assert.ok(modules.includes("cli/run.ts"));
		assert.deepEqual(
			modules.filter((module) => !NEEDED.includes(module)),
			[],
		);
	}
});

test("help: a command that runs loads the library, so that the test would see it", async (t) => {
	const { modules } = loaded(join(await folder(t), "log"), ["peers", "--coordinator", "nowhere.invalid", "--cert", "none", "--key", "none"]);
	assert.ok(modules.includes("client/client.ts"), modules.join("\n"));
});
