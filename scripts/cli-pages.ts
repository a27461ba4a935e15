// What is made from the options of the commands: the manual page, and the table of environment variables in docs/cli.md.
// `npm run cli-pages` writes both; scripts/cli-pages.test.ts says when they are not current.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { COMMANDS } from "../packages/conec/src/cli/commands/index.ts";
import { manualPage, variablesTable } from "../packages/conec/src/cli/manual/index.ts";

const root = join(import.meta.dirname, "..");
const BEGIN = "<!-- made by `npm run cli-pages` -->";
const END = "<!-- end -->";

/** Contents of the files as they should be, by path from the root. */
export async function cliPages(): Promise<Readonly<Record<string, string>>> {
	const specs = await Promise.all(Object.values(COMMANDS).map((entry) => entry.spec()));
	const { version } = JSON.parse(readFileSync(join(root, "packages/conec/package.json"), "utf8")) as { version: string };
	const page = readFileSync(join(root, "docs/cli.md"), "utf8");
	const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
	if (begin === -1 || end < begin) throw new Error(`docs/cli.md has no place for the table: ${BEGIN} ... ${END}`);
	return {
		"packages/conec/man/conec.1": manualPage(specs, version),
		"docs/cli.md": `${page.slice(0, begin)}${BEGIN}\n${variablesTable(specs)}\n${page.slice(end)}`,
	};
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	for (const [path, content] of Object.entries(await cliPages())) {
		mkdirSync(dirname(join(root, path)), { recursive: true });
		writeFileSync(join(root, path), content);
	}
}
