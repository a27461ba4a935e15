/**
 * How a received file gets its place: written beside it, verified, and then named.
 *
 * @module
 */

export { isIdentical } from "./identical.ts";
export { IncomingDirectory } from "./incoming-directory.ts";
export { PartFile } from "./part-file.ts";
export { PlacedFiles } from "./placed-files.ts";
