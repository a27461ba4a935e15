/**
 * The manual page and the table of environment variables, made from what the commands take. `scripts/cli-pages.ts` writes them.
 *
 * @module
 */

export { manualPage } from "./page.ts";
export { variablesTable } from "./variables.ts";
