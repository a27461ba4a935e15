/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export { type BroadcastMembers, ClientBroadcasts } from "./service.ts";
