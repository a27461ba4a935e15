/**
 * The addon's surface as `native/src/bridge` defines it, and how it is found. Everything is synchronous.
 *
 * @module
 */

// @ts-expect-error: it is JavaScript without types; `Loaded` says what it answers.
import addonLoader from "../native/loader.cjs";
import { messageOf, QuicError } from "./errors.ts";
import type { SocketAddress } from "./types.ts";

/** A handle: 20 bits of slot, 12 bits of generation. */
export type Handle = number;

export interface NativeIdentity {
	certificates: readonly Uint8Array[];
	privateKey: Uint8Array;
}

export interface NativeTrust {
	roots: readonly Uint8Array[];
	pinnedKeys: readonly Uint8Array[];
	pinnedCertificates: readonly Uint8Array[];
}

export interface NativeTransport {
	idleTimeoutMs: number;
	keepAliveIntervalMs: number;
	bidirectionalStreams: number;
	unidirectionalStreams: number;
	streamWindowBytes: number;
	connectionWindowBytes: number;
	/** 0: it follows the congestion window. */
	sendWindowBytes: number;
	/** 0: as much as the path may take. */
	maxMtuBytes: number;
	segmentationOffload: boolean;
	congestion: string;
	datagramBufferBytes: number;
}

export interface NativeIncoming {
	headerBytes: number;
	headerTimeoutMs: number;
	headerTimeoutCode: number;
	headerInvalidCode: number;
}

export interface NativeEndpointOptions {
	host: string;
	port: number;
	rawDatagrams: boolean;
	receiveBufferBytes: number;
	sendBufferBytes: number;
	/** 0: no bound. */
	turnBytes: number;
	statelessResetKey?: Uint8Array;
	farewellCode: number;
	farewellReason: string;
}

export interface NativeListenOptions {
	identity: NativeIdentity;
	clientTrust?: NativeTrust;
	alpnProtocols: readonly string[];
	retry: 0 | 1 | 2;
	retryThreshold: number;
	undecidedConnections: number;
	undecidedPerSource: number;
	connectsPerSecondPerSource: number;
	returningPerSecondPerSource: number;
	addressTokenKey?: Uint8Array;
	connections: number;
	handshakeTimeoutMs: number;
	undecidedTimeoutMs: number;
	undecidedCode: number;
	undecidedInvalidCode: number;
	keyLog: boolean;
	transport: NativeTransport;
	incoming: NativeIncoming;
}

export interface NativeDialOptions {
	address: string;
	port: number;
	serverName: string;
	trust: NativeTrust;
	identity?: NativeIdentity;
	alpnProtocols: readonly string[];
	handshakeTimeoutMs: number;
	readonly heedsNetwork: boolean;
	keyLog: boolean;
	transport: NativeTransport;
	incoming: NativeIncoming;
}

export interface NativeStreamOptions {
	framed: boolean;
	longKinds: number;
	longBytes: number;
	otherBytes: number;
	creditBytes: number;
	highWaterBytes: number;
	priority: number;
	control: boolean;
	tooLongCode: number;
	truncatedCode: number;
}

export interface NativeConnectionInfo {
	remote: SocketAddress;
	localAddress?: string;
	acceptedFrom?: SocketAddress;
	serverName?: string;
	alpnProtocol: string;
	peerCertificates: Uint8Array[];
	congestion: string;
}

/** Numbers and names by list. */
export interface NativeConstants {
	numbers: Record<string, Record<string, number>>;
	names: Record<string, string[]>;
}

