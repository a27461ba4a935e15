/**
 * Options of a Client.
 *
 * @module
 */

import { isIP } from "node:net";
import { checkOptions } from "../base/check-options.ts";
import { argumentError, type OptionProblem, optionError } from "../errors.ts";
import { type ClientLimits, resolveLimits } from "../limits.ts";
import { checkMetadata } from "../session/open-stream-options.ts";
import type { PeerInfo } from "../session/peer-info.ts";
import { checkHandlers, type ProtocolHandler, type ProtocolHandlers } from "../session/protocols/index.ts";
import { type LocalIdentity, parseIdentity } from "../tls/identity.ts";
import { loadKeptIdentity } from "../tls/kept-identity.ts";
import type { Pem } from "../tls/pem.ts";
import { makeSelfSigned } from "../tls/self-signed.ts";
import { coordinatorTrust, readAuthorities } from "../tls/trust.ts";
import { idProblem } from "../wire/ids.ts";
import type { JsonValue } from "../wire/json.ts";
import { parseLink, placeText } from "./link/index.ts";
import type { ReconnectOptions, UplinkOptions } from "./uplink/index.ts";
import { type HostAndPort, parseCoordinator, parseSocketAddress } from "./uplink/index.ts";

/** Options of `Client.connect`. */
export interface ClientOptions {
	/** The id of this Client: labels of a-z, 0-9 and inner hyphens, joined by dots. At most 63 bytes. */
	readonly id: string;
	/**
	 * Where the Coordinator is: "host", "host:port" or "[::1]:1719". A name may be internationalised ("bücher.example"), a link-local address has
	 * a zone ("[fe80::1%eth0]:1719"). Its certificate must be valid for the host, unless its key is pinned. With several places, 1 to 8, they are
	 * tried in random order, each when the one before has failed or has not answered for 250 ms. A Client that comes back begins with the one where it was.
	 *
	 * @default port 1719
	 */
	readonly coordinator?: string | readonly string[];
	/**
	 * A link instead of `coordinator` and `pin`, as `conec coordinator` prints it: `conec://HOST[:PORT][,HOST...][#pin=sha256:HEX]`. Its hosts are
	 * tried in turn, each when the one before has failed or has not answered for 250 ms. `pin` may be given too if the link has none. See {@link parseLink}.
	 */
	readonly link?: string;
	/** An "ip" or "ip:port" to dial, so that the host is not resolved. The certificate must still be valid for the host. @default the host is resolved */
	readonly address?: string;
	/** Authorities that may have issued the Coordinator's certificate. A self-signed certificate is its own authority. @default Node's root store */
	readonly ca?: Pem | readonly Pem[];
	/** Fingerprints, `sha256:<hex>`, of which one must be that of the Coordinator's key. Without `ca`, only the key is checked, not names and dates. */
	readonly pin?: string | readonly string[];
	/**
	 * End a connection with `CERTIFICATE_EXPIRED` when the other side's certificate expires. This concerns:
	 *
	 * - the Coordinator's certificate, unless there is only a `pin`, because dates do not count then
	 * - the certificates of peers on direct channels, if there is a `clientCa`
	 *
	 * @default false
	 */
	readonly endAtExpiry?: boolean;
	/** The certificate chain of this Client, leaf first. @default a self-signed certificate for `id`. With `stateDirectory` it is kept, else it is new each time */
	readonly certificate?: Pem;
	/** The key of `certificate`: PKCS#8, SEC1 or PKCS#1, not encrypted. The two go together. */
	readonly privateKey?: Pem;
	/** The directory where the identity is kept. It is made with mode 0700 if it does not exist. @default nothing is kept */
	readonly stateDirectory?: string;
	/** What this Client says about itself to the Coordinator and to every peer: I-JSON (RFC 7493), at most 1 KiB (`limits.metadataBytes`), numbers of at most 2^53 - 1. `updateMetadata` changes it. @default nothing */
	readonly metadata?: JsonValue;
	/** Authorities that must have issued the certificates of peers on direct channels. The Coordinator vouches for those certificates in any case. @default none: its word is enough */
	readonly clientCa?: Pem | readonly Pem[];
	/** Whether peers may open direct channels to this Client. It may open channels to peers in any case. @default true */
	readonly listen?: boolean;
	/** Whether this Client sends probes, which open the NATs between it and a peer. Without probes, it can only dial peers that packets reach anyway. @default true */
	readonly holePunching?: boolean;
	/**
	 * Whether to guess ports where one side has a symmetric NAT and the other filters by port. The one side opens 256 sockets, the other
	 * sends up to 2,048 probes, for at most 15 s. Both sides must allow it. It is a load for small routers. @default false
	 */
	readonly birthday?: boolean;
	/**
	 * Called when a peer wants a direct channel, before the peer learns this Client's addresses. False declines, and so does an error.
	 * It is not called if this Client wants a channel to that peer at the same time, by `openChannel` or by `openStream` without
	 * `path: "proxied"`. The peer's metadata is untrusted. @default every peer may
	 */
	readonly acceptChannel?: (peer: PeerInfo) => boolean | Promise<boolean>;
	/** Handlers of protocols, set before any stream can come: `{ "chat/1": async (stream) => { ... } }`. `client.handle` adds more. @default none */
	readonly handlers?: ProtocolHandlers;
	/** QUIC stateless retry (RFC 9000, 8.1.2): whether peers that dial this Client must first prove their address. @default "under-load" */
	readonly retry?: "under-load" | "always" | "never";
	/** Interval of keep-alive packets, in milliseconds. 0 turns them off; then a connection that is silent for `limits.idleTimeoutMs` is lost. A direct channel that nobody uses sends them less often by itself. @default 5_000 */
	readonly keepAliveIntervalMs?: number;
	/** The local IP address to use. @default any */
	readonly localAddress?: string;
	/** The local UDP port to use: one that you have opened in a firewall or forwarded in a router, say. `connect` rejects with `ADDRESS_IN_USE` if another program has it. @default 0: the system picks one */
	readonly localPort?: number;
	/**
	 * Whether to ask the router to map the UDP port of this Client (PCP, NAT-PMP or UPnP). Peers then reach this Client at the router's address,
	 * also behind a symmetric NAT. `status()` tells what became of it. It never fails `connect`. IPv4 only. @default false
	 */
	readonly portMapping?: boolean;
	/**
	 * Congestion control of what this Client sends, on all its connections. "bbr" keeps its rate on lines that lose packets although they are
	 * not full, and keeps queues short where they grow long. It is experimental. See docs/congestion.md. @default "cubic"
	 */
	readonly congestion?: "cubic" | "bbr";
	/** For debugging: write TLS secrets to the file that the environment variable SSLKEYLOGFILE names. @default false */
	readonly keyLog?: boolean;
	/**
	 * Whether the Client comes back by itself when the connection to the Coordinator is lost. With `false` it ends when its last direct channel has
	 * ended too. See docs/reconnecting.md. @default true: for ever, with pauses of at most 15 s
	 */
	readonly reconnect?: boolean | ReconnectOptions;
	/**
	 * Whether the first connection is tried again like a lost one, until there is one: for services that start before their Coordinator. Then
	 * only `signal`, `reconnect.giveUpAfterMs` and what no attempt can change end the wait. It needs `reconnect`. @default false
	 */
	readonly waitForFirst?: boolean;
	/** What calls that need the Coordinator do while it is lost and the Client comes back: "wait" for it within their own time, or "fail" at once with `COORDINATOR_LOST`. @default "wait" */
	readonly offline?: "wait" | "fail";
	/** Limits that differ from their defaults; see docs/limits.md. A limit that only a Coordinator has is refused with `OPTION_INVALID`. */
	readonly limits?: Partial<ClientLimits>;
	/** Aborting gives up connecting: `connect` rejects with the signal's reason. It has no effect once the Client is connected. */
	readonly signal?: AbortSignal;
}

