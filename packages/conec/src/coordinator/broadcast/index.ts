/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export { type BroadcastHistoryOptions, type BroadcastRule, type BroadcastRules, type ResolvedBroadcastRule, resolveBroadcastRules } from "./rules.ts";
export { type BroadcastStatus, Broadcasts } from "./service.ts";
