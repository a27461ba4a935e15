/**
 * Conec: COordinated NEtwork Channels. Many Clients, one Coordinator, one verified identity on every path.
 *
 * A {@link Coordinator} is the one well-known server. A {@link Client} connects to it over QUIC with mutual TLS. It has an id, and
 * opens streams to other Clients by their ids. A {@link MessageStream} carries whole messages both ways, in order.
 *
 * ```ts
 * import { Client, Coordinator } from "conec";
 *
 * const coordinator = await Coordinator.listen({ port: 0 });
 * const options = { coordinator: `localhost:${coordinator.address.port}`, pin: coordinator.fingerprint };
 * const alice = await Client.connect({ id: "alice", ...options });
 * const bob = await Client.connect({ id: "bob", ...options });
 *
 * const [toBob] = await Promise.all([alice.openStream("bob"), greet()]);
 * for await (const message of toBob) console.log(new TextDecoder().decode(message));
 * await Promise.all([alice.close(), bob.close()]);
 * await coordinator.close();
 *
 * async function greet() {
 * 	for await (const stream of bob.incomingStreams) {
 * 		await stream.send(`hello, ${stream.peer}`);
 * 		return stream.close();
 * 	}
 * }
 * ```
 *
 * - **Backpressure** is one rule: `send` resolves when there is room.
 * - **Ends** are never silent. Only the peer's `close` ends `for await`. A stream that is cut off rejects with a code.
 * - **Errors** are {@link ConecError} with a `code` of a closed list (docs/errors.md). Wrong arguments are `TypeError` and `RangeError`. An
 *   abort rejects with your own reason.
 * - **Adapters** wrap a stream: {@link typed} for values, {@link nonBlocking} for readers that must not make the sender wait, and
 *   {@link toDuplex} for Node streams (docs/adapters.md).
 * - **Limits** are all in {@link ClientLimits} and {@link CoordinatorLimits} (docs/limits.md).
 * - **Trust** is a `ca`, a `pin`, or Node's root store (docs/security.md).
 * - **The protocol** is in docs/protocol.md.
 *
 * @module
 */

export type { CloseInfo } from "./base/close-info.ts";
export type { BroadcastMembers } from "./client/broadcast/index.ts";
export type { Channel, ChannelStats } from "./client/channel/index.ts";
export { Client } from "./client/client.ts";
export type { ClientChannelStatus } from "./client/direct/index.ts";
export { type CoordinatorLinkParts, formatLink, parseLink } from "./client/link/index.ts";
export type { OwnNat } from "./client/network/index.ts";
export type { ClientOptions } from "./client/options.ts";
export type { MappingProtocol, PortMappingStatus } from "./client/port-mapping/index.ts";
export type { ClientStatus } from "./client/status.ts";
export type { ClientConnected, ClientReconnecting, ReconnectOptions } from "./client/uplink/index.ts";
export type { BroadcastHistoryOptions, BroadcastRule, BroadcastRules, BroadcastStatus } from "./coordinator/broadcast/index.ts";
export { Coordinator } from "./coordinator/coordinator.ts";
export type { ReloadOptions } from "./coordinator/credentials.ts";
export type { DefenceAction, DefenceCount, DefenceStatus, DefenceSubject, Whom } from "./coordinator/defence/index.ts";
export type { ComeBackOptions, DisconnectOptions } from "./coordinator/dismissal.ts";
export type { CloseOptions, DrainOptions } from "./coordinator/drain.ts";
export type { ChannelStatus } from "./coordinator/introduction/index.ts";
export type { CoordinatorOptions } from "./coordinator/options.ts";
export type { ClientInfo } from "./coordinator/sessions/index.ts";
export type { CoordinatorStatus } from "./coordinator/status.ts";
export { CONEC_ERROR_CODES, ConecError, type ConecErrorCode, type ConecErrorOptions, isConecError, isRetryable } from "./errors.ts";
export { type ClientLimits, type CoordinatorLimits, type Limits, resolveLimits } from "./limits.ts";
export type { OpenStreamOptions } from "./session/open-stream-options.ts";
export type { PathCandidate, PathReport } from "./session/path-report.ts";
export type { PeerInfo } from "./session/peer-info.ts";
export type { PresenceEvent } from "./session/presence-event.ts";
export type { HandlerContext, HandlerFailed, Handling, ProtocolHandler, ProtocolHandlers } from "./session/protocols/index.ts";
export type { ChangedStream } from "./session/resumption/index.ts";
export type { StatusLagged } from "./session/status-feed.ts";
export type {
	Codec,
	CodecWithoutSchema,
	CodecWithSchema,
	SchemaIssue,
	SchemaResult,
	StandardSchema,
	TypedBroadcastEvent,
	TypedBroadcastStream,
} from "./stream/adapters/index.ts";
export { jsonCodec, type NonBlockingItem, nonBlocking, type TypedStream, toDuplex, typed } from "./stream/adapters/index.ts";
export type { BroadcastEvent, BroadcastOptions, BroadcastStream } from "./stream/broadcast-stream.ts";
export type { StreamChange, StreamPath, StreamStatus } from "./stream/changes.ts";
export type { MessageStream } from "./stream/message-stream.ts";
export {
	type CertificateAndKey,
	type CertificateAuthorityOptions,
	createCertificateAuthority,
	type IssueOptions,
	issueCertificate,
	type KeyType,
} from "./tls/certificate-authority.ts";
export { fingerprint } from "./tls/fingerprint.ts";
export type { Pem } from "./tls/pem.ts";
export type { SocketAddress } from "./transport/transport.ts";
export type { BroadcastMode, BroadcastPeer, BroadcastPosition, SlowReaderPolicy } from "./wire/broadcast.ts";
export type { NatReport } from "./wire/channel-messages.ts";
export type { ComeBack } from "./wire/come-back.ts";
export type { JsonValue } from "./wire/json.ts";