/** Checked options without their identity. */
export interface ResolvedClientOptions extends UplinkOptions {
	/** The places of the Coordinator are tried in an order of its own each time. Otherwise in the one that was given. */
	readonly anyOrder: boolean;
	readonly endAtExpiry: boolean;
	/** Authorities for peers' certificates. */
	readonly peerRoots: readonly Uint8Array[] | undefined;
	readonly listen: boolean;
	readonly holePunching: boolean;
	readonly birthday: boolean;
	readonly acceptChannel: (peer: PeerInfo) => boolean | Promise<boolean>;
	readonly handlers: ReadonlyMap<string, ProtocolHandler>;
	readonly retry: "under-load" | "always" | "never";
	readonly keepAliveIntervalMs: number;
	readonly localPort: number;
	readonly portMapping: boolean;
	readonly congestion: "cubic" | "bbr";
	readonly keyLog: boolean;
	/** `undefined`: it does not come back. */
	readonly reconnect: ReconnectOptions | undefined;
	readonly waitForFirst: boolean;
	readonly offline: "wait" | "fail";
}

/** Checks options and fills in defaults. Throws TypeError or RangeError `OPTION_INVALID` or `ID_INVALID`, ConecError `CERTIFICATE_INVALID`. */
export function resolveClientOptions(options: ClientOptions): ResolvedClientOptions {
	checkOptions(options, {
		id: "string",
		coordinator: "string or strings",
		link: "string",
		address: "string",
		ca: "pems",
		pin: "string or strings",
		endAtExpiry: "boolean",
		certificate: "pem",
		privateKey: "pem",
		stateDirectory: "string",
		metadata: "json",
		clientCa: "pems",
		listen: "boolean",
		holePunching: "boolean",
		birthday: "boolean",
		acceptChannel: "function",
		handlers: "object",
		retry: ["under-load", "always", "never"],
		keepAliveIntervalMs: "interval",
		localAddress: "string",
		localPort: "port",
		portMapping: "boolean",
		congestion: ["cubic", "bbr"],
		keyLog: "boolean",
		reconnect: "boolean or object",
		waitForFirst: "boolean",
		offline: ["wait", "fail"],
		limits: "object",
		signal: "signal",
	});
	const { id, localAddress } = options;
	const problem = idProblem(id);
	if (problem !== undefined) {
		const wrong = argumentError("type", "ID_INVALID", `Cannot use ${JSON.stringify(id)} as an id: it ${problem}`);
		throw Object.assign(wrong, { option: "id", problem: `cannot be ${JSON.stringify(id)}: it ${problem}` } satisfies OptionProblem);
	}
	if ((options.certificate === undefined) !== (options.privateKey === undefined))
		throw argumentError("type", "OPTION_INVALID", `Options "certificate" and "privateKey" go together`);
	if (localAddress !== undefined && isIP(localAddress) === 0)
		throw optionError("type", "localAddress", `must be an IP address, not ${JSON.stringify(localAddress)}`);
	const { coordinators, anyOrder, pin } = coordinatorsOf(options);
	const limits = resolveLimits(options.limits, "client");
	checkMetadata(options.metadata, limits.metadataBytes);
	const trust = coordinatorTrust({ ca: options.ca, pin });
	return {
		id,
		coordinators,
		anyOrder,
		address: addressOf(options.address, coordinators),
		trust,
		ca: options.ca === undefined ? undefined : trust.roots,
		endAtExpiry: options.endAtExpiry ?? false,
		metadata: options.metadata,
		peerRoots: options.clientCa === undefined ? undefined : readAuthorities(options.clientCa),
		listen: options.listen ?? true,
		holePunching: options.holePunching ?? true,
		birthday: options.birthday ?? false,
		acceptChannel: options.acceptChannel ?? (() => true),
		handlers: checkHandlers(options.handlers, limits.protocols),
		retry: options.retry ?? "under-load",
		localAddress: localAddress ?? "::",
		localPort: options.localPort ?? 0,
		portMapping: options.portMapping ?? false,
		family: localAddress === undefined || localAddress === "::" ? 0 : (isIP(localAddress) as 4 | 6),
		keepAliveIntervalMs: options.keepAliveIntervalMs ?? limits.keepAliveIntervalMs,
		congestion: options.congestion ?? "cubic",
		keyLog: options.keyLog ?? false,
		...reconnectOf(options),
		offline: options.offline ?? "wait",
		limits,
		signal: options.signal,
	};
}

