/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export type { ChannelStatus, ChannelsHost } from "./host.ts";
export { Channels } from "./service.ts";
