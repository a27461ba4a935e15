/**
 * What tests of the test network begin with.
 *
 * @module
 */

import { type Client, isConecError } from "conec";
import { createTestNetwork, type TestNetwork, type TestNetworkOptions } from "conec/testing";

/** A network with a Coordinator, alice and bob. Closed at the end of the test. */
export async function pair(
	t: { after(done: () => Promise<void>): void },
	options: TestNetworkOptions = {},
): Promise<{ network: TestNetwork; alice: Client; bob: Client }> {
	const network = createTestNetwork(options);
	t.after(() => network.close());
	await network.listen();
	// What is looked at is when a connection ends, and not what follows.
	const [alice, bob] = [await network.connect({ id: "alice", reconnect: false }), await network.connect({ id: "bob", reconnect: false })];
	return { network, alice, bob };
}

/** Whether an error is one of Conec with that code. */
export const code =
	(expected: string) =>
	(error: unknown): boolean =>
		isConecError(error) && error.code === expected;
