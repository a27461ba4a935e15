/**
 * The TypeScript blocks of the pages as modules: all are compiled together and run in one process, against what is installed.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Block } from "./blocks.ts";
import { ROOT } from "./pages.ts";

/** Inside of the repository, so that "conec" is found as a user's project finds it. */
const folder: string = join(ROOT, ".tmp", "documents");

/** What became of a block: what it printed, and what went wrong. */
export interface Outcome {
	readonly printed: readonly string[];
	readonly error?: string;
}

/** The blocks as one program; `compile` says what TypeScript has against it. */
export function writePrograms(blocks: readonly Block[]): void {
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(folder, { recursive: true });
	for (const file of ["world.ts", "run-blocks.ts"]) copyFileSync(join(ROOT, "test", "documents", file), join(folder, file));
	for (const block of blocks) writeFileSync(join(folder, `${nameOf(block)}.ts`), moduleOf(block));
	const run = blocks.filter(({ notRun }) => notRun === undefined);
	const list = run.map((block) => ({ name: nameOf(block), prints: block.prints, world: WORLD.some((name) => uses(block, name)) }));
	writeFileSync(join(folder, "blocks.json"), JSON.stringify(list));
	const settings = {
		outDir: "out",
		rootDir: ".",
		declaration: false,
		isolatedDeclarations: false,
		noUnusedLocals: false,
		noUnusedParameters: false,
		sourceMap: false,
	};
	writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ extends: "../../tsconfig.base.json", compilerOptions: settings, include: ["*.ts"] }));
}

/** What the compiler says: "" if all is well. */
export function compilePrograms(): string {
	const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
	const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, "-p", folder], { cwd: ROOT, encoding: "utf8" });
	return status === 0 ? "" : `${stdout}${stderr}`;
}

/** Runs them all. The process ends by itself, or it is a failure: something was left open. */
export function runPrograms(): {
	readonly outcomes: ReadonlyMap<string, Outcome>;
	readonly stdout: string;
	readonly stderr: string;
	readonly status: number | null;
} {
	// The runner of tests must not take the process for one of its own, and speaks TAP in every version of Node.
	const { NODE_TEST_CONTEXT: _, ...env } = process.env;
	const { status, stdout, stderr } = spawnSync(process.execPath, ["--test-reporter=tap", join(folder, "out", "run-blocks.js"), folder], {
		cwd: folder,
		encoding: "utf8",
		env,
		timeout: 120_000,
	});
	const marker = stdout.split("\n").find((line) => line.startsWith(OUTCOMES));
	const outcomes = new Map(Object.entries(JSON.parse(marker?.slice(OUTCOMES.length) ?? "{}") as Record<string, Outcome>));
	return { outcomes, stdout, stderr, status };
}

/** The name of a block's module, from its page and line. */
export function nameOf({ page, line }: Block): string {
	return `${page.replace(/\.md$/, "").replaceAll(/\W+/g, "-").toLowerCase()}-${line}`;
}

/** Imports stand at the top; all else is a function, in which names of the block hide those that are given. */
function moduleOf(block: Block): string {
	const { given, text } = block;
	const imports: string[] = [];
	const rest = (code: string): string =>
		code.replaceAll(/^import [\s\S]*?;.*$/gm, (line) => {
			imports.push(line);
			return "";
		});
	const [before, body] = [rest(given), rest(text)];
	return [
		...imports,
		'import type { World } from "./world.ts";',
		"export async function run({ network, coordinator, client, alice, bob, stream, console }: World): Promise<void> {",
		`{ ${before}`,
		`{ ${body}`,
		"} } }",
		"",
	].join("\n");
}

/** Whether a block uses a name from the world, and not one of its own. */
function uses({ given, text }: Block, name: string): boolean {
	const code = `${given}\n${text}`;
	return new RegExp(`(?<![.\\w"'-])${name}\\b(?!["'-])`).test(code) && !/\bCoordinator\.listen\(/.test(text);
}

/** What a world has, see `world.ts`. */
const WORLD: readonly string[] = ["network", "coordinator", "client", "alice", "bob", "stream"];
const OUTCOMES = "outcomes: ";