/** Where the Coordinator may be, and its pins. */
function coordinatorsOf({
	coordinator,
	link,
	pin,
}: ClientOptions): Pick<ResolvedClientOptions, "coordinators" | "anyOrder"> & { readonly pin: ClientOptions["pin"] | undefined } {
	const wrong = (message: string): Error => argumentError("type", "OPTION_INVALID", message);
	if (link === undefined) {
		if (coordinator === undefined) throw wrong('Option "coordinator" or "link" is missing');
		const places = typeof coordinator === "string" ? [coordinator] : coordinator;
		if (places.length === 0 || places.length > MOST_PLACES) throw optionError("range", "coordinator", `must have 1 to ${MOST_PLACES} places`);
		const parsed = places.map(parseCoordinator);
		if (new Set(parsed.map(placeText)).size < parsed.length) throw optionError("range", "coordinator", "must not have a place twice");
		return { coordinators: parsed, anyOrder: true, pin };
	}
	if (coordinator !== undefined) throw wrong('Options "coordinator" and "link" exclude each other');
	const parts = parseLink(link);
	if (parts.pins.length > 0 && pin !== undefined) throw wrong('Option "pin" cannot be given with a link that has a pin');
	return { coordinators: parts.coordinators.map(parseCoordinator), anyOrder: false, pin: parts.pins.length > 0 ? parts.pins : pin };
}

