/**
 * Text that is safe to show. Pure.
 *
 * @module
 */

export { isTold, LOG_LEVELS, type LogLevel } from "./log-levels.ts";
export { printable, printableBytes, quoted } from "./printable.ts";
export { shellWord } from "./shell-word.ts";
