/**
 * `conec send`: files and directories to a peer, verified there.
 *
 * @module
 */

import { type Client, isConecError, type MessageStream } from "../../../index.ts";
import type { Command, CommandContext } from "../../command-line/index.ts";
import {
	APPLICATION_CODES,
	type Connection,
	connectToStay,
	explainPeer,
	openTo,
	PROTOCOLS,
	pathChoice,
	survivalMs,
	tellPath,
	turnAway,
} from "../../connecting/index.ts";
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
import { type Attempt, tryAgain } from "./again.ts";
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
		const resume = mayResume(context, given);
		const count = countSources(paths, links, files, context.signal);
		// It is waited for when a Client is connected.
		count.catch(() => undefined);
		const options = { links, files, given, skipIdentical: context.args.flag("skip-identical") };
		const patienceMs = survivalMs(context.args);
		const connection = await connectToStay(context);
		try {
			const announced = withGiven(await count, given);
			const attempt = (again: Attempt | undefined): Promise<ExitCode> => send(connection, to, paths, options, announced, context, again);
			return resume ? await tryAgain({ peer: to, patienceMs, isOver: connection.hasEnded }, context, attempt) : await attempt(undefined);
		} finally {
			await connection.close();
		}
	},
};

/** Whether `--resume` holds. Throws a usage error where it is typed and cannot. */
function mayResume({ args, output }: CommandContext, given: readonly GivenContent[]): boolean {
	if (!args.flag("resume")) return false;
	const [first] = given;
	if (first === undefined) return true;
	if (first.isText || args.text("text") !== undefined) {
		if (args.typed("resume")) throw usageError("--resume and --text exclude each other", "See: conec send --help");
		return false;
	}
	if (args.typed("resume")) throw usageError("--resume cannot go with -: standard input cannot be read a second time", "Send a file instead.");
	output.note("standard input is sent without --resume: it cannot be read a second time", "warn");
	return false;
}

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
	again: Attempt | undefined,
): Promise<ExitCode> {
	const { output, signal, surroundings } = context;
	const { files, bytes, isText } = announced;
	const facts = { files, ...(bytes === undefined ? {} : { bytes }), ...(isText ? { text: true } : {}) };
	const { stream, resume } = await open(connection.client, to, facts, context, again);
	again?.begins(resume);
	tellPath(connection.client, stream, `sending to ${to}`, context);
	void connection.follow(stream, "this");
	const cancel = (): void => turnAway(stream, APPLICATION_CODES.cancelled);
	signal.addEventListener("abort", cancel, { once: true });
	if (signal.aborted) cancel();
	const report = new TransferReport(output, surroundings.clock, "sent", to, announced, again?.isFirst === false);
	try {
		const summary = await sendFiles(stream, paths, report, { ...options, resume, skipIdentical: options.skipIdentical || again !== undefined });
		report.end();
		const seconds = report.elapsedMs / 1_000;
		const { failed, directories } = summary;
		const fields = {
			peer: to,
			files: summary.files,
			directories,
			bytes: summary.bytes,
			resumed: again === undefined ? undefined : (summary.resumed ?? 0),
			identical: summary.identical,
			failed,
			seconds: rounded(seconds),
			bytesPerSecond: Math.round((summary.bytes - (summary.resumed ?? 0)) / seconds),
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

/** Opens a stream on which files may go on, if that is asked for and the peer can do that. */
async function open(
	client: Client,
	to: string,
	facts: Parameters<typeof openTo>[4],
	context: CommandContext,
	again: Attempt | undefined,
): Promise<{ readonly stream: MessageStream; readonly resume: boolean }> {
	if (again === undefined) return { stream: await openTo(client, to, PROTOCOLS.files, context, facts), resume: false };
	const patient = { ...context, signal: again.signal };
	const waits = !again.isFirst || context.args.flag("wait");
	try {
		return { stream: await openTo(client, to, PROTOCOLS.resumableFiles, patient, facts, waits), resume: true };
	} catch (error) {
		if (!isConecError(error) || error.code !== "PROTOCOL_UNHANDLED") throw error;
	}
	const stream = await openTo(client, to, PROTOCOLS.files, patient, facts, waits);
	context.output.event("no-resume", { peer: to });
	context.output.note(`${quoted(to)} has a version of conec that cannot go on with files: they are sent whole`, "warn");
	return { stream, resume: false };
}

const NOT_TAKEN: readonly number[] = [APPLICATION_CODES.notWanted, APPLICATION_CODES.busy, APPLICATION_CODES.stranger, APPLICATION_CODES.declined];

function doneThere({ files, directories, bytes, resumed = 0 }: TransferSummary, seconds: number): string {
	if (files === 0 && directories > 0) return `and made there in ${formatSeconds(seconds)}`;
	return `and verified there: ${formatBytes(bytes)} in ${formatSeconds(seconds)} (${formatBytes((bytes - resumed) / seconds)}/s)`;
}
