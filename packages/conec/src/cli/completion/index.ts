/**
 * Completion scripts for shells, made from what the commands take.
 *
 * @module
 */

export { bashCompletion } from "./bash.ts";
export { fishCompletion } from "./fish.ts";
export { type Completed, completedCommands } from "./model.ts";
export { zshCompletion } from "./zsh.ts";
