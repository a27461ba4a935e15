/**
 * Options of a Coordinator.
 *
 * @module
 */

import { isIP } from "node:net";
import { checkOptions } from "../base/check-options.ts";
import { argumentError, optionError } from "../errors.ts";
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
	/** The certificate chain of this Coordinator, leaf first. @default a self-signed certificate for `names`. With `stateDirectory` it is kept, else it is new each time */
	readonly certificate?: Pem;
	/** The key of `certificate`: PKCS#8, SEC1 or PKCS#1, not encrypted. The two go together. */
	readonly privateKey?: Pem;
	/** The DNS names and IP addresses in the self-signed certificate. @default ["localhost"] */
	readonly names?: readonly string[];
	/** The local IP address to bind. @default "::", which takes IPv6 and IPv4, or 0.0.0.0 where there is no IPv6 */
	readonly host?: string;
	/** The UDP port. With 0 the system picks one. @default 1719 */
	readonly port?: number;
	/**
	 * A second UDP port, with which Clients learn how their NAT behaves. With 0 the system picks one. If the port cannot be bound, direct
	 * channels are made without that knowledge. @default `port` + 1, or 0 with `port` 0
	 */
	readonly natTestPort?: number;
	/** CA mode: a Client needs a certificate that one of these authorities issued and that is valid for its id. @default open mode: every key is let in */
	readonly clientCa?: Pem | readonly Pem[];
	/** Fingerprints, `sha256:<hex>`, of keys that are never let in. @default none */
	readonly deny?: readonly string[];
	/** End a Client's connection with `CERTIFICATE_EXPIRED` when its certificate expires. It has an effect in CA mode only, because dates do not count in open mode. @default false: dates count when a connection begins, as with TLS */
	readonly endAtExpiry?: boolean;
	/** QUIC stateless retry (RFC 9000, 8.1.2): whether Clients must first prove their address. @default "under-load" */
	readonly retry?: "under-load" | "always" | "never";
	/**
	 * Congestion control of what this Coordinator sends, on all its connections. "bbr" keeps its rate on lines that lose packets although they are
	 * not full, and keeps queues short where they grow long. It is experimental. See docs/congestion.md. @default "cubic"
	 */
	readonly congestion?: "cubic" | "bbr";
	/** For debugging: write TLS secrets to the file that the environment variable SSLKEYLOGFILE names. @default false */
	readonly keyLog?: boolean;
	/** The directory where the identity and the leases of ids are kept. It is made with mode 0700 if it does not exist. One Coordinator may use it at a time. @default nothing is kept */
	readonly stateDirectory?: string;
	/** Handlers of protocols, set before any Client can come: `{ "log/1": async (stream) => { ... } }`. `coordinator.handle` adds more. @default none */
	readonly handlers?: ProtocolHandlers;
	/** Which broadcasts have a history, and in which ones members may block; see docs/broadcasts.md. @default none */
	readonly broadcasts?: BroadcastRules;
	/** Limits that differ from their defaults; see docs/limits.md. A limit that only a Client has is refused with `OPTION_INVALID`. */
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
	if (isIP(host) === 0) throw optionError("type", "host", `must be an IP address, not ${JSON.stringify(host)}`);
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
