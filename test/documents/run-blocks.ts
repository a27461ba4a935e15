/**
 * Runs the compiled blocks of the pages, all in one process, and prints what became of them. Its argument is the folder with the list.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { consoleOf, createWorld, type World } from "./world.ts";

/** Of the machine's time, for each block. */
const LONGEST_MS = 20_000;

interface Listed {
	readonly name: string;
	readonly prints?: readonly string[];
	/** Whether it uses what is in a world. A whole program does not. */
	readonly world: boolean;
}

const folder = process.argv[2] as string;
const list: readonly Listed[] = JSON.parse(readFileSync(join(folder, "blocks.json"), "utf8"));
const outcomes: Record<string, { printed: string[]; error?: string }> = {};

for (const listed of list) {
	const printed: string[] = [];
	outcomes[listed.name] = { printed };
	try {
		await runBlock(listed, printed);
	} catch (error) {
		outcomes[listed.name] = { printed, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
	}
}
console.log(`outcomes: ${JSON.stringify(outcomes)}`);

/** Resolves when the block has ended, or has printed all that it should. */
async function runBlock({ name, prints, world: needed }: Listed, printed: string[]): Promise<void> {
	const module: { run(world: Partial<World>): Promise<void> } = await import(pathToFileURL(join(folder, "out", `${name}.js`)).href);
	let enough: () => void = () => undefined;
	const printedAll = new Promise<void>((resolve) => {
		enough = resolve;
	});
	const print = (text: string): void => {
		printed.push(...text.split("\n"));
		if (prints !== undefined && printed.length >= prints.length) enough();
	};
	const world: Partial<World> = needed ? await createWorld(print) : { console: consoleOf(print) };
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new Error(`It has not ended within ${LONGEST_MS} ms`)), LONGEST_MS);
	});
	const running = module.run(world);
	try {
		await Promise.race([running, printedAll, late]);
	} finally {
		clearTimeout(timer);
		await world.network?.close();
	}
	// What went on waiting ends with the network, and how it ends is no part of the block. A whole program ends by itself.
	if (world.network === undefined) await running;
	else await running.catch(() => undefined);
}
