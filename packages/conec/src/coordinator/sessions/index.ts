/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export { checkPeer } from "./check-peer.ts";
export { findPeer } from "./find-peer.ts";
export { type Claim, Registry } from "./registry.ts";
export { type ClientInfo, Session, type SessionHost } from "./session.ts";
export { addressSource, sourceKeys } from "./source.ts";
