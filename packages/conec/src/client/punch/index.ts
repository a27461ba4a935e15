/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export { BIRTHDAY_PROBES, BIRTHDAY_ROUNDS, BIRTHDAY_SOCKETS } from "./birthday.ts";
export { createPunchKeys } from "./datagrams.ts";
export type { PunchPlan, TriedAddress } from "./plan.ts";
export { Punching } from "./punching.ts";
