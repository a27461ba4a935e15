/**
 * What the frames of a leg say.
 *
 * @module
 */

import { FRAME } from "../../wire/frames.ts";
import { decodeAck, decodeCode, decodeCount, decodeResumable, type Resumable } from "../../wire/stream-frames.ts";
import type { Leg } from "./leg.ts";
import type { Outcome } from "./outcome.ts";
import type { Receiving } from "./receiving.ts";
import type { Sending } from "./sending.ts";

/** What hears it. */
export interface FrameReader {
	readonly incoming: Receiving;
	readonly sending: Sending;
	readonly outcome: Outcome;
	/** The application waits for a message, and none is there. */
	readonly waiting: boolean;
	/** RESUMABLE: the answer to the opening of a leg. */
	answerCame(leg: Leg, resumable: Resumable): void;
	/** REJECT: likewise. */
	rejectCame(leg: Leg, payload: Uint8Array): void;
	ackCame(leg: Leg, received: number, limit: number): void;
	/** A frame was not allowed. */
	violated(what: string): void;
}

/** Reads the first frame of a leg that was opened here. */
export function readAnswer(reader: FrameReader, leg: Leg, kind: number, payload: Uint8Array): void {
	if (kind === FRAME.REJECT) return reader.rejectCame(leg, payload);
	if (kind !== FRAME.RESUMABLE) return reader.violated(`the answer has the kind ${hexOf(kind)}`);
	const resumable = decodeResumable(payload);
	if (resumable === undefined) reader.violated("the answer is not valid");
	else reader.answerCame(leg, resumable);
}

/** Reads any other frame that is not to be skipped, and is no message to be taken. */
export function readFrame(reader: FrameReader, leg: Leg, kind: number, payload: Uint8Array): void {
	const { incoming } = reader;
	if (kind === FRAME.ACK) {
		const ack = decodeAck(payload);
		if (ack === undefined) reader.violated("an acknowledgement is not valid");
		else reader.ackCame(leg, ack.received, ack.limit);
	} else if (kind === FRAME.END || incoming.isUnit(kind)) {
		if (incoming.unit(leg, kind, payload)) reader.outcome.endCame(incoming);
	} else if (kind === FRAME.RESET) {
		// One that came another way is dropped before anything looks at it.
		const code = leg.came < incoming.received ? 0 : decodeCode(payload);
		if (code === undefined) reader.violated("the code of a reset is not valid");
		else if (incoming.unit(leg, kind, payload)) reader.outcome.resetCame(incoming, code);
	} else if (kind === FRAME.FROM) {
		incoming.from(leg, decodeCount(payload));
	} else if (kind === FRAME.BLOCKED) {
		incoming.asked(decodeCount(payload), reader.waiting);
	} else if (kind === FRAME.STOP) {
		const code = decodeCode(payload);
		if (code === undefined) reader.violated("the code of a stop is not valid");
		else if (reader.outcome.stopCame(reader.sending, code)) reader.sending.finish({ kind: FRAME.RESET, code: 0 });
	} else {
		reader.violated(`a frame of kind ${hexOf(kind)} is not allowed there`);
	}
}

function hexOf(kind: number): string {
	return `0x${kind.toString(16).padStart(2, "0")}`;
}
