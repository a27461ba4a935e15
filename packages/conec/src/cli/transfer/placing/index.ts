/**
 * How a received file gets its place: written beside it, verified, and then named.
 *
 * @module
 */

export { hasSameSize, isIdentical } from "./identical.ts";
export { IncomingDirectory } from "./incoming-directory.ts";
export { type OpenedPart, openKeptPart } from "./kept-part.ts";
export { KeptParts } from "./kept-parts.ts";
export { PartFile } from "./part-file.ts";
export { PlacedFiles } from "./placed-files.ts";
