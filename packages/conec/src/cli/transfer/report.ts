/**
 * Tells how a transfer goes: a progress line, a line per file unless there are very many, an event per file and
 * directory.
 *
 * @module
 */

import type { Clock } from "../surroundings/index.ts";
import type { Output, Progress } from "../terminal/index.ts";
import { formatBytes } from "../terminal/index.ts";
import { printable, quoted } from "../text/index.ts";
import type { FileOutcome, TransferObserver, TransferSummary } from "./events.ts";
import type { LinkSource } from "./reading/index.ts";

/** With more files than this, only those that fail and as many with a remark get a line of their own; events in JSON always come. */
const LISTED_FILES = 100;

/** What the sender expects to send; only for progress. */
export interface AnnouncedTransfer {
	readonly files: number;
	/** `undefined`: not known. */
	readonly bytes: number | undefined;
}

/** Observes one transfer. */
export class TransferReport implements TransferObserver {
	/** Files that arrived. */
	settledFiles = 0;
	/** Files that were there already. */
	identicalFiles = 0;
	/** Symbolic links that were left out. */
	skippedLinks = 0;
	/** Files of which a part is kept. */
	keptFiles = 0;
	/** Files and directories that arrived with a remark. */
	remarks = 0;
	readonly #output: Output;
	readonly #verb: "sent" | "received";
	readonly #peer: string;
	readonly #announcedFiles: number | undefined;
	readonly #isAgain: boolean;
	readonly #progress: Progress;
	readonly #clock: Clock;
	readonly #startedAtMs: number;

	/** `isAgain`: it goes on with a transfer that broke off, so it is no news that files are there. */
	constructor(output: Output, clock: Clock, verb: "sent" | "received", peer: string, announced: AnnouncedTransfer | undefined, isAgain = false) {
		this.#isAgain = isAgain;
		this.#output = output;
		this.#clock = clock;
		this.#startedAtMs = clock.nowMs();
		this.#verb = verb;
		this.#peer = peer;
		this.#announcedFiles = announced?.files;
		this.#progress = output.startProgress(announced?.bytes);
	}

	get elapsedMs(): number {
		return this.#clock.nowMs() - this.#startedAtMs;
	}

	started(name: string): void {
		this.#progress.label = this.#announcedFiles !== undefined && this.#announcedFiles > 1 ? `${this.settledFiles}/${this.#announcedFiles} ${name}` : name;
	}

	checking(name: string): void {
		this.#progress.label = `checking ${name}`;
		this.#output.event("checking", { peer: this.#peer, name });
	}

	checked(bytes: number): void {
		this.#progress.skip(bytes);
	}

	resumed(name: string, bytes: number): void {
		this.started(name);
		this.#output.event("resumed", { peer: this.#peer, name, bytes }, `going on with ${quoted(name)} at ${formatBytes(bytes)}`);
	}

	anew(name: string, reason: string): void {
		this.started(name);
		this.#output.event("anew", { peer: this.#peer, name, reason }, `${quoted(name)} begins anew: ${printable(reason)}`, "warn");
	}

	kept(name: string, bytes: number): void {
		this.keptFiles += 1;
		const text = `kept ${formatBytes(bytes)} of ${quoted(name)}; it goes on when ${this.#peer} sends it again with --resume`;
		this.#output.event("kept", { peer: this.#peer, name, bytes }, text, "warn");
	}

	moved(bytes: number): void {
		this.#progress.add(bytes);
	}

