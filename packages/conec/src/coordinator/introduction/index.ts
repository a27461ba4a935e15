/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export type { ChannelStatus } from "./host.ts";
export { Channels } from "./service.ts";
