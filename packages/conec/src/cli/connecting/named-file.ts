/**
 * Files that options name.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { errnoOf } from "../../files/file-errors.ts";
import { fingerprint } from "../../index.ts";
import { CliError, EXIT_CODES } from "../outcome/index.ts";
import { quoted } from "../text/index.ts";
import { errnoText } from "../words/index.ts";

/** Reads a file that an option names. `option`: how it was given, as `Arguments.named` says it. */
export async function readNamed(path: string, option: string): Promise<Uint8Array> {
	try {
		return await readFile(path);
	} catch (error) {
		throw new CliError(EXIT_CODES.usage, `Cannot read ${quoted(path)}: ${errnoText(errnoOf(error))}`, `Check ${option}.`, error);
	}
}

/** Reads a file of certificates that an option names, PEM or DER. */
export async function readCertificatesNamed(path: string, option: string): Promise<Uint8Array> {
	const content = await readNamed(path, option);
	try {
		fingerprint(content);
		return content;
	} catch (error) {
		const problem = error instanceof Error ? error.message : String(error);
		throw new CliError(EXIT_CODES.usage, `Cannot use ${quoted(path)}: ${problem}`, `Check ${option}. It takes a file of certificates, in PEM or DER.`, error);
	}
}
