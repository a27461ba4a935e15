/**
 * `conec send`: files and directories to a peer, verified there.
 *
 * @module
 */

import { isConecError } from "../../../index.ts";
import type { Command, CommandContext } from "../../command-line/index.ts";
import { APPLICATION_CODES, type Connection, connect, explainPeer, openTo, PROTOCOLS, pathChoice, tellPath, turnAway } from "../../connecting/index.ts";
import { CliError, EXIT_CODES, type ExitCode, usageError } from "../../outcome/index.ts";
import { formatBytes } from "../../terminal/index.ts";
import { printable, quoted } from "../../text/index.ts";
import type { TransferSummary } from "../../transfer/index.ts";
import {
	type AnnouncedTransfer,
	countSources,
	countThings,
	type LinkPolicy,
	nodeFileSystem,
	type SendOptions,
	sendFiles,
	TransferReport,
} from "../../transfer/index.ts";
import { formatSeconds, rounded } from "../../words/index.ts";
import { sendSpec } from "./spec.ts";

const LINK_POLICIES: readonly LinkPolicy[] = ["skip", "follow", "fail"];

/** See `conec send --help`. */
export const sendCommand: Command = {
	spec: sendSpec,
	linesTo: "stdout",
	outputRole: "report",
	async run(context) {
		const to = context.args.text("to");
		if (to === undefined) throw usageError("--to PEER is missing", "See: conec send --help");
		pathChoice(context.args);
		const links = context.args.choice("links", LINK_POLICIES) ?? "skip";
		const files = nodeFileSystem(context.surroundings);
		const count = countSources(context.args.operands, links, files, context.signal);
		const [counting, connecting] = await Promise.allSettled([count, connect(context)]);
		if (connecting.status === "rejected") throw connecting.reason;
		const connection = connecting.value;
		try {
			if (counting.status === "rejected") throw counting.reason;
			return await send(connection, to, { links, files, skipIdentical: context.args.flag("skip-identical") }, counting.value, context);
		} finally {
			await connection.close();
		}
	},
};

async function send(connection: Connection, to: string, options: SendOptions, announced: AnnouncedTransfer, context: CommandContext): Promise<ExitCode> {
	const { args, output, signal, surroundings } = context;
	const { files, bytes } = announced;
	const stream = await openTo(connection.client, to, PROTOCOLS.files, context, bytes === undefined ? { files } : { files, bytes });
	tellPath(connection.client, stream, `sending to ${to}`, context);
	const cancel = (): void => turnAway(stream, APPLICATION_CODES.cancelled);
	signal.addEventListener("abort", cancel, { once: true });
	if (signal.aborted) cancel();
	const report = new TransferReport(output, surroundings.clock, "sent", to, announced);
	try {
		const summary = await sendFiles(stream, args.operands, report, options);
		report.end();
		const seconds = report.elapsedMs / 1_000;
		const { failed, directories } = summary;
		const fields = {
			peer: to,
			files: summary.files,
			directories,
			bytes: summary.bytes,
			identical: summary.identical,
			failed,
			seconds: rounded(seconds),
			bytesPerSecond: Math.round(summary.bytes / seconds),
		};
		const sent = `${countThings(summary)} sent to ${to}`;
		const text = `${output.style(failed === 0 ? "green" : "yellow", sent)} ${doneThere(summary, seconds)}${report.addenda(summary)}`;
		output.event("summary", { ...fields, remarks: report.remarks, skippedLinks: report.skippedLinks }, text);
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

function doneThere({ files, directories, bytes }: TransferSummary, seconds: number): string {
	if (files === 0 && directories > 0) return `and made there in ${formatSeconds(seconds)}`;
	return `and verified there: ${formatBytes(bytes)} in ${formatSeconds(seconds)} (${formatBytes(bytes / seconds)}/s)`;
}
