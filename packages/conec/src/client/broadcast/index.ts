/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export type { BroadcastMembers } from "./counts.ts";
export { ClientBroadcasts } from "./service.ts";
