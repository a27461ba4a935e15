/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export { NAT_UNKNOWN } from "./nat-check.ts";
export { type OwnNat, OwnNetwork } from "./own-network.ts";
export type { OwnPlace } from "./own-place.ts";
