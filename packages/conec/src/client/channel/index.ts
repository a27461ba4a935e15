/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export { patienceMs } from "../../base/stall.ts";
export { Acceptance, isKeyOf } from "./acceptance.ts";
export { type Channel, type ChannelStats, DirectChannel, endedOnPurpose } from "./channel.ts";
export { type DirectGreeting, greetDirectly, peerIdentityProblem } from "./handshake.ts";
export { channelLists, ownChannel } from "./list.ts";
export { ChannelMoves } from "./moves.ts";
export { OwnPacketLimits } from "./packet-limits.ts";
export { usableCandidates } from "./peer-addresses.ts";
export { LinkWatches } from "./silence-watches.ts";
export { channelTuning } from "./upkeep.ts";
