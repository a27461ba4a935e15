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
import type { DialRefusal, SocketAddress, Transport, TransportConnection } from "../../transport/transport.ts";
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
import { AT_ONCE, raceDials, resolveHost } from "./race.ts";
import { noWayWords } from "./route.ts";

/** A Coordinator that has said welcome, and where. */
export interface Reached extends Greeted {
	readonly place: HostAndPort;
}

/** What reaching the Coordinator takes of the options of a Client. */
export interface UplinkOptions {
	readonly id: string;
	/** At least one; tried in this order. */
	readonly coordinators: readonly HostAndPort[];
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
): Promise<Reached> {
	const { id, coordinators, limits, metadata } = options;
	const { clock } = runtime;
	const where = `Coordinator at ${coordinators.map(placeOf).join(" or ")}`;
	const abort = linkedAbort(options.signal);
	// A little earlier, so that the caller hears of it by then, however busy the process is.
	const leftMs = limits.requestTimeoutMs - Math.min(MARGIN_MS, limits.requestTimeoutMs / 50) - (clock.now() - startedAtMs);
	const tried: Tried = { resolving: new Set(), blocked: new Map(), refused: new Map(), places: new Map() };
	const timer = clock.setTimeout(() => abort.abort(late(where, coordinators, limits.requestTimeoutMs, tried)), Math.max(0, leftMs));
	try {
		throwIfAborted(options.signal);
		const connection = await dialAny(transport, identity, options, runtime, tried, abort.signal);
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
		const greeted = await greet(connection, hello, limits, where, abort.signal, clock).catch((error: unknown) => {
			throw aboutOurs(error, identity, clock.wallMs());
		});
		const [first] = coordinators;
		const place = tried.places.get(connection) ?? first;
		if (place === undefined) throw new ConecError("COORDINATOR_UNREACHABLE", "There is no place to connect to");
		return { ...greeted, place };
	} catch (error) {
		throw explain(error, where, limits.requestTimeoutMs, tried, runtime, abort.signal);
	} finally {
		clock.clearTimeout(timer);
		abort.unlink();
	}
}

/** How far an attempt has come, for the words of its failure. */
interface Tried {
	/** Hosts for which the name service has not answered yet. */
	readonly resolving: Set<string>;
	/** Addresses to which this machine has no way, each with the system's error code. */
	readonly blocked: Map<string, string>;
	/** Addresses of which the network says that nobody will answer there. */
	readonly refused: Map<string, DialRefusal>;
	/** To which place a connection leads. */
	readonly places: Map<TransportConnection, HostAndPort>;
}

async function dialAny(
	transport: Transport,
	identity: LocalIdentity,
	options: UplinkOptions,
	runtime: Runtime,
	tried: Tried,
	signal: AbortSignal,
): Promise<TransportConnection> {
	const { coordinators } = options;
	const tooLate = (late: TransportConnection): void => late.close(CLOSE_CODES.NORMAL, "another address was faster");
	const reach = (coordinator: HostAndPort, lost: AbortSignal): Promise<TransportConnection> =>
		dialHost(transport, identity, coordinator, options, runtime, tried, tooLate, lost).then((connection) => {
			tried.places.set(connection, coordinator);
			return connection;
		});
	const race = (): Promise<TransportConnection> => raceDials(coordinators, reach, tooLate, { signal, clock: runtime.clock, ...again(coordinators) });
	return await dialAgain(race, signal, (reason) => options.signal === undefined || reason !== reasonOf(options.signal), runtime);
}

async function dialHost(
	transport: Transport,
	identity: LocalIdentity,
	coordinator: HostAndPort,
	options: UplinkOptions,
	runtime: Runtime,
	tried: Tried,
	tooLate: (late: TransportConnection) => void,
	signal: AbortSignal,
): Promise<TransportConnection> {
	const { address, trust, family, limits, localAddress } = options;
	const { clock, lookup, route } = runtime;
	const port = address?.port ?? coordinator.port;
	if (address === undefined) tried.resolving.add(coordinator.host);
	const resolving = address === undefined ? resolveHost(coordinator.host, family, lookup, signal) : [address.address];
	const addresses = await Promise.resolve(resolving).finally(() => {
		// One that is given up at the deadline has not answered.
		if (!signal.aborted) tried.resolving.delete(coordinator.host);
	});
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
			onRefused: (why) => tried.refused.set(one, why),
		});
	const tryOne = async (one: string, lost: AbortSignal): Promise<TransportConnection> => {
		const problem = await route?.({ address: one, port }, localAddress);
		throwIfAborted(lost);
		if (problem === undefined) return await dial(one, lost);
		tried.blocked.set(one, problem);
		throw new ConecError("ADDRESS_UNAVAILABLE", `There is no way to ${one} from this machine (${problem})`);
	};
	return await raceDials(addresses, route === undefined ? dial : tryOne, tooLate, { signal, clock, ...again(addresses) });
}

