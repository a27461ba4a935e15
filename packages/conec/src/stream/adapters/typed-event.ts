/**
 * Events of a broadcast, decoded.
 *
 * @module
 */

import type { BroadcastEvent } from "../broadcast-stream.ts";
import type { Coding } from "./coding.ts";

/** A {@link BroadcastEvent} whose messages carry a value. */
export type TypedBroadcastEvent<T> =
	| { readonly type: "message"; readonly sender: string; readonly epoch: string; readonly seq: number; readonly data: T }
	| Exclude<BroadcastEvent, { readonly type: "message" }>;

/** The event with its message decoded, if it is one. Throws, or rejects with, `DECODE_FAILED`. */
export function decodeEvent<T, Sent>(event: BroadcastEvent, coding: Coding<T, Sent>): TypedBroadcastEvent<T> | Promise<TypedBroadcastEvent<T>> {
	if (event.type !== "message") return event;
	const data = coding.decode(event.data);
	return data instanceof Promise ? data.then((checked) => ({ ...event, data: checked })) : { ...event, data };
}
