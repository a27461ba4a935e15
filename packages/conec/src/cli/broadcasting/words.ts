/**
 * What `conec broadcast` and rooms say.
 *
 * @module
 */

import type { BroadcastPeer, BroadcastPosition } from "../../index.ts";
import { usageError } from "../outcome/index.ts";
import { printable, quoted } from "../text/index.ts";
import { runningOf } from "../words/index.ts";

/** `alice {"name":"Alice"} (this Client)`: ids have been checked, metadata is whatever its Client says. */
export function peerText({ id, metadata }: BroadcastPeer, self: string): string {
	// Which command runs there says nothing: it is this one.
	const { rest } = runningOf(metadata);
	return [id, ...(rest === undefined ? [] : [printable(JSON.stringify(rest))]), ...(id === self ? ["(this Client)"] : [])].join(" ");
}

/** At most {@link NAMES_SHOWN} of them, and how many more there are. */
export function namesText(names: readonly string[]): string {
	const more = names.length - NAMES_SHOWN;
	return `${names.slice(0, NAMES_SHOWN).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** `12 messages were lost`. */
export function lostText(lost: number): string {
	return lost === 1 ? "1 message was lost" : `${lost} messages were lost`;
}

/** `2 senders, 1 receiver`. */
export function countText(senders: number, receivers: number): string {
	return `${senders} sender${senders === 1 ? "" : "s"}, ${receivers} receiver${receivers === 1 ? "" : "s"}`;
}

/** `EPOCH:SEQ`, what `--since` takes. */
export function positionText({ epoch, seq }: BroadcastPosition): string {
	return `${epoch}:${seq}`;
}

/** Reads what {@link positionText} wrote. Throws a usage error. */
export function parsePosition(text: string): BroadcastPosition {
	const match = /^([0-9a-f]{16}):(\d{1,16})$/.exec(text);
	const seq = Number(match?.[2]);
	if (match === null || !Number.isSafeInteger(seq))
		throw usageError(
			`--since must be EPOCH:SEQ, 16 hexadecimal digits and a number, not ${quoted(text)}`,
			"With --json every message has its `epoch` and `seq`.",
		);
	return { epoch: match[1] as string, seq };
}

/** Names that one line lists. */
export const NAMES_SHOWN = 20;
