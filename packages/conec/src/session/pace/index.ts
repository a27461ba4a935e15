/**
 * How fast the messages of a control stream are dealt with.
 *
 * @module
 */

export { BURST_SECONDS, Pace, type PaceParts } from "./pace.ts";
