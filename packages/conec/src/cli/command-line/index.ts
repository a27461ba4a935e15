/**
 * What a command is, what it takes, how its command line is read, and its help.
 *
 * @module
 */

export { parseCommandLine } from "./arguments.ts";
export type { Command, CommandContext, CommandEntry } from "./command.ts";
export { CONGESTION_CHOICES, CONNECTION_OPTIONS, RETURN_OPTION } from "./connection-options.ts";
export { ABOUT, commandHelp, helpColumns, optionTitle, overview } from "./help.ts";
export { EXPLAIN_OPTION, PATH_OPTIONS, WAIT_OPTION } from "./path-options.ts";
export { type CommandSpec, type OptionSpec, type OptionSpecs, optionsOf, SHORT_OPTIONS, shared, variableOf } from "./spec.ts";
export { nearestName, suggestion } from "./suggestion.ts";
export { type Arguments, type ConfiguredValue, parseBytes, type Source } from "./values.ts";
