/**
 * Which names a receiver takes, and which it takes only when asked to. Pure.
 *
 * @module
 */

export { MAX_COMPONENT_BYTES, MAX_COMPONENTS, parseSafePath } from "./safe-path.ts";
export { unusualName, unusualNameBelow } from "./unusual-name.ts";
