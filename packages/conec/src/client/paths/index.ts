/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export { directForAuto } from "./choice.ts";
export { explainPath } from "./explain.ts";
