/**
 * Answers `conec ping` while another command runs, and turns away what that command does not want.
 *
 * @module
 */

import type { Client, MessageStream } from "../../index.ts";
import { APPLICATION_CODES, PROTOCOLS, type Protocol, streamProtocol, turnAway } from "./application.ts";

/** Longest message that is echoed, bytes. */
const PING_BYTES = 1_024;

/** Takes a stream that the command does not want: echoes a ping, turns others away. The caller need not wait for this. */
export function answerOther(stream: MessageStream): void {
	if (streamProtocol(stream) === PROTOCOLS.ping) echo(stream).catch(() => turnAway(stream, APPLICATION_CODES.failed));
	else turnAway(stream, APPLICATION_CODES.notWanted);
}

/**
 * Answers every stream in this way until the Client ends; those of the command's own protocol are told that it is busy. For commands
 * that take no streams themselves: a stream that nobody takes would leave its opener waiting. The caller need not wait for this.
 */
export function answerOthers(client: Client, own?: Protocol): void {
	void (async () => {
		for await (const stream of client.incomingStreams) {
			if (own !== undefined && streamProtocol(stream) === own) turnAway(stream, APPLICATION_CODES.busy);
			else answerOther(stream);
		}
	})().catch(() => undefined);
}

async function echo(stream: MessageStream): Promise<void> {
	for await (const message of stream) {
		if (message.length > PING_BYTES) return turnAway(stream, APPLICATION_CODES.protocolError);
		await stream.send(message);
	}
	await stream.close();
}