/** The functions of the addon. Failures are errors with a `code` (see `errors.ts`). */
export interface Native {
	abiVersion(): number;
	/** What `constants.ts` says, as the addon has it. Only a test asks. */
	constants(): NativeConstants;
	init(wake: () => void, watch: boolean): void;
	setReferenced(on: boolean): void;
	poll(buffer: Buffer, offset: number, most: number): number;
	/** How often `wake` was called by way of another thread or a later round of the event loop, and how often in place. Only tests ask. */
	told(): number[];
	take(buffer: Buffer): void;
	flush(): void;
	leave(): void;
	releaseMemory(): void;
	release(handle: Handle): void;
	endpointBind(options: NativeEndpointOptions): Handle;
	endpointAddress(endpoint: Handle): SocketAddress;
	endpointListen(endpoint: Handle, options: NativeListenOptions): void;
	endpointStopListening(endpoint: Handle): void;
	endpointRebind(endpoint: Handle, host: string, port: number, rawDatagrams: boolean): SocketAddress;
	endpointSendRaw(endpoint: Handle, data: Uint8Array, host: string, port: number): boolean;
	endpointClose(endpoint: Handle, code: number, reason: string, drainMs: number): void;
	endpointHeld(connections: Uint32Array, leastBytes: number): number[];
	endpointStats(endpoint: Handle): number[];
	connectionDial(endpoint: Handle, options: NativeDialOptions): Handle;
	connectionConfirm(connection: Handle): void;
	connectionHoldStreams(connection: Handle, hold: boolean): void;
	connectionClose(connection: Handle, code: number, reason: string): void;
	connectionSettle(connection: Handle): void;
	connectionShare(connection: Handle, sharedWith: Handle | null, bytesPerSecond: number, burstBytes: number): void;
	connectionMayTake(connection: Handle): boolean;
	connectionTook(connection: Handle, bytes: number): void;
	connectionInfo(connection: Handle): NativeConnectionInfo;
	connectionRemote(connection: Handle): SocketAddress;
	connectionStats(connection: Handle): number[];
	connectionDatagram(connection: Handle, data: Uint8Array): 0 | 1 | 2 | 3;
	connectionMaxDatagram(connection: Handle): number;
	connectionExportKey(connection: Handle, label: Uint8Array, context: Uint8Array, length: number): Uint8Array;
	streamOpen(connection: Handle, bidirectional: boolean, held: boolean, firstKind: number, first: Uint8Array | null, options: NativeStreamOptions): Handle;
	streamLetGo(stream: Handle): void;
	streamAccept(stream: Handle, options: NativeStreamOptions): boolean;
	streamRefuse(stream: Handle, code: number): void;
	streamWrite(stream: Handle, kind: number, payload: Uint8Array): number;
	streamWritePacked(stream: Handle, packed: Uint8Array, length: number): number;
	streamWriteUrgent(stream: Handle, kind: number, payload: Uint8Array, inline: boolean): number;
	writeMany(streams: Uint32Array, kind: number, payload: Uint8Array): Int32Array;
	writeFrames(streams: Uint32Array, frames: Uint8Array): Int32Array;
	streamQueued(stream: Handle): number;
	streamFinish(stream: Handle): void;
	streamReset(stream: Handle, code: number): void;
	streamStop(stream: Handle, code: number): void;
	streamCredit(stream: Handle, amount: number): void;
	pipeStreams(from: Handle, to: Handle, lostCode: number, priority: number): boolean;
}

/** The loader's answer; see `native/loader.cjs`. */
type Loaded = { ok: true; binding: Native; source: string; version: string } | { ok: false; reason: string; hint: string; errors: readonly string[] };

/** Whether this machine has the addon, and if not, why and what to do. */
export type QuicAvailability =
	| { readonly ok: true; readonly source: string; readonly version: string }
	| { readonly ok: false; readonly reason: string; readonly hint: string };

/** Imported, not required, so that bundlers see it and what it requires. */
const loader = addonLoader as { load(): Loaded };

/** Tries to load the addon and says how it went. Never throws. */
export function quicAvailable(): QuicAvailability {
	let loaded: Loaded;
	try {
		loaded = loader.load();
	} catch (error) {
		return { ok: false, reason: messageOf(error), hint: "Try again, or run: npx @conec/quic status" };
	}
	return loaded.ok ? { ok: true, source: loaded.source, version: loaded.version } : { ok: false, reason: loaded.reason, hint: loaded.hint };
}

/** Where the addon was loaded from. Copies of this module that load the same file share an environment. */
export function nativeSource(): string {
	const loaded = loader.load();
	return loaded.ok ? loaded.source : "";
}

/** The addon, or a `QUIC_UNAVAILABLE` error that names the reason and the remedy. */
export function requireNative(): Native {
	const loaded = load();
	if (loaded.ok) return loaded.binding;
	// What is only absent is the reason already; `npx @conec/quic status` lists all of it.
	const faulty = loaded.errors.filter((line) => !line.endsWith(": not there"));
	const tried = faulty.length > 0 ? ` Tried: ${faulty.join("; ")}` : "";
	throw new QuicError("QUIC_UNAVAILABLE", `QUIC is not available: ${loaded.reason}. ${loaded.hint}${tried}`);
}

/** Looking for the addon reads files. That may fail for the moment, so the next call looks again. */
function load(): ReturnType<typeof loader.load> {
	try {
		return loader.load();
	} catch (cause) {
		throw new QuicError("QUIC_UNAVAILABLE", `QUIC is not available: ${messageOf(cause)}`, { cause });
	}
}
