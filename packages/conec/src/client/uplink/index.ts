/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export { type HostAndPort, parseCoordinator, parseSocketAddress } from "./address.ts";
export { reachCoordinator, type UplinkOptions } from "./connect.ts";
export { CoordinatorLink } from "./coordinator-link.ts";
export type { Greeted } from "./handshake.ts";
export { routeProblem } from "./route.ts";
