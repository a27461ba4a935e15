/**
 * Answers `conec ping` while another command waits for peers, and turns everything else away.
 *
 * @module
 */

import type { MessageStream } from "../index.ts";
import { APPLICATION_CODES, PROTOCOLS, streamProtocol, turnAway } from "./application.ts";

/** Longest message that is echoed, bytes. */
const PING_BYTES = 1_024;

/** Takes a stream that the command does not want: echoes a ping, turns others away. Needs no waiting for. */
export function answerOther(stream: MessageStream): void {
	if (streamProtocol(stream) === PROTOCOLS.ping) echo(stream).catch(() => turnAway(stream, APPLICATION_CODES.failed));
	else turnAway(stream, APPLICATION_CODES.notWanted);
}

async function echo(stream: MessageStream): Promise<void> {
	for await (const message of stream) {
		if (message.length > PING_BYTES) return turnAway(stream, APPLICATION_CODES.protocolError);
		await stream.send(message);
	}
	await stream.close();
}
