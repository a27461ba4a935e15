/**
 * From options to everything that a Client is made of: its identity, its socket, and a Coordinator that has said welcome.
 *
 * @module
 */

import { throwIfAborted } from "../base/signals.ts";
import type { Runtime } from "../session/runtime.ts";
import type { LocalIdentity } from "../tls/identity.ts";
import type { Transport, TransportOptions } from "../transport/transport.ts";
import { type ClientOptions, clientIdentity, type ResolvedClientOptions, resolveClientOptions } from "./options.ts";
import { type Greeted, reachCoordinator } from "./uplink/index.ts";

/** What a Client is made of once it is welcome. */
export interface ClientParts {
	readonly options: ResolvedClientOptions;
	readonly runtime: Runtime;
	readonly identity: LocalIdentity;
	readonly transport: Transport;
	readonly transportOptions: TransportOptions;
	readonly greeted: Greeted;
}

/** Gives what `make` makes of the parts. Rejects like `Client.connect`, and leaves nothing behind then. */
export async function beginClient<T>(runtime: Runtime, options: ClientOptions, make: (parts: ClientParts) => T): Promise<T> {
	const startedAtMs = runtime.clock.now();
	const resolved = resolveClientOptions(options);
	throwIfAborted(resolved.signal);
	const identity = runtime.identity ?? (await clientIdentity(options));
	throwIfAborted(resolved.signal);
	const { localAddress, localPort: port, limits, keepAliveIntervalMs, congestion, keyLog } = resolved;
	const transportOptions: TransportOptions = { host: localAddress, port, limits, role: "client", keepAliveIntervalMs, congestion, keyLog };
	const transport = runtime.createTransport(transportOptions);
	try {
		const greeted = await reachCoordinator(transport, identity, resolved, runtime, startedAtMs);
		return make({ options: resolved, runtime, identity, transport, transportOptions, greeted });
	} catch (error) {
		transport.destroy();
		throw error;
	}
}
