/**
 * `conec receive`: takes files from peers, one after another or several at once.
 *
 * @module
 */

import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { errnoOf } from "../../../files/file-errors.ts";
import { makeDirectory } from "../../../files/make-directory.ts";
import type { MessageStream, ProtocolHandler } from "../../../index.ts";
import type { Command, CommandContext } from "../../command-line/index.ts";
import { APPLICATION_CODES, type Connection, connectToStay, explainError, explainPeer, PROTOCOLS, tellPath, turnAway } from "../../connecting/index.ts";
import { stateDirectory } from "../../machine/index.ts";
import { CliError, EXIT_CODES, type ExitCode, usageError } from "../../outcome/index.ts";
import { formatBytes, type TerminalQuestions, terminalQuestions } from "../../terminal/index.ts";
import { printable, quoted } from "../../text/index.ts";
import type { TransferSummary } from "../../transfer/index.ts";
import {
	type AnnouncedTransfer,
	countThings,
	encodeTransfer,
	KeptParts,
	nodeFileSystem,
	type ReceiveOptions,
	receiveFiles,
	TransferReport,
} from "../../transfer/index.ts";
import { errnoText, formatSeconds, rounded } from "../../words/index.ts";
import { KnownKeys } from "./known-keys.ts";
import { nameConsent } from "./name-consent.ts";
import { keyOf } from "./peer-key.ts";
import { receiveSpec } from "./spec.ts";
import { type Offer, StrangerGate } from "./strangers.ts";

/** Transfers at the same time; further ones are told that we are busy. */
const MOST_TRANSFERS = 8;

/** Strangers that wait for an answer at the same time. */
const MOST_ASKING = 8;

/** Within this time all streams of a process go on that has a way again, in milliseconds. */
const SAME_PROCESS_MS = 5_000;

/** See `conec receive --help`. */
export const receiveCommand: Command = {
	spec: receiveSpec,
	linesTo: "stdout",
	outputRole: "report",
	isService: (args) => !args.flag("once"),
	async run(context) {
		const { args, output, surroundings } = context;
		if (args.text("from") !== undefined && args.flag("any")) throw usageError("--from and --any exclude each other");
		const questions = terminalQuestions(output, surroundings);
		const known = new KnownKeys(ownDirectory(context));
		const gate = new StrangerGate({ known, questions, takesAll: args.flag("any") || args.text("from") !== undefined, yes: args.flag("yes") }, context);
		const options: ReceiveOptions = {
			directory: await receivingDirectory(args.text("dir") ?? "."),
			force: args.flag("force"),
			maxBytes: args.bytes("max-bytes"),
			umask: surroundings.umask(),
			files: nodeFileSystem(surroundings),
		};
		const parts = new KeptParts(surroundings.clock);
		const transfers = new Set<Promise<ExitCode>>();
		const incoming = incomingTransfers(transfers, context, {
			admits: async (stream, over) => {
				const asking = (): void => void stream.send(encodeTransfer({ type: "asking" })).catch(() => undefined);
				return await gate.admit((await connecting).client, stream, offerOf(stream), AbortSignal.any([context.signal, over]), asking);
			},
			receive: async (stream) => {
				const connection = await connecting;
				const { client } = connection;
				// In the first version of the protocol nothing goes on, so nothing is kept.
				const keeping = stream.protocol === PROTOCOLS.resumableFiles ? { parts, owner: () => keyOf(client, stream, context.signal) } : undefined;
				return await receiveOne(connection, stream, { ...options, keeping }, questions, context);
			},
		});
		const connecting = connectToStay(context, { [PROTOCOLS.files]: incoming.handler, [PROTOCOLS.resumableFiles]: incoming.handler });
		const connection = await connecting;
		try {
			output.event("waiting", { id: connection.client.id, directory: options.directory });
			output.note(`waiting for files into ${printable(options.directory)}; others send with: conec send FILE --to ${connection.client.id}`);
			return await connection.orEnd(incoming.only);
		} finally {
			await Promise.allSettled(transfers);
			await connection.close();
		}
	},
};

/** What is done with a transfer. */
interface Transfers {
	/** Whether it is taken; if not, with which code it is turned away. `over`: its stream has ended. Never rejects. */
	readonly admits: (stream: MessageStream, over: AbortSignal) => Promise<"taken" | number>;
	readonly receive: (stream: MessageStream) => Promise<ExitCode>;
}

