/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export { type Claim, Registry } from "./registry.ts";
export { type ClientInfo, Session, type SessionParts } from "./session.ts";
