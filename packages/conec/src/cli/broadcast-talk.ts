/**
 * Taking part in a broadcast from a terminal or a pipe: lines in, lines out.
 *
 * @module
 */

import type { BroadcastEvent, BroadcastOptions, BroadcastStream, Client } from "../index.ts";
import { usageError } from "./cli-error.ts";
import type { CommandContext } from "./command.ts";
import type { Connection } from "./connection.ts";
import { EXIT_CODES, type ExitCode } from "./exit-codes.ts";
import { linesOf } from "./lines.ts";
import { printable, quoted } from "./terminal-text.ts";
import { TypedLines } from "./typed-lines.ts";

/** Longest line that is shown, in UTF-16 units. */
const SHOWN_LENGTH = 65_536;

/** Joins; a name that is none is a usage error. */
export async function joinNamed(client: Client, name: string, options: BroadcastOptions): Promise<BroadcastStream> {
	try {
		return await client.joinBroadcast(name, options);
	} catch (error) {
		if ((error as { code?: unknown }).code !== "BROADCAST_NAME_INVALID") throw error;
		throw usageError(`${quoted(name)} cannot name a broadcast: 1 to 128 of a-z, 0-9, dot, underscore and hyphen`);
	}
}

/**
 * Sends what is typed or piped, and shows what comes. At the end of the input it leaves, or finishes sending and stays until the last sender has gone.
 * "receive": there is no input.
 */
export async function takePart(
	broadcast: BroadcastStream,
	connection: Connection,
	{ output, signal }: CommandContext,
	atEnd: "leave" | "finish" | "receive",
): Promise<ExitCode> {
	const own = connection.client.id;
	const screen = atEnd !== "receive" && process.stdin.isTTY && process.stdout.isTTY && !output.json ? new TypedLines() : undefined;
	const show = (event: BroadcastEvent): void => {
		screen?.hide();
		if (event.type === "message") {
			const text = DECODER.decode(event.data);
			const line = `${output.style("cyan", `${event.sender}:`)} ${printable(text, SHOWN_LENGTH)}`;
			// One's own lines stand there already.
			output.event("message", { from: event.sender, seq: event.seq, text }, event.sender === own ? undefined : line);
		} else if (event.type === "gap") {
			output.event("gap", { lost: event.lost, fromSeq: event.fromSeq, toSeq: event.toSeq });
			output.note(output.style("yellow", `${event.lost} messages are missing here`));
		} else if (event.type === "members") {
			const ids = event.members.map(({ id }) => id);
			output.event("members", { ids, seq: event.seq });
			output.note(output.style("dim", `here: ${ids.join(", ")}`));
		} else {
			output.event(event.type, { id: event.peer.id, seq: event.seq });
			output.note(output.style("dim", `${quoted(event.peer.id)} ${CHANGES[event.type]}`));
		}
		screen?.show();
	};
	output.event("joined", { name: broadcast.name, epoch: broadcast.epoch });
	output.note(output.style("dim", `in ${quoted(broadcast.name)}; ${atEnd === "receive" ? "Ctrl-C" : "Ctrl-D"} ends`));
	let ended = false;
	const up = async (): Promise<void> => {
		if (atEnd === "receive") return;
		const lines = screen === undefined ? linesOf(process.stdin) : screen.lines();
		try {
			for await (const line of lines) await broadcast.send(line);
		} catch (error) {
			if (!ended) throw error;
		}
		await (atEnd === "leave" ? broadcast.close() : broadcast.finish());
	};
	const down = async (): Promise<void> => {
		for await (const event of broadcast) show(event);
		ended = true;
		screen?.close();
		process.stdin.destroy();
	};
	try {
		await connection.orEnd(Promise.all([up(), down()]));
		await connection.orEnd(broadcast.close());
		return EXIT_CODES.ok;
	} finally {
		if (signal.aborted) void broadcast.close().catch(() => undefined);
		screen?.close();
		process.stdin.destroy();
	}
}

const DECODER = new TextDecoder();

const CHANGES = { join: "has come", update: "has changed what it says about itself", leave: "has gone" } as const;
