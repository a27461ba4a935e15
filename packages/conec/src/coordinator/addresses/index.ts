/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export { ChallengeBudget } from "./challenge-budget.ts";
export { bindNatTestSockets, type NatTestSockets } from "./nat-test-sockets.ts";
export { ownSockets } from "./own-sockets.ts";
export { Reflector, type ReflectorSession } from "./reflector.ts";
export { type Located, SWEEP_MS, TICK_MS, Whereabouts } from "./whereabouts.ts";
