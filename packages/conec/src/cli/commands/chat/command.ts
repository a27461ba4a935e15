/**
 * `conec chat`: two people, or everybody in a room, line by line.
 *
 * @module
 */

import type { MessageStream } from "../../../index.ts";
import type { Arguments, Command, CommandContext } from "../../command-line/index.ts";
import {
	APPLICATION_CODES,
	answerBusy,
	type Connection,
	checkPathOption,
	connectToStay,
	explainPeer,
	type FirstCaller,
	firstCaller,
	type LineCounts,
	openTo,
	PROTOCOLS,
	pathTaken,
	sendLines,
	turnAway,
} from "../../connecting/index.ts";
import { EXIT_CODES, type ExitCode, usageError } from "../../outcome/index.ts";
import type { EventFields } from "../../terminal/index.ts";
import { isOutputGone, linesOf, typedLines } from "../../terminal/index.ts";
import { quoted } from "../../text/index.ts";
import { messageFields, messageText } from "../../words/index.ts";
import { checkRoom, talkInRoom } from "./room.ts";
import { chatSpec } from "./spec.ts";

/** See `conec chat --help`. */
export const chatCommand: Command = {
	spec: chatSpec,
	linesTo: "stdout",
	outputRole: "purpose",
	async run(context) {
		const { args } = context;
		const to = args.text("to");
		const room = args.text("room");
		if (to !== undefined && args.text("from") !== undefined) throw usageError("--to and --from exclude each other");
		const last = args.count("last", 0, 1_000_000);
		if (room === undefined && args.typed("last")) throw usageError("--last goes with --room");
		if (room !== undefined) checkRoomOptions(room, args);
		checkPathOption(args);
		const caller = firstCaller(args.text("from"));
		const waits = to === undefined && room === undefined;
		const handlers = { [PROTOCOLS.chat]: waits ? caller.handler : answerBusy };
		const connection = await connectToStay(context, handlers);
		try {
			if (room !== undefined) return await talkInRoom(room, last, connection, context);
			const stream = to === undefined ? await waitForCaller(caller, connection, context) : await openTo(connection.client, to, PROTOCOLS.chat, context);
			return await talk(stream, to === undefined ? caller : undefined, connection, context);
		} finally {
			await connection.close();
		}
	},
};

/** A room has no peer, and everything in it goes through the Coordinator. */
function checkRoomOptions(room: string, args: Arguments): void {
	checkRoom(room);
	const other = ["to", "from", "path"].find((name) => args.text(name) !== undefined) ?? (args.flag("explain") ? "explain" : undefined);
	if (other !== undefined) throw usageError(`--room and --${other} exclude each other`);
}

async function waitForCaller(caller: FirstCaller, connection: Connection, { output }: CommandContext): Promise<MessageStream> {
	output.event("waiting", { id: connection.client.id });
	output.note(`waiting for a caller. The other side runs: conec chat --to ${connection.client.id}`);
	return await connection.orEnd(caller.stream);
}

/** `caller`: the peer called. */
async function talk(stream: MessageStream, caller: FirstCaller | undefined, connection: Connection, context: CommandContext): Promise<ExitCode> {
	const { output, signal, surroundings } = context;
	const { stdin } = surroundings;
	const peer = stream.peer ?? "";
	const screen = typedLines(output, surroundings);
	const say = (event: string, text: string, fields: EventFields = {}): void => {
		output.event(event, { peer, ...fields });
		output.note(output.style("dim", text));
	};
	const cancel = (): void => turnAway(stream, isOutputGone(signal.reason) ? APPLICATION_CODES.outputClosed : APPLICATION_CODES.cancelled);
	signal.addEventListener("abort", cancel, { once: true });
	if (signal.aborted) cancel();
	output.keepBelow(screen);
	const taken = pathTaken(connection.client, stream);
	say("joined", `talking with ${quoted(peer)} (${taken.words}); Ctrl-D ends`, taken.fields);
	const lost = connection.follow(stream, caller === undefined ? "this" : "peer");
	let peerLeft = false;
	const counts: LineCounts = { sent: 0, refused: 0 };
	const up = async (): Promise<void> => {
		const lines = screen === undefined ? linesOf(stdin) : screen.lines();
		try {
			await sendLines(lines, stream, output, counts);
		} catch (error) {
			if (!peerLeft) throw error;
		}
		await stream.close();
	};
	const down = async (): Promise<void> => {
		for await (const message of stream) output.event("message", messageFields(peer, message), `${output.style("cyan", `${peer}:`)} ${messageText(message)}`);
		peerLeft = true;
		say("left", `${quoted(peer)} has left`);
		screen?.close();
		stdin.destroy();
	};
	try {
		await connection.orEnd(Promise.race([Promise.all([up(), down()]), lost, ...(caller === undefined ? [] : [caller.calledAgain])]));
		return counts.refused === 0 ? EXIT_CODES.ok : EXIT_CODES.incomplete;
	} catch (error) {
		signal.throwIfAborted();
		turnAway(stream, APPLICATION_CODES.failed);
		throw error;
	} finally {
		signal.removeEventListener("abort", cancel);
		screen?.close();
		stdin.destroy();
		await explainPeer(connection.client, stream.peer, stream.path, context);
	}
}
