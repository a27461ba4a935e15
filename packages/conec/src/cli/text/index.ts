/**
 * Text that is safe to show. Pure.
 *
 * @module
 */

export { printable, quoted } from "./printable.ts";
export { shellWord } from "./shell-word.ts";
