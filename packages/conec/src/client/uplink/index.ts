/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export { type HostAndPort, parseCoordinator, parseSocketAddress } from "./address.ts";
export { type ClientConnected, type ClientReconnecting, ComingBack } from "./coming-back.ts";
export { type Reached, reachCoordinator, type UplinkOptions } from "./connect.ts";
export { CoordinatorLink } from "./coordinator-link.ts";
export type { Greeted } from "./handshake.ts";
export { LinkKeeper, type ReconnectOptions } from "./link-keeper.ts";
export { routeProblem } from "./route.ts";
export { type LinkService, type LinkWait, Uplink } from "./uplink.ts";
