/**
 * QUIC for Node.js, over quinn and rustls: one {@link Endpoint} is one UDP socket that listens, dials and carries
 * non-QUIC datagrams at once; a {@link Connection} is authenticated on both sides by certificate; a {@link Stream}
 * carries whole frames with credit in both directions; {@link pipe} splices two streams without JS.
 *
 * @module
 */

export { Connection, type FirstFrame } from "./connection.ts";
export { Endpoint } from "./endpoint.ts";
export type { FrameMemory } from "./environment.ts";
export { type DialRefusal, isQuicError, QuicError, type QuicErrorCode, type QuicErrorDetails, type Refusal } from "./errors.ts";
export { releaseMemory } from "./memory.ts";
export { type QuicAvailability, quicAvailable } from "./native.ts";
export { HeldStream, IncomingStream, pipe, Stream, type StreamHandler, writeFrames, writeMany } from "./stream.ts";
export type {
	ConnectionCloseInfo,
	ConnectionHeld,
	ConnectionStats,
	ConnectOptions,
	EndpointOptions,
	EndpointStats,
	FrameLimits,
	Identity,
	IncomingOptions,
	ListenOptions,
	PipeResult,
	SharingOptions,
	SocketAddress,
	StreamOptions,
	TransportOptions,
	Trust,
} from "./types.ts";
