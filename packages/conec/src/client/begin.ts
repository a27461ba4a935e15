/**
 * From options to everything that a Client is made of: its identity, its socket, and a Coordinator that has said welcome.
 *
 * @module
 */

import { shuffled } from "../base/random.ts";
import { deferred, onAbort, reasonOf, throwIfAborted } from "../base/signals.ts";
import type { Runtime } from "../session/runtime.ts";
import type { LocalIdentity } from "../tls/identity.ts";
import type { Transport, TransportOptions } from "../transport/transport.ts";
import type { JsonValue } from "../wire/json.ts";
import { type ClientOptions, clientIdentity, type ResolvedClientOptions, resolveClientOptions } from "./options.ts";
import { type Greeted, type HostAndPort, LinkKeeper, parseCoordinator, reachCoordinator } from "./uplink/index.ts";

/** Reaches the Coordinator, with this metadata, until the signal aborts. `alternatives`: places that it has named, which are tried first. `sinceMs`: when the attempt began, by default now. */
export type Reach = (signal: AbortSignal | undefined, metadata: JsonValue | undefined, alternatives?: readonly string[], sinceMs?: number) => Promise<Greeted>;

/** What a Client is made of once it is welcome. */
export interface ClientParts {
	readonly options: ResolvedClientOptions;
	readonly runtime: Runtime;
	readonly identity: LocalIdentity;
	readonly transport: Transport;
	readonly transportOptions: TransportOptions;
	readonly greeted: Greeted;
	readonly reach: Reach;
}

/** Gives what `make` makes of the parts. Rejects like `Client.connect`, and leaves nothing behind then. */
export async function beginClient<T>(runtime: Runtime, options: ClientOptions, make: (parts: ClientParts) => T): Promise<T> {
	const startedAtMs = runtime.clock.now();
	const resolved = resolveClientOptions(options);
	const { signal, metadata } = resolved;
	throwIfAborted(signal);
	const identity = runtime.identity ?? (await clientIdentity(options));
	throwIfAborted(signal);
	const { localAddress, localPort: port, limits, keepAliveIntervalMs, congestion, keyLog } = resolved;
	const transportOptions: TransportOptions = { host: localAddress, port, limits, role: "client", keepAliveIntervalMs, congestion, keyLog };
	const transport = runtime.createTransport(transportOptions);
	const reach = reaching(transport, identity, resolved, runtime);
	try {
		const first = resolved.waitForFirst ? waitForFirst((lost) => reach(lost, metadata), resolved, runtime) : reach(signal, metadata, [], startedAtMs);
		return make({ options: resolved, runtime, identity, transport, transportOptions, greeted: await first, reach });
	} catch (error) {
		transport.destroy();
		throw error;
	}
}

/** Each attempt begins with the places that the Coordinator has named, then comes the one where the Client was last. Whoever is there must show what the options ask for. */
function reaching(transport: Transport, identity: LocalIdentity, options: ResolvedClientOptions, runtime: Runtime): Reach {
	const { coordinators: given, anyOrder, address } = options;
	let last: HostAndPort | undefined;
	return async (signal, metadata, alternatives = [], sinceMs = runtime.clock.now()) => {
		// The others in another order each time, so that Clients that were together do not go on together.
		const others = (anyOrder ? shuffled(given, runtime.random) : given).filter((place) => place !== last);
		const own = last === undefined ? others : [last, ...others];
		const coordinators = address === undefined ? placesOf(alternatives, own) : own;
		const reached = await reachCoordinator(transport, identity, { ...options, coordinators, signal, metadata }, runtime, sinceMs);
		// A place that was named, and is not among those of the options, is not kept for later.
		if (given.includes(reached.place)) last = reached.place;
		return reached;
	};
}

/** The alternatives first, at most {@link MOST_ALTERNATIVES}, and no place twice. */
function placesOf(alternatives: readonly string[], coordinators: readonly HostAndPort[]): readonly HostAndPort[] {
	const named = alternatives.slice(0, MOST_ALTERNATIVES).map(parseCoordinator);
	const others = named.filter(({ host, port }, i) => ![...coordinators, ...named.slice(0, i)].some((place) => place.host === host && place.port === port));
	return [...others, ...coordinators];
}

/** So many places that a Coordinator has named are tried in one attempt. Each is tried 250 ms after the one before. */
const MOST_ALTERNATIVES = 4;

/** Tries until there is a connection. */
async function waitForFirst(
	reach: (signal: AbortSignal) => Promise<Greeted>,
	{ signal, limits, reconnect = {} }: ResolvedClientOptions,
	{ clock, random }: Runtime,
): Promise<Greeted> {
	const { promise, resolve, reject } = deferred<Greeted>();
	const events = { reconnecting: () => undefined, up: resolve, ended: reject };
	const keeper = new LinkKeeper({ clock, random, options: reconnect, attemptMs: limits.requestTimeoutMs, reach, events });
	const forget = onAbort(signal, () => reject(signal === undefined ? undefined : reasonOf(signal)));
	keeper.start();
	try {
		return await promise;
	} finally {
		forget();
		keeper.end();
	}
}
