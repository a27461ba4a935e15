/**
 * `conec broadcast`: what one sends, all hear, in one order.
 *
 * @module
 */

import { type BroadcastEvent, type BroadcastMode, type BroadcastPosition, isConecError, type SlowReaderPolicy } from "../../../index.ts";
import {
	type BroadcastPresence,
	countText,
	namesText,
	parsePosition,
	peerText,
	positionText,
	showBroadcastEvent,
	takePart,
	tellUnsure,
} from "../../broadcasting/index.ts";
import type { Arguments, Command, CommandContext } from "../../command-line/index.ts";
import { type Connection, connect, connectToStay } from "../../connecting/index.ts";
import { EXIT_CODES, type ExitCode, usageError } from "../../outcome/index.ts";
import { Interrupted } from "../../terminal/index.ts";
import { quoted } from "../../text/index.ts";
import { PRESENCE_MARKS } from "../../words/index.ts";
import { broadcastSpec } from "./spec.ts";

/** See `conec broadcast --help`. */
export const broadcastCommand: Command = {
	spec: broadcastSpec,
	linesTo: "stdout",
	outputRole: (args) => (args.text("mode") === "send" ? "report" : "purpose"),
	async run(context) {
		const { args } = context;
		const name = args.operands[0] ?? "";
		const how = readOptions(args);
		const counts = args.flag("count");
		if (counts && args.typed("give-up-after")) throw usageError("--count and --give-up-after exclude each other");
		const connection = await (counts && !args.flag("wait") ? connect(context) : connectToStay(context));
		try {
			return counts ? await count(name, connection, context) : await join(name, how, connection, context);
		} finally {
			await connection.close();
		}
	},
};

interface How {
	readonly mode: BroadcastMode;
	readonly slowReader: SlowReaderPolicy | undefined;
	readonly bufferBytes: number | undefined;
	readonly since: BroadcastPosition | undefined;
	readonly last: number | undefined;
}

function readOptions(args: Arguments): How {
	const mode = args.choice("mode", ["both", "send", "receive"]) ?? "both";
	// What the environment says about receiving does not matter to a sender.
	const receives = mode !== "send";
	const since = receives ? args.text("since") : undefined;
	const last = receives ? args.count("last", 0, 1_000_000) : undefined;
	for (const name of ["echo", "listen", "keep-open"]) if (mode === "send" && args.typed(name)) throw usageError(`--${name} needs a --mode that receives`);
	for (const name of ["since", "last"]) if (mode === "send" && args.typed(name)) throw usageError(`--${name} needs a --mode that receives`);
	return {
		mode,
		slowReader: args.choice("slow-reader", ["drop-oldest", "drop-newest", "latest-per-sender", "disconnect", "block"]),
		bufferBytes: args.bytes("buffer-bytes"),
		since: since === undefined ? undefined : parsePosition(since),
		last,
	};
}

async function count(name: string, { client, orEnd }: Connection, { output }: CommandContext): Promise<ExitCode> {
	const { senders, receivers } = await orEnd(client.countBroadcast(name));
	output.event("count", { name, senders, receivers }, countText(senders, receivers));
	return EXIT_CODES.ok;
}

async function join(name: string, how: How, connection: Connection, context: CommandContext): Promise<ExitCode> {
	const { args, output, signal, surroundings } = context;
	const { mode } = how;
	const stream = await connection.orEnd(
		connection.client.joinBroadcast(name, { ...given(how), keepOpen: mode !== "send" && args.flag("keep-open"), presence: args.flag("presence"), signal }),
	);
	const { epoch, recovered } = stream;
	output.event("joined", { name, mode, epoch, recovered });
	const typing = mode !== "receive" && surroundings.stdin.isTTY === true;
	output.note(`in broadcast ${quoted(name)}${typing ? `; Ctrl-D ${mode === "send" ? "leaves" : "sends no more"}` : ""}`);
	if (recovered === false) output.note("what came after --since is not kept any more: messages are missing here", "warn");
	let last: BroadcastPosition | undefined = how.since;
	const tell = (presence: BroadcastPresence): void => tellPresence(presence, connection.client.id, context);
	const show = (event: BroadcastEvent, own: boolean): void => {
		if (event.type !== "rejoined") last = { epoch: stream.epoch, seq: event.type === "gap" ? event.toSeq : event.seq };
		if (!own || args.flag("echo")) showBroadcastEvent(event, output, { place: "the broadcast", tell });
	};
	try {
		const afterInput = mode !== "send" && (typing || args.flag("listen")) ? "listen" : "leave";
		const onListening = (): void => output.note(`sending no more${typing && !output.json ? "; Ctrl-D again leaves" : ""}`);
		const { how: end, refusedLines, unsureLines } = await takePart(stream, connection, context, { mode, afterInput, show, onListening });
		output.event(end, { name });
		if (end === "ended") output.note("the last sender has gone");
		const sure = tellUnsure(unsureLines, output);
		return refusedLines === 0 && sure ? EXIT_CODES.ok : EXIT_CODES.incomplete;
	} catch (error) {
		if (last !== undefined && (isConecError(error) || error instanceof Interrupted))
			output.note(`the last seen was ${positionText(last)}; --since goes on from there`);
		throw error;
	}
}

function given({ mode, slowReader, bufferBytes, since, last }: How) {
	return {
		mode,
		...(slowReader === undefined ? {} : { slowReader }),
		...(bufferBytes === undefined ? {} : { bufferBytes }),
		...(since === undefined ? {} : { since }),
		...(last === undefined ? {} : { last }),
	};
}

function tellPresence(event: BroadcastPresence, self: string, { output }: CommandContext): void {
	if (event.type === "members") output.note(`here: ${namesText(event.members.map((member) => peerText(member, self)))}`);
	else output.note(output.style("dim", `${PRESENCE_MARKS[event.type]} ${peerText(event.peer, self)}`));
}
