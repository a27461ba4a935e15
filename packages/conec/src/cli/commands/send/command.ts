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
	DEFAULT_NAMES,
	type GivenContent,
	givenText,
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
		const { paths, given } = whatToSend(context);
		const count = countSources(paths, links, files, context.signal);
		const [counting, connecting] = await Promise.allSettled([count, connect(context)]);
		if (connecting.status === "rejected") throw connecting.reason;
		const connection = connecting.value;
		try {
			if (counting.status === "rejected") throw counting.reason;
			const options = { links, files, given, skipIdentical: context.args.flag("skip-identical") };
			return await send(connection, to, paths, options, withGiven(counting.value, given), context);
		} finally {
			await connection.close();
		}
	},
};

/** The files that are named, and what else is sent. Throws a usage error. */
function whatToSend({ args, output, surroundings }: CommandContext): { readonly paths: readonly string[]; readonly given: readonly GivenContent[] } {
	const hint = "See: conec send --help";
	const text = args.text("text");
	const name = args.text("name");
	const paths = args.operands.filter((path) => path !== STANDARD_INPUT);
	const inputs = args.operands.length - paths.length;
	if (name !== undefined && inputs === 0) throw usageError("--name goes with -, which is standard input", "A file keeps its own name.");
	if (text !== undefined) {
		if (args.operands.length > 0) throw usageError("--text and FILE exclude each other", hint);
		if (text === "") throw usageError("--text is empty", hint);
		return { paths, given: [givenText(text)] };
	}
	if (args.operands.length === 0) throw usageError("FILE is missing", hint);
	if (inputs === 0) return { paths, given: [] };
	if (inputs > 1) throw usageError("standard input (-) can be sent once", "A file of that name is ./-");
	const { stdin } = surroundings;
	if (stdin.isTTY === true) output.note("sending what is typed; Ctrl-D ends it");
	return { paths, given: [{ name: name ?? DEFAULT_NAMES.input, isText: false, size: undefined, pieces: stdin as AsyncIterable<Uint8Array> }] };
}

const STANDARD_INPUT = "-";

function withGiven({ files, bytes }: AnnouncedTransfer, given: readonly GivenContent[]): AnnouncedTransfer & { readonly isText: boolean } {
	const more = given.reduce<number | undefined>((sum, { size }) => (sum === undefined || size === undefined ? undefined : sum + size), 0);
	return {
		files: files + given.length,
		bytes: bytes === undefined || more === undefined ? undefined : bytes + more,
		isText: given.some(({ isText }) => isText),
	};
}

async function send(
	connection: Connection,
	to: string,
	paths: readonly string[],
	options: SendOptions,
	announced: AnnouncedTransfer & { readonly isText: boolean },
	context: CommandContext,
): Promise<ExitCode> {
	const { output, signal, surroundings } = context;
	const { files, bytes, isText } = announced;
	const facts = { files, ...(bytes === undefined ? {} : { bytes }), ...(isText ? { text: true } : {}) };
	const stream = await openTo(connection.client, to, PROTOCOLS.files, context, facts);
	tellPath(connection.client, stream, `sending to ${to}`, context);
	const cancel = (): void => turnAway(stream, APPLICATION_CODES.cancelled);
	signal.addEventListener("abort", cancel, { once: true });
	if (signal.aborted) cancel();
	const report = new TransferReport(output, surroundings.clock, "sent", to, announced);
	try {
		const summary = await sendFiles(stream, paths, report, options);
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
		if (isConecError(error) && NOT_TAKEN.some((code) => code === error.closeCode)) throw error;
		const done = `${report.settledFiles} of ${announced.files} files are verified there`;
		const reason = error instanceof Error ? printable(error.message) : String(error);
		throw new CliError(EXIT_CODES.incomplete, `Cannot finish sending to ${quoted(to)} (${done}): ${reason}`, undefined, error);
	} finally {
		signal.removeEventListener("abort", cancel);
		await explainPeer(connection.client, to, stream.path, context);
	}
}

const NOT_TAKEN: readonly number[] = [APPLICATION_CODES.notWanted, APPLICATION_CODES.busy, APPLICATION_CODES.stranger, APPLICATION_CODES.declined];

function doneThere({ files, directories, bytes }: TransferSummary, seconds: number): string {
	if (files === 0 && directories > 0) return `and made there in ${formatSeconds(seconds)}`;
	return `and verified there: ${formatBytes(bytes)} in ${formatSeconds(seconds)} (${formatBytes(bytes / seconds)}/s)`;
}
