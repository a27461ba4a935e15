/**
 * Options of a Coordinator.
 *
 * @module
 */

import { isIP } from "node:net";
import { checkOptions } from "../base/check-options.ts";
import { argumentError } from "../errors.ts";
import { type CoordinatorLimits, resolveLimits } from "../limits.ts";
import { checkHandlers, type ProtocolHandler, type ProtocolHandlers } from "../session/protocols/index.ts";
import { formatFingerprint, parseFingerprint } from "../tls/fingerprint.ts";
import { type LocalIdentity, parseIdentity } from "../tls/identity.ts";
import { loadKeptIdentity } from "../tls/kept-identity.ts";
import type { Pem } from "../tls/pem.ts";
import { makeSelfSigned } from "../tls/self-signed.ts";
import { DEFAULT_PORT } from "../wire/versions.ts";
import { type BroadcastRules, type ResolvedBroadcastRule, resolveBroadcastRules } from "./broadcast/index.ts";

/** Options of `Coordinator.listen`. */
export interface CoordinatorOptions {
	/** Certificate chain, leaf first. @default a self-signed one for `names`, kept in `stateDirectory` if that is given */
	readonly certificate?: Pem;
	/** Key of `certificate`; PKCS#8, SEC1 or PKCS#1, not encrypted. */
	readonly privateKey?: Pem;
	/** DNS names and IP addresses of the self-signed certificate. @default ["localhost"] */
	readonly names?: readonly string[];
	/** Local IP address. @default "::", which is dual stack, or 0.0.0.0 where there is no IPv6 */
	readonly host?: string;
	/** UDP port; 0 picks one. @default 1719 */
	readonly port?: number;
	/** A second UDP port, for Clients to learn what their NAT does; 0 picks one. Where it cannot be bound, direct channels do with what is known without. @default `port` + 1, or 0 with `port` 0 */
	readonly natTestPort?: number;
	/** CA mode: only Clients with a certificate of these authorities, valid for their id. @default open mode: any key */
	readonly clientCa?: Pem | readonly Pem[];
	/** Fingerprints that are never let in. */
	readonly deny?: readonly string[];
	/** End a Client's connection, with `CERTIFICATE_EXPIRED`, when its certificate expires; in CA mode only, as elsewhere dates do not count. @default false: as with TLS, dates count when a connection begins */
	readonly endAtExpiry?: boolean;
	/** QUIC stateless retry: make Clients prove their address first. @default "under-load" */
	readonly retry?: "under-load" | "always" | "never";
	/**
	 * Congestion control of all connections of this Coordinator, the direction in which it sends. "bbr" keeps the rate on lines that lose
	 * packets without being full, and queues short on lines with long ones; it is experimental. See docs/congestion.md. @default "cubic"
	 */
	readonly congestion?: "cubic" | "bbr";
	/** Write TLS secrets to the file that SSLKEYLOGFILE names. For debugging. @default false */
	readonly keyLog?: boolean;
	/** Where the identity and the leases of ids are kept; made with mode 0700. For one Coordinator at a time. @default nothing is kept */
	readonly stateDirectory?: string;
	/** Handlers of protocols that are there before any Client comes: `{ "log/1": async (stream) => { ... } }`. `coordinator.handle` adds more. @default none */
	readonly handlers?: ProtocolHandlers;
	/** What is kept of which broadcasts, and where members may block; see docs/broadcasts.md. @default nothing and nowhere */
	readonly broadcasts?: BroadcastRules;
	/** Bounds; see docs/limits.md. One that only a Client has is refused with `OPTION_INVALID`. */
	readonly limits?: Partial<CoordinatorLimits>;
}

/** Checked options without their identity. */
export interface ResolvedCoordinatorOptions {
	readonly names: readonly string[];
	readonly host: string;
	readonly port: number;
	readonly natTestPort: number;
	readonly endAtExpiry: boolean;
	readonly retry: "under-load" | "always" | "never";
	readonly congestion: "cubic" | "bbr";
	readonly keyLog: boolean;
	readonly handlers: ReadonlyMap<string, ProtocolHandler>;
	readonly broadcastRule: (name: string) => ResolvedBroadcastRule;
	readonly limits: CoordinatorLimits;
}

/** Checks options and fills in defaults. Throws TypeError or RangeError `OPTION_INVALID`. */
export function resolveCoordinatorOptions(options: CoordinatorOptions): ResolvedCoordinatorOptions {
	checkOptions(options, {
		certificate: "pem",
		privateKey: "pem",
		names: "strings",
		host: "string",
		port: "port",
		natTestPort: "port",
		clientCa: "pems",
		deny: "strings",
		endAtExpiry: "boolean",
		retry: ["under-load", "always", "never"],
		congestion: ["cubic", "bbr"],
		keyLog: "boolean",
		stateDirectory: "string",
		handlers: "object",
		broadcasts: "object",
		limits: "object",
	});
	const { host = "::", names = ["localhost"] } = options;
	if (isIP(host) === 0) throw argumentError("type", "OPTION_INVALID", `Option "host" must be an IP address, not ${JSON.stringify(host)}`);
	if ((options.certificate === undefined) !== (options.privateKey === undefined))
		throw argumentError("type", "OPTION_INVALID", `Options "certificate" and "privateKey" go together`);
	const port = options.port ?? DEFAULT_PORT;
	const limits = resolveLimits(options.limits, "coordinator");
	return {
		names,
		host,
		port,
		// The last port has none after it.
		natTestPort: options.natTestPort ?? (port === 0 || port === 65_535 ? 0 : port + 1),
		endAtExpiry: options.endAtExpiry ?? false,
		retry: options.retry ?? "under-load",
		congestion: options.congestion ?? "cubic",
		keyLog: options.keyLog ?? false,
		handlers: checkHandlers(options.handlers, limits.protocols),
		broadcastRule: resolveBroadcastRules(options.broadcasts, limits),
		limits,
	};
}

/** The identity that the options ask for. Throws `CERTIFICATE_*`, `STATE_DIRECTORY_INVALID`. */
export async function coordinatorIdentity(options: CoordinatorOptions, names: readonly string[]): Promise<LocalIdentity> {
	const { certificate, privateKey, stateDirectory } = options;
	if (certificate !== undefined && privateKey !== undefined) return parseIdentity(certificate, privateKey);
	if (stateDirectory !== undefined) return await loadKeptIdentity({ stateDirectory, file: "coordinator", names });
	return await makeSelfSigned({ names }, "ephemeral");
}

/** Fingerprints in their one form. Throws TypeError `OPTION_INVALID`. */
export function denyList(deny: readonly string[] = []): ReadonlySet<string> {
	return new Set(deny.map((text) => formatFingerprint(parseFingerprint(text, "deny"))));
}