/** Takes transfers as they come, and keeps those under way in `transfers`. */
function incomingTransfers(
	transfers: Set<Promise<ExitCode>>,
	{ args, signal, surroundings: { clock } }: CommandContext,
	{ admits, receive }: Transfers,
): { readonly handler: ProtocolHandler /** With `--once`, how the first transfer went; without, it goes on. */; readonly only: Promise<ExitCode> } {
	const from = args.text("from");
	let taken = false;
	let asking = 0;
	const streams = new Set<MessageStream>();
	let resolveOnly: (code: ExitCode | Promise<ExitCode>) => void = () => undefined;
	const only = new Promise<ExitCode>((resolve) => {
		resolveOnly = resolve;
	});
	const handler: ProtocolHandler = async (stream) => {
		if (from !== undefined && stream.peer !== from) return turnAway(stream, APPLICATION_CODES.notWanted);
		const older = [...streams];
		if (args.flag("once") || transfers.size >= MOST_TRANSFERS) giveUpSuspended(stream.peer, older);
		// If it were the same process, they would go on now, too.
		else clock.after(SAME_PROCESS_MS, () => giveUpSuspended(stream.peer, older), "background");
		const isBusy = (): boolean => signal.aborted || transfers.size >= MOST_TRANSFERS || (args.flag("once") && taken);
		if (isBusy() || asking >= MOST_ASKING) return turnAway(stream, APPLICATION_CODES.busy);
		const over = new AbortController();
		void stream.closed.then(() => over.abort());
		// Those that wait for a yes take no place from others.
		asking += 1;
		const admitted = await admits(stream, over.signal).finally(() => {
			asking -= 1;
		});
		if (admitted !== "taken") return turnAway(stream, admitted);
		if (isBusy()) return turnAway(stream, APPLICATION_CODES.busy);
		taken = true;
		streams.add(stream);
		void stream.closed.then(() => streams.delete(stream));
		const transfer = receive(stream);
		transfers.add(transfer);
		if (args.flag("once")) {
			resolveOnly(transfer);
			// How it went is the command's to say.
			await Promise.allSettled([transfer]);
			return;
		}
		try {
			await transfer;
		} finally {
			transfers.delete(transfer);
		}
	};
	return { handler, only };
}

/** A sender that was killed leaves its transfers without a way. When its successor comes, they would only take its place. */
function giveUpSuspended(peer: string | null, streams: readonly MessageStream[]): void {
	for (const stream of streams) if (stream.peer === peer && stream.suspended) turnAway(stream, APPLICATION_CODES.replaced);
}

async function receiveOne(
	{ client, follow }: Connection,
	stream: MessageStream,
	options: ReceiveOptions,
	questions: TerminalQuestions | undefined,
	context: CommandContext,
): Promise<ExitCode> {
	const { args, output, signal, surroundings } = context;
	const peer = stream.peer ?? "the Coordinator";
	const over = new AbortController();
	void stream.closed.then(() => over.abort());
	const ask =
		questions === undefined || args.flag("allow-hidden") ? undefined : (question: string) => questions.ask(question, AbortSignal.any([signal, over.signal]));
	const allowName = nameConsent({ allowHidden: args.flag("allow-hidden"), ask, peer });
	const cancel = (): void => turnAway(stream, APPLICATION_CODES.cancelled);
	signal.addEventListener("abort", cancel, { once: true });
	tellPath(client, stream, `receiving from ${peer}`, context);
	let gaveUp: unknown;
	follow(stream, "peer").catch((error: unknown) => {
		gaveUp = error;
		turnAway(stream, APPLICATION_CODES.cancelled);
	});
	const report = new TransferReport(output, surroundings.clock, "received", peer, announcedBy(stream));
	try {
		const summary = await receiveFiles(stream, { ...options, allowName }, report);
		report.end();
		const seconds = rounded(report.elapsedMs / 1_000);
		const { files, directories, bytes, resumed = 0, identical, failed } = summary;
		const received = output.style(failed === 0 ? "green" : "yellow", `${countThings(summary)} received from ${peer}`);
		output.event(
			"summary",
			{ peer, files, directories, bytes, resumed: options.keeping === undefined ? undefined : resumed, identical, failed, seconds, remarks: report.remarks },
			`${received} ${doneHere(summary, seconds)}${report.addenda(summary)}`,
		);
		return summary.failed === 0 ? EXIT_CODES.ok : EXIT_CODES.incomplete;
	} catch (error) {
		report.end();
		if (signal.aborted) return EXIT_CODES.interrupted;
		const { message, hint, code } = explainError(gaveUp ?? error);
		const unfinished = report.keptFiles === 0 ? "unfinished files are removed" : "what has come of an unfinished file is kept";
		output.error(`Cannot finish receiving from ${quoted(peer)} (${unfinished}): ${message}`, hint, code);
		return EXIT_CODES.incomplete;
	} finally {
		signal.removeEventListener("abort", cancel);
		await explainPeer(client, stream.peer, stream.path, context);
	}
}

function doneHere({ files, directories, bytes }: TransferSummary, seconds: number): string {
	if (files === 0 && directories > 0) return `and made in ${formatSeconds(seconds)}`;
	return `and verified: ${formatBytes(bytes)} in ${formatSeconds(seconds)}`;
}

/** What the sender said would come; only for the progress line. */
function announcedBy(stream: MessageStream): AnnouncedTransfer | undefined {
	const { files, bytes } = (stream.metadata ?? {}) as Readonly<Record<string, unknown>>;
	if (typeof files !== "number" || files < 0) return undefined;
	return { files, bytes: typeof bytes === "number" && bytes >= 0 ? bytes : undefined };
}

function offerOf(stream: MessageStream): Offer {
	const announced = announcedBy(stream);
	const { text } = (stream.metadata ?? {}) as Readonly<Record<string, unknown>>;
	return { files: announced?.files ?? 0, bytes: announced?.bytes, isText: text === true };
}

/** Where accepted keys are kept; a Client that brings its certificate may have no place. */
function ownDirectory(context: CommandContext): string | undefined {
	try {
		return stateDirectory(context);
	} catch {
		return undefined;
	}
}

async function receivingDirectory(path: string): Promise<string> {
	try {
		await makeDirectory(resolve(path), 0o777);
		return await realpath(path);
	} catch (error) {
		throw new CliError(EXIT_CODES.failed, `Cannot receive into ${quoted(path)}: ${errnoText(errnoOf(error))}`, "Check --dir.", error);
	}
}
