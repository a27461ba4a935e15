/**
 * What this machine is called, where it keeps keys, which addresses it has, and how others reach it.
 *
 * @module
 */

export { addressScope, type Family, ownAddresses } from "./addresses.ts";
export { type ClaimedId, claimDefaultId, claimId, heldIdError, idFromHostName } from "./client-id.ts";
export { certificateNames } from "./host.ts";
export { coordinatorArgument, reachableAddresses } from "./reachable.ts";
export { STATE_HINT, stateDirectory } from "./state-directory.ts";
