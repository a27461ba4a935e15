/**
 * The pages that users and developers read.
 *
 * @module
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Block, blocksOf } from "./blocks.ts";

/** The top of the repository. */
export const ROOT: string = join(import.meta.dirname, "..", "..");

/** The pages, as seen from the top. */
export const PAGES: readonly string[] = [
	...["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"],
	...["packages/conec/README.md", "packages/quic/README.md", "bench/README.md", "bench/results.md", "deploy/README.md"],
	...readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
		.filter((name) => name.endsWith(".md"))
		.map((name) => `docs/${name.replaceAll("\\", "/")}`)
		.sort(),
];

/** The text of a file of the repository. */
export function textOf(file: string): string {
	return readFileSync(join(ROOT, file), "utf8");
}

/** All code blocks of all pages. */
export function allBlocks(): Block[] {
	return PAGES.flatMap((page) => blocksOf(page, textOf(page)));
}
