/**
 * The protocols that commands speak with each other, and the application codes that say why a stream was turned away.
 * `docs/cli.md` is the normative text.
 *
 * @module
 */

import type { MessageStream } from "../../index.ts";

/** What streams of the commands are opened with, as their protocol. */
export const PROTOCOLS = {
	chat: "conec-chat/1",
	files: "conec-files/1",
	/** The same, and a file that was sent in part goes on. */
	resumableFiles: "conec-files/2",
	pipe: "conec-pipe/1",
	ping: "conec-ping/1",
} as const;

/** One of {@link PROTOCOLS}. */
export type Protocol = (typeof PROTOCOLS)[keyof typeof PROTOCOLS];

/** Application codes for `reset` and `stop`. */
export const APPLICATION_CODES = {
	/** The user interrupted the command. */
	cancelled: 1,
	/** This command does not want to talk with this peer. */
	notWanted: 2,
	/** This command is talking to somebody else. */
	busy: 3,
	/** The other side broke the application protocol. */
	protocolError: 4,
	/** Nobody reads what arrives any more (its standard output was closed). */
	outputClosed: 5,
	/** Something failed here; a file may be incomplete. */
	failed: 6,
	/** This command takes nothing from a key that nobody here has accepted, and has nobody to ask. */
	stranger: 7,
	/** Somebody here was asked, and said no. */
	declined: 8,
	/** A newer transfer goes on with the same file. */
	replaced: 9,
} as const;

/** Turns a stream away in both directions. */
export function turnAway(stream: Pick<MessageStream, "reset" | "stop">, code: number): void {
	stream.reset(code);
	stream.stop(code);
}

/** What an application code means, in words that follow "the peer". */
export function applicationCodeText(code: number | undefined): string | undefined {
	switch (code) {
		case APPLICATION_CODES.cancelled:
			return "was interrupted";
		case APPLICATION_CODES.notWanted:
			return "accepts only certain peers, or runs another conec command or another version of conec";
		case APPLICATION_CODES.busy:
			return "is busy with somebody else";
		case APPLICATION_CODES.protocolError:
			return "could not understand this side (is it the same version of conec?)";
		case APPLICATION_CODES.outputClosed:
			return "closed its output";
		case APPLICATION_CODES.failed:
			return "failed";
		case APPLICATION_CODES.stranger:
			return "has never accepted your key, and has nobody to ask: run `conec receive` there in a terminal, or with --from and your id, --yes or --any";
		case APPLICATION_CODES.declined:
			return "said no, or did not answer in time";
		case APPLICATION_CODES.replaced:
			return "gets the same file in a newer transfer from this side";
		default:
			return undefined;
	}
}
