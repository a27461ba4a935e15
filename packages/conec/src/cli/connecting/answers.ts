/**
 * What every command does with the streams that peers open: it answers pings, and turns away at once what it does not want.
 *
 * @module
 */

import { type Client, ConecError, type MessageStream, type ProtocolHandler } from "../../index.ts";
import { CliError, EXIT_CODES } from "../outcome/index.ts";
import { quoted } from "../text/index.ts";
import { APPLICATION_CODES, turnAway } from "./protocols.ts";

/** Longest message that is echoed, bytes. */
const PING_BYTES = 1_024;

/** Answers `conec ping` while a command runs. */
export const answerPings: ProtocolHandler = async (stream, { signal }) => {
	for (;;) {
		const message = await stream.receive({ signal });
		if (message === null) return;
		if (message.length > PING_BYTES) return turnAway(stream, APPLICATION_CODES.protocolError);
		await stream.send(message, { signal });
	}
};

/** Says that the command talks to somebody else, or waits for nobody. */
export const answerBusy: ProtocolHandler = (stream) => turnAway(stream, APPLICATION_CODES.busy);

/**
 * Turns streams away that name no protocol, until the Client or the Coordinator ends: nobody takes them, and their opener would wait.
 * A program that is no command opens them, or a version of conec that named the protocol elsewhere. Needs no waiting for.
 */
export function turnAwayUnnamed(owner: Pick<Client, "incomingStreams">): void {
	void (async () => {
		for await (const stream of owner.incomingStreams) turnAway(stream, APPLICATION_CODES.protocolError);
	})().catch(() => undefined);
}

/** Waits for one caller. */
export interface FirstCaller {
	/** For the protocol that callers come with: takes the first, and says `busy` to the others. */
	readonly handler: ProtocolHandler;
	/** The stream of the first. Never rejects. */
	readonly stream: Promise<MessageStream>;
	/** Rejects when the first calls again: then it is another process, which knows nothing of the first stream. */
	readonly calledAgain: Promise<never>;
}

/** Waits for the first caller, who must be `from` if that is given; others are turned away. */
export function firstCaller(from: string | undefined): FirstCaller {
	let take: ((stream: MessageStream) => void) | undefined;
	let first: MessageStream | undefined;
	let again: (error: Error) => void = () => undefined;
	const stream = new Promise<MessageStream>((resolve) => {
		take = resolve;
	});
	const calledAgain = new Promise<never>((_, reject) => {
		again = reject;
	});
	calledAgain.catch(() => undefined);
	const handler: ProtocolHandler = (caller) => {
		if (from !== undefined && caller.peer !== from) return turnAway(caller, APPLICATION_CODES.notWanted);
		if (take === undefined) {
			// A stream outlives its connection, so the end of the other process alone does not end it.
			if (caller.peer === first?.peer) again(startedAgain(caller.peer ?? ""));
			return turnAway(caller, APPLICATION_CODES.busy);
		}
		first = caller;
		take(caller);
		take = undefined;
	};
	return { handler, stream, calledAgain };
}

/** The same words as where the peer that was called was started again. */
function startedAgain(peer: string): Error {
	const what = `Cannot go on with ${quoted(peer)}: its command was started again`;
	const hint = "What was sent last may not have arrived. Start this command again, and then the other one.";
	return new CliError(EXIT_CODES.peer, what, hint, new ConecError("RESUME_UNKNOWN", what, { peer }));
}
