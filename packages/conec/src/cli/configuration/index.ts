/**
 * Configuration files: JSON with comments, in which everything has its line and column.
 *
 * @module
 */

export { readConfiguration } from "./read.ts";