/** Where there are more of them than are tried at once, those that had to make way come again. The others have one dial each: many Clients behind one address would otherwise take its places at the Coordinator from each other. */
function again({ length }: readonly unknown[]): { readonly againMs?: number } {
	return length > AT_ONCE ? { againMs: AGAIN_MS } : {};
}

function placeOf({ host, port }: HostAndPort): string {
	return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
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

function explain(error: unknown, where: string, timeoutMs: number, tried: Tried, { interfaces }: Runtime, signal: AbortSignal): unknown {
	if (!isConecError(error) || (signal.aborted && error === reasonOf(signal))) return error;
	const { blocked, refused } = tried;
	if (error.code === "COORDINATOR_UNREACHABLE" && refused.size > 0)
		return new ConecError("COORDINATOR_UNREACHABLE", `Cannot reach ${where}: ${refusedWords(refused)}${noWayBeside(blocked)}`, { cause: error });
	if (error.code === "COORDINATOR_UNREACHABLE") return unreachable(where, timeoutMs, tried, error);
	if (error.code === "ADDRESS_UNAVAILABLE" && blocked.size > 0)
		return new ConecError("COORDINATOR_UNREACHABLE", `Cannot reach ${where}: ${noWayWords(blocked, interfaces())}`, { cause: error });
	// What the transport says of its own knows no names.
	const known: readonly ConecErrorCode[] = ["HOST_UNRESOLVABLE"];
	if (known.includes(error.code) || error.message.includes(where)) return error;
	return new ConecError(error.code, `Cannot connect to ${where}: ${error.message}`, { cause: error, closeCode: error.closeCode });
}

function late(where: string, coordinators: readonly HostAndPort[], timeoutMs: number, tried: Tried): ConecError {
	if (coordinators.some(({ host }) => !tried.resolving.has(host))) return unreachable(where, timeoutMs, tried);
	const hosts = [...tried.resolving].map((host) => `"${host}"`).join(" or ");
	return new ConecError("HOST_UNRESOLVABLE", `Cannot resolve ${hosts}: no name server has answered within ${timeoutMs / 1_000} s`);
}

function unreachable(where: string, timeoutMs: number, { blocked, refused }: Tried, cause?: unknown): ConecError {
	const besides = `${refused.size === 0 ? "" : ` (of ${[...refused.keys()].join(", ")} the network says that nobody is there)`}${noWayBeside(blocked)}`;
	return new ConecError(
		"COORDINATOR_UNREACHABLE",
		`Cannot reach ${where}: no answer over UDP within ${timeoutMs / 1_000} s${besides}; is it running, and does every firewall let UDP through?`,
		{ cause },
	);
}

function noWayBeside(blocked: ReadonlyMap<string, string>): string {
	return blocked.size === 0 ? "" : ` (there is no way from this machine to ${[...blocked.keys()].join(", ")})`;
}

/** What the network says of addresses, in words that follow a colon. At least one. */
function refusedWords(refused: ReadonlyMap<string, DialRefusal>): string {
	const [why = "port"] = refused.values();
	return REFUSED[why];
}

const REFUSED: Readonly<Record<DialRefusal, string>> = {
	port: "that machine says that nothing takes packets on this UDP port; is the Coordinator running, and is the port right?",
	prohibited: "a firewall refuses the packets; does every firewall let UDP through to this port?",
	unreachable: "the network says that there is no such machine, or no way to it; is the address right, and is the machine on?",
};

/** So long each of them has, where there are more than are tried at once, before the next one begins. */
const AGAIN_MS = 1_000;

/** What the end of a deadline may take until the caller hears of it. */
const MARGIN_MS = 200;

/** What this Client can do beside streams. */
const CAPABILITIES: readonly string[] = [DIRECT_CAPABILITY, PRESENCE_CAPABILITY, BROADCAST_CAPABILITY, RESUME_CAPABILITY];
