// Writes docs/api from the doc comments: `npm run docs:api`. It reads the declarations in dist, and makes dist anew if the sources have changed.

import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildDist, distIsCurrent } from "../build-dist.mjs";
import { ENTRIES, readEntry } from "./entries.mjs";
import { linksOf, renderEntry, renderIndex } from "./markdown.mjs";

const folder = join(import.meta.dirname, "..", "..", "docs", "api");

/** All pages: their text by the name of the file. */
export function apiPages() {
	const entries = ENTRIES.map((entry) => ({ ...entry, ...readEntry(entry) }));
	const links = linksOf(entries);
	return new Map([["README.md", renderIndex(entries, links)], ...entries.map((entry) => [entry.page, renderEntry(entry, links)])]);
}

async function write() {
	if (!distIsCurrent() && (await buildDist()) !== true) return 1;
	const pages = apiPages();
	mkdirSync(folder, { recursive: true });
	for (const file of readdirSync(folder)) if (!pages.has(file)) rmSync(join(folder, file));
	for (const [file, text] of pages) writeFileSync(join(folder, file), text);
	return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await write();
