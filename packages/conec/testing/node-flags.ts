/**
 * How a test starts Node with a file of this repository.
 *
 * @module
 */

import { relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** The flags with which this process itself runs TypeScript, for children in any working directory. */
export const NODE_FLAGS: readonly string[] = flagsOf(process.execArgv);

/** What those flags run quickest for a TypeScript file of this repository: what `npm test` has joined it with or compiled it to, or the file itself. */
export function programOf(file: string): string {
	const register = NODE_FLAGS.find((flag) => flag.endsWith("/scripts/testing/register.mjs"));
	if (register === undefined) return file;
	const path = relative(fileURLToPath(new URL("../../", register)), file)
		.split(sep)
		.join("/");
	// What this process runs is joined, or it is not, and then what is there may be older.
	const isJoined = process.argv[1]?.startsWith(fileURLToPath(new URL("../../.tmp/joined/", register))) === true;
	return fileURLToPath(new URL(`../../.tmp/${isJoined ? "joined/compiled" : "compiled"}/${path.replace(/\.ts$/, isJoined ? ".mjs" : ".js")}`, register));
}

function flagsOf(own: readonly string[]): string[] {
	const flags: string[] = [];
	own.forEach((flag, index) => {
		if (/^--conditions=/.test(flag)) flags.push(flag);
		const loader = flag === "--import" ? own[index + 1] : /^--import=(.*)$/s.exec(flag)?.[1];
		if (loader !== undefined) flags.push("--import", /^[a-z]+:|^[./]/.test(loader) ? loader : import.meta.resolve(loader));
	});
	return flags;
}
