/**
 * Whether a peer's transfer is taken. A stranger, whose key was never accepted with this state directory, needs a yes.
 *
 * @module
 */

import { fileProblemWords } from "../../../files/file-error-words.ts";
import type { Client, MessageStream } from "../../../index.ts";
import type { CommandContext } from "../../command-line/index.ts";
import { APPLICATION_CODES } from "../../connecting/index.ts";
import { type Choices, formatBytes, type NoticePace, noticePace, type TerminalQuestions } from "../../terminal/index.ts";
import { quoted } from "../../text/index.ts";
import { countThings } from "../../transfer/index.ts";
import type { KnownKeys } from "./known-keys.ts";
import { keyOf } from "./peer-key.ts";

/** What is known of a transfer before it is taken: what its sender says of it. */
export interface Offer {
	readonly files: number;
	readonly bytes: number | undefined;
	readonly isText: boolean;
}

/** What is answered about a stranger. `yes` is for all its transfers from now on, `never` for those of this run. */
export type StrangerAnswer = "yes" | "once" | "no" | "never";

/** Of the question about a stranger. */
export const STRANGER_CHOICES: Choices<StrangerAnswer> = {
	words: "yes (from now on), once, no or never?",
	answers: new Map([
		["y", "yes"],
		["yes", "yes"],
		["o", "once"],
		["once", "once"],
		["never", "never"],
	]),
	otherwise: "no",
};

/** What decides. */
export interface GateOptions {
	readonly known: KnownKeys;
	/** `undefined`: there is no terminal. */
	readonly questions: TerminalQuestions | undefined;
	/** Whether nobody is asked: `--from` or `--any`. */
	readonly takesAll: boolean;
	/** `--yes`: strangers are accepted, and remembered. */
	readonly yes: boolean;
}

/** Decides about the transfers of one run. */
export class StrangerGate {
	readonly #options: GateOptions;
	readonly #context: CommandContext;
	readonly #pace: NoticePace;
	/** Keys that were refused for this run. */
	readonly #never = new Set<string>();
	/** Keys that were told about, so that one stranger does not fill the log. */
	readonly #told = new Set<string>();

	constructor(options: GateOptions, context: CommandContext) {
		this.#options = options;
		this.#context = context;
		this.#pace = noticePace(context.surroundings.clock, context.output);
	}

	/**
	 * Whether the transfer is taken; if not, the code with which it is turned away. `asking` is called before somebody is asked, which may
	 * take a while. `signal`: the transfer is over. Never rejects.
	 */
	async admit(client: Client, stream: MessageStream, offer: Offer, signal: AbortSignal, asking: () => void): Promise<"taken" | number> {
		if (this.#options.takesAll) return "taken";
		const peer = stream.peer ?? "";
		const fingerprint = await keyOf(client, stream, signal);
		if (fingerprint === undefined) return APPLICATION_CODES.failed;
		if (this.#never.has(fingerprint)) return APPLICATION_CODES.declined;
		if (await this.#isKnown(fingerprint)) return "taken";
		if (this.#options.yes) return await this.#accept(peer, fingerprint);
		const { questions } = this.#options;
		const { surroundings } = this.#context;
		// A question in the background would stop the process.
		if (questions === undefined || !surroundings.terminal.isForeground()) return this.#refuse(peer, fingerprint);
		asking();
		const answer = await questions.ask(await this.#question(peer, fingerprint, offer), signal, STRANGER_CHOICES, () => this.#isKnown(fingerprint));
		if (answer === "settled" || answer === "once") return "taken";
		if (answer === "yes") return await this.#accept(peer, fingerprint);
		if (answer === "never" && this.#never.size < MOST_REMEMBERED) this.#never.add(fingerprint);
		if (this.#pace.shows(fingerprint)) this.#context.output.event("refused", { peer, fingerprint, code: "DECLINED" });
		return APPLICATION_CODES.declined;
	}

	async #question(peer: string, fingerprint: string, { files, bytes, isText }: Offer): Promise<string> {
		const what = isText ? "a text" : countThings({ files, directories: 0 });
		const size = bytes === undefined ? "" : `, ${formatBytes(bytes)}`;
		const other = await this.#options.known.otherKeyOf(peer, fingerprint).catch(() => undefined);
		const warning = other === undefined ? "" : ` WARNING: files of ${quoted(peer)} were accepted with another key before, ${other}: this may be somebody else.`;
		return `${quoted(peer)} wants to send ${what}${size}. Its key is new here: ${fingerprint}.${warning} Take it?`;
	}

	async #isKnown(fingerprint: string): Promise<boolean> {
		// What cannot be read makes everybody a stranger.
		return await this.#options.known.has(fingerprint).catch(() => false);
	}

	async #accept(id: string, fingerprint: string): Promise<"taken"> {
		const { output } = this.#context;
		output.event("accepted", { peer: id, fingerprint });
		try {
			await this.#options.known.add({ id, fingerprint });
		} catch (error) {
			output.note(`cannot remember the key of ${quoted(id)}: ${fileProblemWords(error)}`, "warn");
		}
		return "taken";
	}

	#refuse(peer: string, fingerprint: string): number {
		const { output } = this.#context;
		if (this.#pace.shows(fingerprint)) output.event("refused", { peer, fingerprint, code: "STRANGER" });
		if (!this.#told.has(fingerprint) && this.#told.size < MOST_REMEMBERED) {
			this.#told.add(fingerprint);
			output.note(
				`refused ${quoted(peer)} (${fingerprint}): its key was never accepted here, and there is no terminal to ask. --from ${peer} takes its files, --yes or --any those of everybody.`,
				"warn",
			);
		}
		return APPLICATION_CODES.stranger;
	}
}

/** Keys that a run remembers of those that it has refused. */
const MOST_REMEMBERED = 4_096;
