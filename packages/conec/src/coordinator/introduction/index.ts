/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export type { ChannelStatus, IntroductionsHost } from "./host.ts";
export { Introductions } from "./service.ts";
