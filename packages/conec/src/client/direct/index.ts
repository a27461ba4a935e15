/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export { consentOf } from "./consent.ts";
export type { ChannelWatcher, ClientChannelStatus } from "./host.ts";
export { directService } from "./link-service.ts";
export type { PastAttempt } from "./path-memory.ts";
export { DirectChannels } from "./service.ts";
export { channelTimeoutMs } from "./wishes.ts";
