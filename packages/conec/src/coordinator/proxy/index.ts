/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export { ProxiedStreams } from "./streams.ts";
