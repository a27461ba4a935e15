/**
 * From options to everything that a Coordinator is made of: its identity, its state directory, and its sockets.
 *
 * @module
 */

import { hkdfSync } from "node:crypto";
import { type ConecError, isConecError } from "../errors.ts";
import type { Runtime } from "../session/runtime.ts";
import { clientTrust } from "../tls/trust.ts";
import type { Transport } from "../transport/transport.ts";
import { bindNatTestSockets, type NatTestSockets } from "./addresses/index.ts";
import { type CoordinatorState, openState } from "./admission/index.ts";
import type { Credentials } from "./credentials.ts";
import { type CoordinatorOptions, coordinatorIdentity, denyList, type ResolvedCoordinatorOptions, resolveCoordinatorOptions } from "./options.ts";

/** What a Coordinator is made of once its socket is bound. */
export interface CoordinatorParts {
	readonly options: ResolvedCoordinatorOptions;
	readonly runtime: Runtime;
	readonly transport: Transport;
	/** The second port and its companion, or why there are none. */
	readonly natTest: NatTestSockets | ConecError;
	readonly credentials: Credentials;
	readonly kept: CoordinatorState;
}

/** Gives what `make` makes of the parts. Rejects like `Coordinator.listen`, and leaves nothing behind then. */
export async function beginCoordinator<T>(runtime: Runtime, options: CoordinatorOptions, make: (parts: CoordinatorParts) => T): Promise<T> {
	const { createTransport } = runtime;
	const resolved = resolveCoordinatorOptions(options);
	const deny = denyList(options.deny);
	const trust = clientTrust(options.clientCa);
	const { host, port, limits, congestion, keyLog } = resolved;
	const kept = await openState(options.stateDirectory, limits, runtime.clock);
	let transport: Transport | undefined;
	let natTest: NatTestSockets | ConecError | undefined;
	try {
		const identity = runtime.identity ?? (await coordinatorIdentity(options, resolved.names));
		const keyFor = (what: string): Uint8Array => new Uint8Array(hkdfSync("sha256", identity.privateKey, "", what, 32));
		// The same keys after a restart. So Clients learn at once that their connection is gone (RFC 9000, 10.3), and what they have of their
		// address (8.1.3) counts when they come back.
		const [statelessResetKey, addressTokenKey] = [keyFor("conec stateless reset"), keyFor("conec address tokens")];
		transport = createTransport({ host, port, limits, role: "coordinator", congestion, keyLog, statelessResetKey, addressTokenKey });
		natTest = bindNatTestSockets(createTransport, resolved);
		return make({ options: resolved, runtime, transport, natTest, credentials: { identity, clientTrust: trust, deny }, kept });
	} catch (error) {
		transport?.destroy();
		if (natTest !== undefined && !isConecError(natTest)) for (const socket of [natTest.echo, natTest.test]) socket.destroy();
		kept.destroy();
		throw error;
	}
}
