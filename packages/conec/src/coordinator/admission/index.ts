/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export { type AdmissionHost, admit } from "./admission.ts";
export { HolderTrials } from "./holder-trials.ts";
export { type CoordinatorState, openState } from "./state.ts";
