/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export type { MachineSign } from "./signs.ts";
export { createMachineWatch, type MachineWatch } from "./watch.ts";
