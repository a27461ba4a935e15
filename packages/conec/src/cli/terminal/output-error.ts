/**
 * Output that is not whole.
 *
 * @module
 */

import { fileProblemWords } from "../../files/file-error-words.ts";
import { CliError, EXIT_CODES } from "../outcome/index.ts";

/** Something that was meant for standard output is lost, by an error of that code. */
export function outputError(errno: string, cause?: unknown): CliError {
	return new CliError(EXIT_CODES.failed, `Cannot write all of the output: ${fileProblemWords({ code: errno })}`, "Check where standard output goes.", cause);
}