function addressOf(address: string | undefined, coordinators: readonly HostAndPort[]): ResolvedClientOptions["address"] {
	const [first, ...others] = coordinators;
	if (address === undefined || first === undefined) return undefined;
	if (others.length > 0) throw argumentError("type", "OPTION_INVALID", 'Option "address" cannot be given with several places of the Coordinator');
	return parseSocketAddress(address, first.port);
}

/** Whether and how the Client comes back. */
function reconnectOf({ reconnect = true, waitForFirst = false }: ClientOptions): Pick<ResolvedClientOptions, "reconnect" | "waitForFirst"> {
	if (typeof reconnect === "object") {
		checkOptions(reconnect, { maxDelayMs: "integer", giveUpAfterMs: "integer" });
		checkRange("reconnect.maxDelayMs", reconnect.maxDelayMs, 100, 3_600_000);
		checkRange("reconnect.giveUpAfterMs", reconnect.giveUpAfterMs, 1, 2 ** 31 - 1);
	}
	if (waitForFirst && reconnect === false) throw argumentError("type", "OPTION_INVALID", 'Option "waitForFirst" needs "reconnect"');
	return { reconnect: reconnect === true ? {} : reconnect === false ? undefined : reconnect, waitForFirst };
}

function checkRange(name: string, value: number | undefined, min: number, max: number): void {
	if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return;
	throw optionError("range", name, `must be an integer from ${min} to ${max}, not ${value}`);
}

/** Places of one Coordinator, as in a link. */
const MOST_PLACES = 8;

/** The identity that the options ask for. Throws `CERTIFICATE_*`, `STATE_DIRECTORY_INVALID`. */
export async function clientIdentity(options: ClientOptions): Promise<LocalIdentity> {
	const { id, certificate, privateKey, stateDirectory } = options;
	if (certificate !== undefined && privateKey !== undefined) return parseIdentity(certificate, privateKey);
	if (stateDirectory !== undefined) return await loadKeptIdentity({ stateDirectory, file: `client.${id}`, names: [id] });
	return await makeSelfSigned({ names: [id] }, "ephemeral");
}
