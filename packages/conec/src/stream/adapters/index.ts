/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

export type { Codec, CodecWithoutSchema, CodecWithSchema, SchemaIssue, SchemaResult, StandardSchema } from "./codec.ts";
export { toDuplex } from "./duplex.ts";
export { jsonCodec } from "./json-codec.ts";
export { type NonBlockingItem, nonBlocking } from "./non-blocking.ts";
export { type TypedStream, typed } from "./typed.ts";
export type { TypedBroadcastStream } from "./typed-broadcast.ts";
export type { TypedBroadcastEvent } from "./typed-event.ts";