	settled(outcome: FileOutcome): void {
		const { kind, name, size, problem, detail, sha256, identical } = outcome;
		const peer = this.#peer;
		if (identical === true) {
			this.identicalFiles += 1;
			const listed = !this.#isAgain && this.identicalFiles <= LISTED_FILES && (this.#announcedFiles ?? 0) <= LISTED_FILES;
			const where = this.#verb === "sent" ? "there" : "here";
			this.#output.event(kind, { peer, name, size, ok: true, sha256, identical }, listed ? `${quoted(name)} is ${where} already` : undefined);
			return;
		}
		const remark = outcome.remark === "" ? undefined : outcome.remark;
		if (problem !== undefined) {
			const text = `${this.#output.style("red", `not ${this.#verb}`)} ${quoted(name)}: ${describe(outcome)}`;
			this.#output.event(kind, { peer, name, ok: false, problem, detail }, text, "error");
			return;
		}
		if (remark !== undefined) this.remarks += 1;
		const remarked = remark !== undefined && this.remarks <= LISTED_FILES;
		const suffix = remark === undefined ? "" : `; ${printable(remark)}`;
		const level = remark === undefined ? "info" : "warn";
		if (kind === "directory") {
			this.#output.event(kind, { peer, name, ok: true, remark }, remarked ? `${this.#verb} directory ${quoted(name)}${suffix}` : undefined, level);
			return;
		}
		this.settledFiles += 1;
		// A text has been shown.
		if (outcome.isShown === true) return;
		const listed = remarked || (this.settledFiles <= LISTED_FILES && (this.#announcedFiles ?? 0) <= LISTED_FILES);
		const amount = outcome.resumed === undefined ? "" : `, ${formatBytes(outcome.resumed)} of it were ${this.#verb === "sent" ? "there" : "here"}`;
		const text = `${this.#verb} ${quoted(name)} (${formatBytes(size ?? 0)}${amount}) ${this.#verb === "sent" ? "to" : "from"} ${peer}${suffix}`;
		this.#output.event(kind, { peer, name, size, ok: true, sha256, resumed: outcome.resumed, remark }, listed ? text : undefined, level);
	}

	asked(): void {
		this.#output.event("asked", { peer: this.#peer });
		this.#output.note(`${this.#peer} is asked whether to take it`);
	}

	text(text: string): void {
		const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
		const shown = lines.map((line) => `${this.#output.style("cyan", `${this.#peer}:`)} ${printable(line, 65_536)}`).join("\n");
		this.#output.event("text", { peer: this.#peer, text }, shown);
	}

	link({ name, action, target }: LinkSource): void {
		if (action === "skipped") {
			this.skippedLinks += 1;
			const text = this.skippedLinks <= LISTED_FILES ? `left out ${quoted(name)}: it is a symbolic link (see --links)` : undefined;
			this.#output.event("link", { name, action }, text, "warn");
			return;
		}
		this.#output.event("link", { name, action, target }, `${quoted(name)} leads out of what was named, to ${quoted(target ?? "")}`, "warn");
	}

	/** What follows the amount in the last line: failures, remarks, links that were left out. */
	addenda({ failed, identical, resumed = 0 }: Pick<TransferSummary, "failed" | "identical" | "resumed">): string {
		const { remarks, skippedLinks } = this;
		const parts = [
			resumed === 0 ? "" : `; ${formatBytes(resumed)} of it were ${this.#verb === "sent" ? "there" : "here"}`,
			identical === 0 ? "" : `; ${identical} ${this.#verb === "sent" ? "there" : "here"} already`,
			failed === 0 ? "" : `; ${failed} failed`,
			remarks === 0 ? "" : `; ${remarks} with a remark`,
			skippedLinks === 0 ? "" : `; ${skippedLinks} symbolic ${skippedLinks === 1 ? "link" : "links"} left out`,
		];
		return parts.join("");
	}

	/** Removes the progress line. */
	end(): void {
		this.#progress.end();
	}
}

/** `1 file`, `2 files and 1 directory`, `3 directories`. */
export function countThings({ files, directories }: Pick<TransferSummary, "files" | "directories">): string {
	const counted = directories === 0 ? "" : `${directories} ${directories === 1 ? "directory" : "directories"}`;
	if (files === 0 && counted !== "") return counted;
	return `${files} ${files === 1 ? "file" : "files"}${counted === "" ? "" : ` and ${counted}`}`;
}

function describe({ problem, detail }: FileOutcome): string {
	const said = detail === undefined || detail === "" ? "" : quoted(detail).slice(1, -1);
	switch (problem) {
		case "NAME_UNSAFE":
			return `its name cannot be used: ${said}`;
		case "NAME_HIDDEN":
			return `its name is not allowed: ${said}`;
		case "EXISTS":
			return said || "it exists";
		case "DISK_FULL":
			return `the receiver's disk is full: ${said}`;
		case "NOT_WRITABLE":
			return `at the receiver: ${said}`;
		case "TOO_LARGE":
			return `too large: ${said}`;
		case "VERIFICATION_FAILED":
			return `verification failed: ${said}`;
		default:
			return said || "failed";
	}
}
