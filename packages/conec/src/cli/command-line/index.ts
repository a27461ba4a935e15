/**
 * What a command is, what it takes, and how its command line is read.
 *
 * @module
 */

export { type Arguments, type CommandSpec, commandHelp, parseCommandLine, suggestion } from "./arguments.ts";
export type { Command, CommandContext, CommandEntry } from "./command.ts";
export { CONGESTION_CHOICES, CONNECTION_OPTIONS } from "./connection-options.ts";
export { EXPLAIN_OPTION, PATH_OPTIONS } from "./path-options.ts";
