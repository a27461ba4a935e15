import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";

const root: string = join(import.meta.dirname, "..");
const folder = ".github/workflows";
const files: readonly string[] = [...readdirSync(join(root, folder)).map((name) => `${folder}/${name}`), ".ci/run"];
const { PREBUILT } = createRequire(import.meta.url)("../packages/quic/native/target.cjs") as { PREBUILT: Record<string, unknown> };
const { scripts } = JSON.parse(text("package.json")) as { scripts: Record<string, string> };

for (const file of files) {
	test(`workflows: what ${file} starts is there`, () => {
		const commands = commandsOf(text(file));
		assert.ok(commands.scripts.length + commands.paths.length > 0, "it starts something of this repository");
		assert.deepEqual(missing(commands), []);
	});
}

test("workflows: a script or a file that is not there would be found", () => {
	const commands = commandsOf(
		"run: npm run --silent nothing -- --a\nrun: node packages/quic/scripts/none.mjs status\nrun: .ci/walk\nrun: (npm test) && node scripts/test.mjs\nx: npm run check\n",
	);
	assert.deepEqual(missing(commands), ["npm run nothing", "packages/quic/scripts/none.mjs", ".ci/walk"]);
});

test("workflows: the release builds every target that has a package, and no other", () => {
	const targets = [...text(`${folder}/prebuilds.yml`).matchAll(/^ +- \{ target: ([\w-]+),/gm)].map((match) => match[1] ?? "");
	assert.deepEqual(targets.sort(), Object.keys(PREBUILT).sort());
});

test("workflows: CI runs every version of Node that is promised", () => {
	const ci = text(`${folder}/ci.yml`);
	const versions = new Set([...ci.matchAll(/node(?:-version)?: "(\d+)/g)].map((match) => match[1]));
	assert.deepEqual([...versions].sort(), ["20", "22", "24", "26"]);
});

interface Commands {
	readonly scripts: readonly string[];
	readonly paths: readonly string[];
}

/** What a workflow or a shell script starts of this repository. */
function commandsOf(source: string): Commands {
	const named = [...source.matchAll(/\bnpm (?:run (?:--silent )?([\w:-]+)|(test)\b)/g)].map((match) => match[1] ?? match[2] ?? "");
	const paths = [...source.matchAll(/(?:\bnode |\bsh |run: )((?:packages|scripts|\.ci)\/[\w./-]+)/g)].map((match) => match[1] ?? "");
	return { scripts: named, paths };
}

function missing(commands: Commands): string[] {
	return [
		...commands.scripts.filter((name) => !(name in scripts)).map((name) => `npm run ${name}`),
		...commands.paths.filter((path) => !existsSync(join(root, path))),
	];
}

function text(file: string): string {
	return readFileSync(join(root, file), "utf8");
}
