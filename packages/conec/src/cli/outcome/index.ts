/**
 * How a run ends: its exit status, and the error that is told.
 *
 * @module
 */

export { CliError, usageError } from "./cli-error.ts";
export { EXIT_CODES, type ExitCode } from "./exit-codes.ts";
