/**
 * `conec chat --room`: talking with everybody who is in a room.
 *
 * @module
 */

import type { BroadcastEvent, BroadcastPeer } from "../../../index.ts";
import { type BroadcastPresence, namesText, showBroadcastEvent, takePart, tellUnsure } from "../../broadcasting/index.ts";
import type { CommandContext } from "../../command-line/index.ts";
import type { Connection } from "../../connecting/index.ts";
import { EXIT_CODES, type ExitCode, usageError } from "../../outcome/index.ts";
import { quoted } from "../../text/index.ts";

/** Checks what `--room` names. Throws a usage error. */
export function checkRoom(room: string): void {
	if (!/^[a-z0-9._-]{1,123}$/.test(room)) throw usageError(`--room must be 1 to 123 of a-z, 0-9, dot, underscore and hyphen, not ${quoted(room)}`);
}

/** Talks in the room until Ctrl-D, or the end of the input. Rejects with what ended the room or the connection, or the interruption. */
export async function talkInRoom(room: string, last: number | undefined, connection: Connection, context: CommandContext): Promise<ExitCode> {
	const { output, signal, surroundings } = context;
	const { client } = connection;
	const options = { presence: true, keepOpen: true, ...(last === undefined ? {} : { last }), signal };
	const stream = await connection.orEnd(client.joinBroadcast(`${PREFIX}${room}`, options));
	output.event("joined", { room, epoch: stream.epoch });
	output.note(output.style("dim", `in room ${quoted(room)}${surroundings.stdin.isTTY ? "; Ctrl-D leaves" : ""}`));
	const show = (event: BroadcastEvent, own: boolean): void => {
		if (!own) showBroadcastEvent(event, output, { place: "the room", tell: (presence) => tellPresence(presence, client.id, context) });
	};
	const { refusedLines, unsureLines } = await takePart(stream, connection, context, { mode: "both", afterInput: "leave", show });
	output.event("left", { room });
	const sure = tellUnsure(unsureLines, output);
	return refusedLines === 0 && sure ? EXIT_CODES.ok : EXIT_CODES.incomplete;
}

function tellPresence(event: BroadcastPresence, self: string, { output }: CommandContext): void {
	const dim = (text: string): void => output.note(output.style("dim", text));
	if (event.type === "members") dim(whoIsHere(event.members, self));
	// What somebody says about itself is of no interest here.
	else if (event.type !== "update") dim(`${quoted(event.peer.id)} has ${event.type === "join" ? "come" : "left"}`);
}

function whoIsHere(members: readonly BroadcastPeer[], self: string): string {
	const others = members.filter(({ id }) => id !== self);
	return others.length === 0 ? "nobody else is here" : `here: ${namesText(others.map(({ id }) => id))}`;
}

/** A room is the broadcast of its name after this. */
const PREFIX = "chat.";
