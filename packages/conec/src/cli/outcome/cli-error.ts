/**
 * The error of the command line itself; what the library rejects with stays a `ConecError`.
 *
 * @module
 */

import { EXIT_CODES, type ExitCode } from "./exit-codes.ts";

/** A failure that is told to the user as one line, with an optional hint below it, and ends the command with `exitCode`. */
export class CliError extends Error {
	readonly exitCode: ExitCode;
	/** Absent where there is none, also when the error is printed. */
	declare readonly hint: string | undefined;

	constructor(exitCode: ExitCode, message: string, hint?: string, cause?: unknown) {
		super(message, cause === undefined ? undefined : { cause });
		this.exitCode = exitCode;
		if (hint !== undefined) this.hint = hint;
	}
}
Object.defineProperty(CliError.prototype, "name", { value: "CliError", configurable: true, writable: true });

/** A command line that is wrong: exit status 2. */
export function usageError(message: string, hint?: string, cause?: unknown): CliError {
	return new CliError(EXIT_CODES.usage, message, hint, cause);
}
