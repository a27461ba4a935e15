/**
 * What a command is, what it takes, how its command line is read, and its help.
 *
 * @module
 */

export { parseCommandLine } from "./arguments.ts";
export type { Command, CommandContext, CommandEntry } from "./command.ts";
export { CONGESTION_CHOICES, CONNECTION_OPTIONS } from "./connection-options.ts";
export { ABOUT, commandHelp, helpColumns, optionTitle, overview } from "./help.ts";
export { EXPLAIN_OPTION, PATH_OPTIONS } from "./path-options.ts";
export { RETURN_OPTION } from "./return-option.ts";
export { type CommandSpec, type OptionSpec, type OptionSpecs, optionsOf, SHORT_OPTIONS, shared, variableOf } from "./spec.ts";
export { nearestName, suggestion } from "./suggestion.ts";
export { type Arguments, type ConfiguredValue, parseBytes, type Source } from "./values.ts";
