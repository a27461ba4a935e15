/**
 * Defaults, resolved in one place: the addon gets complete options.
 *
 * @module
 */

import { RETRY } from "./constants.ts";
import type { NativeDialOptions, NativeEndpointOptions, NativeIdentity, NativeIncoming, NativeListenOptions, NativeTransport, NativeTrust } from "./native.ts";
import type { ConnectOptions, EndpointOptions, Identity, IncomingOptions, ListenOptions, TransportOptions, Trust } from "./types.ts";
import { withZoneNumber } from "./zone.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

export function nativeEndpointOptions(options: EndpointOptions): NativeEndpointOptions {
	return {
		host: withZoneNumber(options.host),
		port: options.port,
		rawDatagrams: options.rawDatagrams ?? false,
		receiveBufferBytes: options.receiveBufferBytes ?? 2 * MIB,
		sendBufferBytes: options.sendBufferBytes ?? 2 * MIB,
		turnBytes: options.turnBytes ?? MIB,
		farewellCode: options.farewellCode ?? 0,
		farewellReason: options.farewellReason ?? "",
		...(options.statelessResetKey === undefined ? {} : { statelessResetKey: options.statelessResetKey }),
	};
}

export function nativeListenOptions(options: ListenOptions): NativeListenOptions {
	return {
		identity: nativeIdentity(options.identity),
		...(options.clientTrust === undefined ? {} : { clientTrust: nativeTrust(options.clientTrust) }),
		alpnProtocols: options.alpnProtocols,
		retry: RETRIES[options.retry ?? "under-load"],
		retryThreshold: options.retryThreshold ?? 64,
		undecidedConnections: options.undecidedConnections ?? 256,
		undecidedPerSource: options.undecidedPerSource ?? 16,
		connectsPerSecondPerSource: options.connectsPerSecondPerSource ?? 10,
		returningPerSecondPerSource: options.returningPerSecondPerSource ?? 250,
		...(options.addressTokenKey === undefined ? {} : { addressTokenKey: options.addressTokenKey }),
		connections: options.connections ?? 65_536,
		handshakeTimeoutMs: options.handshakeTimeoutMs ?? 5_000,
		undecidedTimeoutMs: options.undecidedTimeoutMs ?? 5_000,
		undecidedCode: options.undecidedCode ?? 0,
		undecidedInvalidCode: options.undecidedInvalidCode ?? 0,
		keyLog: options.keyLog ?? false,
		transport: nativeTransport(options.transport ?? {}),
		incoming: nativeIncoming(options.incoming ?? {}),
	};
}

export function nativeDialOptions(options: ConnectOptions): NativeDialOptions {
	return {
		address: withZoneNumber(options.address),
		port: options.port,
		serverName: options.serverName,
		trust: nativeTrust(options.trust),
		...(options.identity === undefined ? {} : { identity: nativeIdentity(options.identity) }),
		alpnProtocols: options.alpnProtocols,
		handshakeTimeoutMs: options.handshakeTimeoutMs ?? 10_000,
		heedsNetwork: options.heedNetwork ?? false,
		keyLog: options.keyLog ?? false,
		transport: nativeTransport(options.transport ?? {}),
		incoming: nativeIncoming(options.incoming ?? {}),
	};
}

const RETRIES = { never: RETRY.NEVER, "under-load": RETRY.UNDER_LOAD, always: RETRY.ALWAYS } as const;

function nativeIdentity(identity: Identity): NativeIdentity {
	return { certificates: identity.certificates, privateKey: identity.privateKey };
}

function nativeTrust(trust: Trust): NativeTrust {
	return { roots: trust.roots ?? [], pinnedKeys: trust.pinnedKeys ?? [], pinnedCertificates: trust.pinnedCertificates ?? [] };
}

function nativeTransport(options: TransportOptions): NativeTransport {
	const bidirectionalStreams = options.bidirectionalStreams ?? 128;
	const unidirectionalStreams = options.unidirectionalStreams ?? 0;
	const streamWindowBytes = options.streamWindowBytes ?? MIB;
	return {
		idleTimeoutMs: options.idleTimeoutMs ?? 15_000,
		keepAliveIntervalMs: options.keepAliveIntervalMs ?? 5_000,
		bidirectionalStreams,
		unidirectionalStreams,
		streamWindowBytes,
		connectionWindowBytes: options.connectionWindowBytes ?? connectionWindow(bidirectionalStreams + unidirectionalStreams, streamWindowBytes),
		sendWindowBytes: options.sendWindowBytes ?? 0,
		maxMtuBytes: options.maxMtuBytes ?? 0,
		segmentationOffload: options.segmentationOffload ?? true,
		congestion: options.congestion ?? "cubic",
		datagramBufferBytes: options.datagramBufferBytes ?? 256 * KIB,
	};
}

/**
 * One window more than there are streams: stalled streams can use up theirs, and a further one still flows. An eighth of the
 * whole window comes on top, because that much may be read before quinn tells the peer (MAX_DATA).
 */
function connectionWindow(streams: number, streamWindowBytes: number): number {
	return Math.ceil(((streams + 1) * streamWindowBytes * 8) / 7);
}

function nativeIncoming(options: IncomingOptions): NativeIncoming {
	return {
		headerBytes: options.headerBytes ?? 16 * KIB,
		headerTimeoutMs: options.headerTimeoutMs ?? 5_000,
		headerTimeoutCode: options.headerTimeoutCode ?? 0,
		headerInvalidCode: options.headerInvalidCode ?? 0,
	};
}
