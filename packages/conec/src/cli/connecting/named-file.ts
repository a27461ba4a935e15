/**
 * Files that options name.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { errnoOf } from "../../files/file-errors.ts";
import { CliError, EXIT_CODES } from "../outcome/index.ts";
import { quoted } from "../text/index.ts";
import { errnoText } from "../words/index.ts";

/** Reads a file that an option names. */
export async function readNamed(path: string, option: string): Promise<Uint8Array> {
	try {
		return await readFile(path);
	} catch (error) {
		throw new CliError(EXIT_CODES.usage, `Cannot read ${quoted(path)}: ${errnoText(errnoOf(error))}`, `Check ${option}.`, error);
	}
}
