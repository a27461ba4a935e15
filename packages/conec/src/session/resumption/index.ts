/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export type { Proof } from "./proof.ts";
export type { LegWanted } from "./survivor.ts";
export { type ChangedStream, moveStream, Survivors, type SurvivorsParts } from "./survivors.ts";
