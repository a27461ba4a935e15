/**
 * Reaching the Coordinator: resolve, race, handshake, hello; one deadline over all of it.
 *
 * @module
 */

import { isIPv6 } from "node:net";
import { linkedAbort, reasonOf, throwIfAborted } from "../../base/signals.ts";
import { ConecError, type ConecErrorCode, isConecError } from "../../errors.ts";
import type { ClientLimits } from "../../limits.ts";
import type { Runtime } from "../../session/runtime.ts";
import { withoutZone } from "../../tls/host-name.ts";
import type { LocalIdentity } from "../../tls/identity.ts";
import { identityProblem } from "../../tls/proven-identity.ts";
import type { Trust } from "../../tls/trust.ts";
import { readValidity } from "../../tls/validity.ts";
import type { SocketAddress, Transport, TransportConnection } from "../../transport/transport.ts";
import { BROADCAST_CAPABILITY } from "../../wire/broadcast.ts";
import { DIRECT_CAPABILITY } from "../../wire/channel-messages.ts";
import { CLOSE_CODES } from "../../wire/codes.ts";
import type { JsonValue } from "../../wire/json.ts";
import { RESUME_CAPABILITY } from "../../wire/open.ts";
import { PRESENCE_CAPABILITY } from "../../wire/presence.ts";
import { ALPN_COORDINATOR, PROTOCOL_VERSIONS } from "../../wire/versions.ts";
import type { HostAndPort } from "./address.ts";
import { dialAgain } from "./dial-again.ts";
import { type Greeted, greet } from "./handshake.ts";
import { raceDials, resolveHost } from "./race.ts";
import { noWayWords } from "./route.ts";

/** What reaching the Coordinator takes of the options of a Client. */
export interface UplinkOptions {
	readonly id: string;
	readonly coordinator: HostAndPort;
	/** Dialled instead of what the host resolves to. */
	readonly address: SocketAddress | undefined;
	readonly trust: Trust;
	/** The authorities in `trust`, where they were given. */
	readonly ca: readonly Uint8Array[] | undefined;
	readonly metadata: JsonValue | undefined;
	readonly localAddress: string;
	/** Of the addresses that can be dialled from `localAddress`; 0 is both. */
	readonly family: 0 | 4 | 6;
	readonly limits: ClientLimits;
	/** Gives up. */
	readonly signal: AbortSignal | undefined;
}

/**
 * Connects and says hello, within `limits.requestTimeoutMs` of `startedAtMs`, in the time of `runtime.clock`.
 *
 * Rejects with `HOST_UNRESOLVABLE`, `COORDINATOR_UNREACHABLE`, whatever `Transport.dial` and {@link greet} reject with, or
 * the reason of `options.signal`. The transport stays the caller's.
 */
export async function reachCoordinator(
	transport: Transport,
	identity: LocalIdentity,
	options: UplinkOptions,
	runtime: Runtime,
	startedAtMs: number,
): Promise<Greeted> {
	const { id, coordinator, limits, metadata } = options;
	const { clock } = runtime;
	const where = `Coordinator at ${isIPv6(coordinator.host) ? `[${coordinator.host}]` : coordinator.host}:${coordinator.port}`;
	const abort = linkedAbort(options.signal);
	// A little earlier, so that the caller hears of it by then, however busy the process is.
	const leftMs = limits.requestTimeoutMs - Math.min(MARGIN_MS, limits.requestTimeoutMs / 50) - (clock.now() - startedAtMs);
	/** Addresses to which this machine has no way, each with the system's error code. */
	const blocked = new Map<string, string>();
	const timer = clock.setTimeout(() => abort.abort(unreachable(where, limits.requestTimeoutMs, blocked)), Math.max(0, leftMs));
	try {
		throwIfAborted(options.signal);
		const connection = await dialAny(transport, identity, options, runtime, blocked, abort.signal);
		assertChain(connection, options.ca, clock.wallMs());
		const { connectionWindowBytes } = limits;
		const hello = {
			type: "hello",
			versions: PROTOCOL_VERSIONS,
			id,
			key: identity.key,
			limits: { connectionWindowBytes },
			capabilities: CAPABILITIES,
			metadata,
		} as const;
		return await greet(connection, hello, limits, where, abort.signal, clock).catch((error: unknown) => {
			throw aboutOurs(error, identity, clock.wallMs());
		});
	} catch (error) {
		throw explain(error, where, limits.requestTimeoutMs, blocked, runtime, abort.signal);
	} finally {
		clock.clearTimeout(timer);
		abort.unlink();
	}
}

