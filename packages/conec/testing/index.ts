/**
 * A network in memory, for tests of programs that use Conec. Its Clients and its Coordinator are the real ones. It needs no sockets and
 * no native addon, and its time passes without waiting.
 *
 * ```ts
 * import { createTestNetwork } from "conec/testing";
 *
 * await using network = createTestNetwork({ seed: 7, delayMs: 20 });
 * await network.listen();
 * const alice = await network.connect({ id: "alice" });
 * const bob = await network.connect({ id: "bob" });
 *
 * const heal = network.partition("alice", null); // alice and the Coordinator do not hear of each other
 * await network.advance(60_000); // at once
 * heal();
 * ```
 *
 * See docs/testing.md.
 *
 * @module
 */

export type { Party } from "./network/machines.ts";
export type { TestClientOptions, TestCoordinatorOptions, TestNetworkOptions } from "./network/options.ts";
export { createTestNetwork, type TestNetwork } from "./network/test-network.ts";
export type { TimeMode } from "./network/time.ts";
