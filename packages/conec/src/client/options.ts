/**
 * Options of a Client.
 *
 * @module
 */

import { isIP } from "node:net";
import { checkOptions } from "../base/check-options.ts";
import { argumentError } from "../errors.ts";
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
import type { UplinkOptions } from "./uplink/index.ts";
import { parseCoordinator, parseSocketAddress } from "./uplink/index.ts";

/** Options of `Client.connect`. */
export interface ClientOptions {
	/** Name of this Client: labels of a-z, 0-9 and inner hyphens, joined by dots, at most 63 bytes. */
	readonly id: string;
	/** "host", "host:port" or "[::1]:1719". The Coordinator's certificate must be valid for the host, unless its key is pinned. */
	readonly coordinator: string;
	/** "ip:port" to dial instead of resolving the host, which is still what the certificate must be valid for. */
	readonly address?: string;
	/** Authorities that the Coordinator's certificate must come from; a self-signed one is its own. @default Node's root store */
	readonly ca?: Pem | readonly Pem[];
	/** Fingerprints of the Coordinator's key. Alone, names and dates are not checked: the key is. */
	readonly pin?: string | readonly string[];
	/** End a connection, with `CERTIFICATE_EXPIRED`, when the other side's certificate expires: the Coordinator's, unless there is only a `pin`, where dates do not count; on direct channels the peer's, with `clientCa`. @default false */
	readonly endAtExpiry?: boolean;
	/** Certificate chain, leaf first. @default a self-signed one for `id`, kept in `stateDirectory` if that is given, else new each time */
	readonly certificate?: Pem;
	/** Key of `certificate`; PKCS#8, SEC1 or PKCS#1, not encrypted. */
	readonly privateKey?: Pem;
	/** Where the identity is kept; made with mode 0700. @default nothing is kept */
	readonly stateDirectory?: string;
	/** What this Client says about itself, to the Coordinator and to every peer; at most 1 KiB as JSON. `updateMetadata` changes it. */
	readonly metadata?: JsonValue;
	/** Authorities that must have issued the certificates of peers on direct channels, beside the Coordinator's word for them. @default none: its word counts */
	readonly clientCa?: Pem | readonly Pem[];
	/** Whether peers may open direct channels to this Client. It may dial others all the same. @default true */
	readonly listen?: boolean;
	/** Whether this Client sends probes to open the NATs between it and a peer. Without them only peers that let packets in as they are can be dialled. @default true */
	readonly holePunching?: boolean;
	/**
	 * Whether to guess ports where one side has a symmetric NAT and the other filters by port: 256 sockets at the one, up to 2,048
	 * probes at the other, at most 15 s. Both sides must want it. Small routers feel it. @default false
	 */
	readonly birthday?: boolean;
	/**
	 * Asked when a peer wants a direct channel, before it learns this Client's addresses; false declines it, and an error too. Not asked
	 * about a peer to whom this Client wants one itself just then: `openChannel`, and `openStream` unless `path` is `"proxied"`, say so.
	 * Its metadata is untrusted. @default everybody may
	 */
	readonly acceptChannel?: (peer: PeerInfo) => boolean | Promise<boolean>;
	/** Handlers of protocols that are there before any stream comes: `{ "chat/1": async (stream) => { ... } }`. `client.handle` adds more. @default none */
	readonly handlers?: ProtocolHandlers;
	/** Stateless retry (RFC 9000, 8.1.2) for direct channels that peers dial. @default "under-load" */
	readonly retry?: "under-load" | "always" | "never";
	/** Interval of keep-alive packets in milliseconds; 0 is off, and then silence ends the connection. @default 5_000 */
	readonly keepAliveIntervalMs?: number;
	/** Local IP address to use. @default any */
	readonly localAddress?: string;
	/**
	 * Congestion control of all connections of this Client, the direction in which it sends. "bbr" keeps the rate on lines that lose
	 * packets without being full, and queues short on lines with long ones; it is experimental. See docs/congestion.md. @default "cubic"
	 */
	readonly congestion?: "cubic" | "bbr";
	/** Write TLS secrets to the file that SSLKEYLOGFILE names. For debugging. @default false */
	readonly keyLog?: boolean;
	/** Bounds; see docs/limits.md. One that only the Coordinator has is refused with `OPTION_INVALID`. */
	readonly limits?: Partial<ClientLimits>;
	/** Gives up connecting. Without effect once connected. */
	readonly signal?: AbortSignal;
}

/** Checked options without their identity. */
export interface ResolvedClientOptions extends UplinkOptions {
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
	readonly congestion: "cubic" | "bbr";
	readonly keyLog: boolean;
}

/** Checks options and fills in defaults. Throws TypeError or RangeError `OPTION_INVALID` or `ID_INVALID`, ConecError `CERTIFICATE_INVALID`. */
export function resolveClientOptions(options: ClientOptions): ResolvedClientOptions {
	checkOptions(options, {
		id: "string",
		coordinator: "string",
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
		congestion: ["cubic", "bbr"],
		keyLog: "boolean",
		limits: "object",
		signal: "signal",
	});
	const { id, localAddress } = options;
	const problem = idProblem(id);
	if (problem !== undefined) throw argumentError("type", "ID_INVALID", `Cannot use ${JSON.stringify(id)} as an id: it ${problem}`);
	if ((options.certificate === undefined) !== (options.privateKey === undefined))
		throw argumentError("type", "OPTION_INVALID", `Options "certificate" and "privateKey" go together`);
	if (localAddress !== undefined && isIP(localAddress) === 0)
		throw argumentError("type", "OPTION_INVALID", `Option "localAddress" must be an IP address, not ${JSON.stringify(localAddress)}`);
	const coordinator = parseCoordinator(options.coordinator);
	const limits = resolveLimits(options.limits, "client");
	checkMetadata(options.metadata, limits.metadataBytes);
	const trust = coordinatorTrust(options);
	return {
		id,
		coordinator,
		address: options.address === undefined ? undefined : parseSocketAddress(options.address, coordinator.port),
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
		family: localAddress === undefined || localAddress === "::" ? 0 : (isIP(localAddress) as 4 | 6),
		keepAliveIntervalMs: options.keepAliveIntervalMs ?? limits.keepAliveIntervalMs,
		congestion: options.congestion ?? "cubic",
		keyLog: options.keyLog ?? false,
		limits,
		signal: options.signal,
	};
}

/** The identity that the options ask for. Throws `CERTIFICATE_*`, `STATE_DIRECTORY_INVALID`. */
export async function clientIdentity(options: ClientOptions): Promise<LocalIdentity> {
	const { id, certificate, privateKey, stateDirectory } = options;
	if (certificate !== undefined && privateKey !== undefined) return parseIdentity(certificate, privateKey);
	if (stateDirectory !== undefined) return await loadKeptIdentity({ stateDirectory, file: `client.${id}`, names: [id] });
	return await makeSelfSigned({ names: [id] }, "ephemeral");
}
