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
		// The same key after a restart, so that Clients learn at once that their connection is gone (RFC 9000, 10.3).
		const statelessResetKey = new Uint8Array(hkdfSync("sha256", identity.privateKey, "", "conec stateless reset", 32));
		transport = createTransport({ host, port, limits, role: "coordinator", congestion, keyLog, statelessResetKey });
		natTest = bindNatTestSockets(createTransport, resolved);
		return make({ options: resolved, runtime, transport, natTest, credentials: { identity, clientTrust: trust, deny }, kept });
	} catch (error) {
		transport?.destroy();
		if (natTest !== undefined && !isConecError(natTest)) for (const socket of [natTest.echo, natTest.test]) socket.destroy();
		kept.destroy();
		throw error;
	}
}
