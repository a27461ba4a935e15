/**
 * Showing what happens in a broadcast or a room.
 *
 * @module
 */

import type { BroadcastEvent } from "../../index.ts";
import type { EventFields, Output } from "../terminal/index.ts";
import { messageFields, messageText, peerFields } from "../words/index.ts";
import { lostText } from "./words.ts";

/** Who is here, comes, changes or goes. */
export type BroadcastPresence = Extract<BroadcastEvent, { readonly type: "members" | "join" | "update" | "leave" }>;

/** What differs between a broadcast and a room. */
export interface BroadcastWords {
	/** What it is called: `the broadcast`, `the room`. */
	readonly place: string;
	/** Tells people who is here. */
	readonly tell: (event: BroadcastPresence) => void;
}

/** Shows all of an event to a program, and to people. */
export function showBroadcastEvent(event: BroadcastEvent, output: Output, { place, tell }: BroadcastWords): void {
	if (output.json) return output.event(event.type, fieldsOf(event));
	switch (event.type) {
		case "message":
			return output.line(`${output.style("cyan", `${event.sender}:`)} ${messageText(event.data)}`);
		case "gap":
			return output.note(output.style("yellow", lostText(event.lost)), "warn");
		case "rejoined":
			return event.recovered
				? output.note(`in ${place} again`)
				: output.note(output.style("yellow", `in ${place} again; messages may be missing here`), "warn");
		default:
			return tell(event);
	}
}

function fieldsOf(event: BroadcastEvent): EventFields {
	switch (event.type) {
		case "message":
			return { ...messageFields(event.sender, event.data), epoch: event.epoch, seq: event.seq };
		case "gap":
			return { lost: event.lost, fromSeq: event.fromSeq, toSeq: event.toSeq };
		case "members":
			return { members: event.members.map(peerFields), seq: event.seq };
		case "rejoined":
			return { recovered: event.recovered };
		default:
			return { peer: peerFields(event.peer), seq: event.seq };
	}
}
