/**
 * Taking part in a broadcast from a terminal or a pipe: lines go out, events come in, until one side ends it.
 *
 * @module
 */

import { type BroadcastEvent, type BroadcastMode, type BroadcastStream, isConecError } from "../../index.ts";
import type { CommandContext } from "../command-line/index.ts";
import { type Connection, type LineCounts, sendLines } from "../connecting/index.ts";
import type { Timer } from "../surroundings/index.ts";
import { linesOf, type Output, typedLines } from "../terminal/index.ts";

/** How to take part. */
export interface Part {
	readonly mode: BroadcastMode;
	/**
	 * What follows the end of the input. `leave`: go once everything sent has its place, and this side has seen what came before
	 * the last of it. `listen`: go on reading; on a terminal a second Ctrl-D leaves.
	 */
	readonly afterInput: "leave" | "listen";
	/** Shows an event. `own`: a message of this Client. */
	readonly show: (event: BroadcastEvent, own: boolean) => void;
	/** The input has ended and this side goes on listening. */
	readonly onListening?: () => void;
}

/** How it ended, and how many lines of this side were too long to be sent. */
export interface PartEnd {
	readonly how: "left" | "ended";
	readonly refusedLines: number;
	/** Lines that were sent when the Coordinator was lost, and may not have arrived. `some`: this side does not read, so it does not know how many. */
	readonly unsureLines: number | "some";
}

/**
 * Resolves when this side has left, or the last sender has gone. Rejects with what ended the
 * broadcast or the connection, or the interruption; then this side leaves, too.
 */
export async function takePart(stream: BroadcastStream, connection: Connection, context: CommandContext, part: Part): Promise<PartEnd> {
	const { output, signal, surroundings } = context;
	const { mode, afterInput, show } = part;
	const { stdin, clock } = surroundings;
	const self = connection.client.id;
	const screen = mode === "receive" ? undefined : typedLines(output, surroundings);
	const counts: LineCounts = { sent: 0, refused: 0 };
	// Own messages that came back, and lost messages. Earlier messages of this id in the history count too, so it may leave a little sooner.
	let seen = 0;
	let inputEnded = false;
	let left = false;
	let over = false;
	/** Something was sent on a connection that was lost. */
	let unsure = false;
	let quiet: Timer | undefined;
	const leave = (): void => {
		left = true;
		stream.close().catch(() => undefined);
	};
	const leaveIfDelivered = (): void => {
		quiet?.cancel();
		if (!inputEnded || afterInput !== "leave" || left) return;
		if (mode === "send" ? !unsure : seen >= counts.sent) leave();
		// What went with the connection never comes back. While there is none, nothing can come.
		else if (unsure && mode === "both") quiet = clock.after(QUIET_MS, () => connection.isAway() || leave());
	};
	const up = async (): Promise<void> => {
		if (mode === "receive") return;
		try {
			await sendLines(screen === undefined ? linesOf(stdin) : screen.lines(), stream, output, counts);
		} catch (error) {
			if (!over) throw error;
			return;
		}
		screen?.close();
		output.keepBelow(undefined);
		await stream.finish().catch((error: unknown) => {
			if (!isLoss(error)) throw error;
			unsure = true;
		});
		inputEnded = true;
		leaveIfDelivered();
		if (afterInput === "leave" || over) return;
		part.onListening?.();
		// The line editor has given the terminal back. What is typed now is dropped; only its end counts.
		if (screen !== undefined) stdin.once("end", leave).resume();
	};
	const down = async (): Promise<void> => {
		for await (const event of stream) {
			const own = event.type === "message" && event.sender === self;
			show(event, own);
			if (own) seen++;
			if (event.type === "gap") seen += event.lost;
			leaveIfDelivered();
			// If our own reader is slow, this member becomes slow. Otherwise the process would grow.
			await output.drained();
		}
		over = true;
		screen?.close();
		stdin.destroy();
	};
	output.keepBelow(screen);
	try {
		await connection.orEnd(Promise.all([up(), down()]));
		await connection.orEnd(
			stream.close().catch((error: unknown) => {
				if (!isLoss(error)) throw error;
				unsure = true;
			}),
		);
		const unsureLines = !unsure ? 0 : mode === "both" ? Math.max(0, counts.sent - seen) : "some";
		const how = left || (mode === "send" && inputEnded) ? "left" : "ended";
		return { how, refusedLines: counts.refused, unsureLines };
	} catch (error) {
		// Messages that were sent still go out while the Client closes.
		stream.close().catch(() => undefined);
		signal.throwIfAborted();
		throw error;
	} finally {
		quiet?.cancel();
		screen?.close();
		output.keepBelow(undefined);
		stdin.destroy();
	}
}

/** The end of the sending has taken effect, but what was sent before may have no place. Where the membership is over, reading says so, too. */
function isLoss(error: unknown): boolean {
	return isConecError(error) && error.code === "COORDINATOR_LOST";
}

/** So long without an event, and own lines that have not come back by then are missing. Milliseconds. */
const QUIET_MS = 3_000;

/** Tells of own lines that may not have arrived. Whether there are none. */
export function tellUnsure(unsureLines: PartEnd["unsureLines"], output: Output): boolean {
	if (unsureLines === 0) return true;
	const which = unsureLines === "some" ? "lines" : unsureLines === 1 ? "1 line" : `${unsureLines} lines`;
	output.event("unsure", unsureLines === "some" ? {} : { lines: unsureLines });
	output.error(`${which} that this side sent may not have arrived: the Coordinator was lost at that moment`, undefined, "COORDINATOR_LOST");
	return false;
}
