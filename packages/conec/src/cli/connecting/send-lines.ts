/**
 * Sending lines that are typed or piped.
 *
 * @module
 */

import { type InputLine, type Output, tooLongText } from "../terminal/index.ts";

/**
 * Sends each line as one message. One that is too long is told of and not sent, and the others go on. Resolves with `counts`,
 * which it keeps; rejects as `send` does.
 */
export async function sendLines(
	lines: AsyncIterable<InputLine>,
	stream: { send(message: Uint8Array): Promise<void> },
	output: Output,
	counts: LineCounts = { sent: 0, refused: 0 },
): Promise<LineCounts> {
	for await (const line of lines) {
		if (line.type === "line") {
			counts.sent += 1;
			await stream.send(line.bytes);
			continue;
		}
		counts.refused += 1;
		const { message, hint } = tooLongText(line);
		output.error(message, hint, "MESSAGE_TOO_LONG");
	}
	return counts;
}

/** Lines so far. One that is being sent counts as sent. */
export interface LineCounts {
	sent: number;
	refused: number;
}
