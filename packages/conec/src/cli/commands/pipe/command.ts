/**
 * `conec pipe`: standard input goes to the peer's standard output and the other way round, like netcat.
 *
 * @module
 */

import type { MessageStream } from "../../../index.ts";
import type { Command, CommandContext } from "../../command-line/index.ts";
import {
	APPLICATION_CODES,
	answerBusy,
	type Connection,
	checkPathOption,
	connectToStay,
	explainPeer,
	type FirstCaller,
	firstCaller,
	openTo,
	PROTOCOLS,
	tellPath,
	turnAway,
} from "../../connecting/index.ts";
import { EXIT_CODES, type ExitCode, usageError } from "../../outcome/index.ts";
import { isOutputGone } from "../../terminal/index.ts";
import { quoted } from "../../text/index.ts";
import { DataOutput } from "./data-output.ts";
import { pipeSpec } from "./spec.ts";

/** See `conec pipe --help`. */
export const pipeCommand: Command = {
	spec: pipeSpec,
	linesTo: "stderr",
	outputRole: "purpose",
	async run(context) {
		const { args } = context;
		const to = args.text("to");
		if (to !== undefined && args.text("from") !== undefined) throw usageError("--to and --from exclude each other");
		checkPathOption(args);
		const caller = firstCaller(args.text("from"));
		const connection = await connectToStay(context, { [PROTOCOLS.pipe]: to === undefined ? caller.handler : answerBusy });
		try {
			const stream = to === undefined ? await waitForPeer(caller, connection, context) : await openTo(connection.client, to, PROTOCOLS.pipe, context);
			return await pipe(stream, to === undefined ? caller : undefined, connection, context);
		} finally {
			await connection.close();
		}
	},
};

async function waitForPeer(caller: FirstCaller, connection: Connection, { output }: CommandContext): Promise<MessageStream> {
	output.note(`waiting for a peer. The other side runs: conec pipe --to ${connection.client.id}`);
	return await connection.orEnd(caller.stream);
}

/** `caller`: the peer called. */
async function pipe(stream: MessageStream, caller: FirstCaller | undefined, connection: Connection, context: CommandContext): Promise<ExitCode> {
	const { signal, surroundings } = context;
	const { stdin, stdout } = surroundings;
	const cancel = (): void => {
		turnAway(stream, isOutputGone(signal.reason) ? APPLICATION_CODES.outputClosed : APPLICATION_CODES.cancelled);
	};
	signal.addEventListener("abort", cancel, { once: true });
	if (signal.aborted) cancel();
	tellPath(connection.client, stream, `connected with ${quoted(stream.peer ?? "")}`, context);
	const lost = connection.follow(stream, caller === undefined ? "this" : "peer");
	let peerEnded = false;
	try {
		const up = sendInput();
		const down = showOutput();
		await connection.orEnd(Promise.race([Promise.all([up, down]), lost, ...(caller === undefined ? [] : [caller.calledAgain])]));
		return EXIT_CODES.ok;
	} catch (error) {
		signal.throwIfAborted();
		turnAway(stream, APPLICATION_CODES.failed);
		throw error;
	} finally {
		signal.removeEventListener("abort", cancel);
		stdin.destroy();
		await explainPeer(connection.client, stream.peer, stream.path, context);
	}

	async function sendInput(): Promise<void> {
		try {
			for await (const chunk of stdin as AsyncIterable<Uint8Array>) await stream.send(chunk);
		} catch (error) {
			if (!(peerEnded && stdin.isTTY)) throw error;
		}
		await stream.close();
	}

	async function showOutput(): Promise<void> {
		const output = new DataOutput(stdout);
		for await (const chunk of stream) await output.write(chunk);
		peerEnded = true;
		await output.write(new Uint8Array(0));
		// Nobody types for a peer that has finished; a program behind a pipe may still be sending.
		if (stdin.isTTY) stdin.destroy();
		output.end();
	}
}
