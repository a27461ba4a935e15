/**
 * The states of a stream's machine: of the answer to its opening, of each direction, and of its end.
 *
 * @module
 */

import type { CloseInfo } from "./close-info.ts";

/** What the opener knows of the peer's answer. */
export type Answer =
	/** ACCEPT or REJECT is to come until then, which was so long after the opening. */
	| { readonly type: "awaited"; readonly untilMs: number; readonly withinMs: number }
	/** STOP_SENDING came first. On its way it may have overtaken the REJECT that explains it. */
	| { readonly type: "overtaken"; readonly untilMs: number; readonly withinMs: number; readonly stopCode: number }
	/** It came, or it does not matter any more. At the acceptor always. */
	| { readonly type: "settled" };

/** What comes. */
export type Receiving =
	/** Messages may come. */
	| "open"
	/** END came, and END_ACK is written. */
	| "ended"
	/** FIN came after END: the peer says nothing more. */
	| "finished"
	/** A reset came after END: nothing is missing, but no END_ACK can come. */
	| "cut"
	/** A reset or an error ended it before END. */
	| "failed"
	/** This side wants no more. */
	| "stopped";

/** What goes. FIN goes once END is written and receiving is over, so END_ACK always goes before it. */
export type Sending =
	/** Messages may go. */
	| "open"
	/** The application has closed; messages still wait, and END goes after them. */
	| "ending"
	/** END is written. */
	| "ended"
	/** END and FIN are written. */
	| "finished"
	/** The peer's transport has all of it, FIN too; END_ACK is still missing. */
	| "delivered"
	/** END_ACK came; FIN is not written. */
	| "acknowledged"
	/** All is done. */
	| "done"
	/** It ended before its time. */
	| "failed"
	/** Likewise, after END: the END_ACK for that may still come, as it has crossed. */
	| "abandoned";

/** How it ends, as far as known. What ended it otherwise than by END on both sides counts, and of that the first. */
export type Ending =
	/** By END on both sides; who sent it first. */
	{ readonly type: "orderly"; readonly by: "local" | "peer" } | { readonly type: "broken"; readonly info: CloseInfo };

export const SETTLED: Answer = { type: "settled" };
/** No answer, and no time yet. */
export const AWAITED: Answer = { type: "awaited", untilMs: Number.POSITIVE_INFINITY, withinMs: Number.POSITIVE_INFINITY };
export const ENDED_HERE: Ending = { type: "orderly", by: "local" };
export const ENDED_THERE: Ending = { type: "orderly", by: "peer" };

/** Whether a direction that sends is over, well or not. */
export function isOver(sending: Sending): boolean {
	return sending === "done" || sending === "failed" || sending === "abandoned";
}

/** Whether END is written and its END_ACK may come. */
export function awaitsEndAck(sending: Sending): boolean {
	return sending === "ended" || sending === "finished" || sending === "delivered" || sending === "abandoned";
}
