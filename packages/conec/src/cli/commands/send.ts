/**
 * `conec send`: files and directories to a peer, verified there.
 *
 * @module
 */

import { isConecError } from "../../index.ts";
import { APPLICATION_CODES, PROTOCOLS, turnAway } from "../application.ts";
import { CliError, usageError } from "../cli-error.ts";
import type { Command, CommandContext } from "../command.ts";
import { CONNECTION_OPTIONS, type Connection, connect, openTo } from "../connection.ts";
import { EXIT_CODES, type ExitCode } from "../exit-codes.ts";
import { explainPeer, PATH_OPTIONS, pathChoice, tellPath } from "../path.ts";
import { answerOthers } from "../ping-echo.ts";
import { formatBytes } from "../progress.ts";
import { printable, quoted } from "../terminal-text.ts";
import { sendFiles } from "../transfer/send-files.ts";
import { countSources } from "../transfer/source-files.ts";
import { TransferReport } from "../transfer-report.ts";

/** See `conec send --help`. */
export const sendCommand: Command = {
	spec: {
		name: "send",
		usage: "FILE... --to PEER",
		summary: "Send files, and directories with what is below them, to a peer that runs `conec receive`",
		operands: { least: 1, most: Number.POSITIVE_INFINITY, what: "FILE" },
		options: { to: { value: "PEER", text: "who receives" }, ...PATH_OPTIONS, ...CONNECTION_OPTIONS },
		examples: ["conec send film.mkv notes/ --to bob"],
	},
	linesTo: "stdout",
	async run(context) {
		const to = context.args.text("to");
		if (to === undefined) throw usageError("--to PEER is missing", "See: conec send --help");
		pathChoice(context.args);
		const [counting, connecting] = await Promise.allSettled([countSources(context.args.operands, context.signal), connect(context)]);
		if (connecting.status === "rejected") throw connecting.reason;
		const connection = connecting.value;
		answerOthers(connection.client);
		try {
			if (counting.status === "rejected") throw counting.reason;
			return await send(connection, to, counting.value, context);
		} finally {
			await connection.close();
		}
	},
};

async function send(connection: Connection, to: string, announced: { files: number; bytes: number }, context: CommandContext): Promise<ExitCode> {
	const { args, output, signal } = context;
	const stream = await openTo(connection.client, to, PROTOCOLS.files, context, announced);
	tellPath(connection.client, stream, `sending to ${to}`, context);
	const cancel = (): void => turnAway(stream, APPLICATION_CODES.cancelled);
	signal.addEventListener("abort", cancel, { once: true });
	if (signal.aborted) cancel();
	const report = new TransferReport(output, "sent", to, announced);
	try {
		const summary = await sendFiles(stream, args.operands, report);
		report.end();
		const seconds = report.elapsedMs / 1_000;
		output.event(
			"summary",
			{ peer: to, files: summary.files, bytes: summary.bytes, failed: summary.failed, seconds, bytesPerSecond: summary.bytes / seconds },
			`${output.style(summary.failed === 0 ? "green" : "yellow", `${countFiles(summary.files)} sent to ${to}`)} and verified there: ${formatBytes(summary.bytes)} in ${seconds.toFixed(1)} s (${formatBytes(summary.bytes / seconds)}/s)${summary.failed === 0 ? "" : `; ${countFiles(summary.failed)} failed`}`,
		);
		return summary.failed === 0 ? EXIT_CODES.ok : EXIT_CODES.incomplete;
	} catch (error) {
		report.end();
		signal.throwIfAborted();
		// A peer that does not want the transfer is no incomplete one.
		if (isConecError(error) && (error.closeCode === APPLICATION_CODES.notWanted || error.closeCode === APPLICATION_CODES.busy)) throw error;
		const done = `${report.settledFiles} of ${announced.files} files are verified there`;
		const reason = error instanceof Error ? printable(error.message) : String(error);
		throw new CliError(EXIT_CODES.incomplete, `Cannot finish sending to ${quoted(to)} (${done}): ${reason}`, undefined, error);
	} finally {
		signal.removeEventListener("abort", cancel);
		await explainPeer(connection.client, to, stream.path, context);
	}
}

/** `1 file`, `2 files`. */
function countFiles(count: number): string {
	return `${count} ${count === 1 ? "file" : "files"}`;
}
