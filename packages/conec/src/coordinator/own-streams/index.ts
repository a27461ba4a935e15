/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export { OwnStreams } from "./service.ts";