async function dialAny(
	transport: Transport,
	identity: LocalIdentity,
	options: UplinkOptions,
	runtime: Runtime,
	blocked: Map<string, string>,
	signal: AbortSignal,
): Promise<TransportConnection> {
	const { coordinator, address, trust, family, limits, localAddress } = options;
	const { clock, lookup, route } = runtime;
	const port = address?.port ?? coordinator.port;
	const addresses = address === undefined ? await resolveHost(coordinator.host, family, lookup, signal) : [address.address];
	const dial = (one: string, lost: AbortSignal): Promise<TransportConnection> =>
		transport.dial({
			address: one,
			port,
			serverName: withoutZone(coordinator.host),
			trust,
			identity,
			alpnProtocol: ALPN_COORDINATOR,
			handshakeTimeoutMs: limits.requestTimeoutMs,
			signal: lost,
		});
	const tryOne = async (one: string, lost: AbortSignal): Promise<TransportConnection> => {
		const problem = await route?.({ address: one, port }, localAddress);
		throwIfAborted(lost);
		if (problem === undefined) return await dial(one, lost);
		blocked.set(one, problem);
		throw new ConecError("ADDRESS_UNAVAILABLE", `There is no way to ${one} from this machine (${problem})`);
	};
	const race = (): Promise<TransportConnection> =>
		raceDials(addresses, route === undefined ? dial : tryOne, (late) => late.close(CLOSE_CODES.NORMAL, "another address was faster"), { signal, clock });
	return await dialAgain(race, signal, (reason) => options.signal === undefined || reason !== reasonOf(options.signal), runtime);
}

/** What TLS leaves out; see {@link identityProblem}. */
function assertChain(connection: TransportConnection, ca: readonly Uint8Array[] | undefined, nowMs: number): void {
	const problem = ca === undefined ? undefined : identityProblem(connection.peer, ca, "server", nowMs);
	if (problem === undefined) return;
	connection.close(CLOSE_CODES.CERTIFICATE_REFUSED, `the certificate ${problem}`);
	throw new ConecError("CERTIFICATE_INVALID", `its certificate ${problem}`);
}

/** TLS has one word for "expired" and "not valid yet"; of our own certificate we know which it is. */
function aboutOurs(error: unknown, identity: LocalIdentity, nowMs: number): unknown {
	const leaf = identity.certificates[0];
	if (!isConecError(error) || error.code !== "CERTIFICATE_EXPIRED" || leaf === undefined || readValidity(leaf).fromMs <= nowMs) return error;
	return new ConecError("CERTIFICATE_NOT_YET_VALID", error.message, { cause: error, closeCode: error.closeCode });
}

function explain(
	error: unknown,
	where: string,
	timeoutMs: number,
	blocked: ReadonlyMap<string, string>,
	{ interfaces }: Runtime,
	signal: AbortSignal,
): unknown {
	if (!isConecError(error) || (signal.aborted && error === reasonOf(signal))) return error;
	if (error.code === "COORDINATOR_UNREACHABLE") return unreachable(where, timeoutMs, blocked, error);
	if (error.code === "ADDRESS_UNAVAILABLE" && blocked.size > 0)
		return new ConecError("COORDINATOR_UNREACHABLE", `Cannot reach ${where}: ${noWayWords(blocked, interfaces())}`, { cause: error });
	// What the transport says of its own knows no names.
	const known: readonly ConecErrorCode[] = ["HOST_UNRESOLVABLE"];
	if (known.includes(error.code) || error.message.includes(where)) return error;
	return new ConecError(error.code, `Cannot connect to ${where}: ${error.message}`, { cause: error, closeCode: error.closeCode });
}

function unreachable(where: string, timeoutMs: number, blocked: ReadonlyMap<string, string>, cause?: unknown): ConecError {
	const besides = blocked.size === 0 ? "" : ` (there is no way from this machine to ${[...blocked.keys()].join(", ")})`;
	return new ConecError(
		"COORDINATOR_UNREACHABLE",
		`Cannot reach ${where}: no answer over UDP within ${timeoutMs / 1_000} s${besides}; is it running, and does every firewall let UDP through?`,
		{ cause },
	);
}

/** What the end of a deadline may take until the caller hears of it. */
const MARGIN_MS = 200;

/** What this Client can do beside streams. */
const CAPABILITIES: readonly string[] = [DIRECT_CAPABILITY, PRESENCE_CAPABILITY, BROADCAST_CAPABILITY, RESUME_CAPABILITY];
