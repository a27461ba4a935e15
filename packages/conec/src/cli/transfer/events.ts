/**
 * What a transfer tells the command that runs it.
 *
 * @module
 */

import { APPLICATION_CODES } from "../connecting/index.ts";
import { CliError, EXIT_CODES } from "../outcome/index.ts";
import type { FileProblem } from "./ground/index.ts";
import type { LinkSource } from "./reading/index.ts";

/** What is sent. */
export type OutcomeKind = "file" | "directory";

/** What became of one file or directory. `name`, `detail` and `remark` may come from the peer: untrusted text. */
export interface FileOutcome {
	readonly kind: OutcomeKind;
	readonly name: string;
	/** Bytes of the content; present when a file arrived. */
	readonly size?: number | undefined;
	/** `undefined`: verified and on the receiver's disk. */
	readonly problem?: FileProblem | undefined;
	readonly detail?: string | undefined;
	/** What could not be kept of it, such as its time. `undefined` or empty: nothing. */
	readonly remark?: string | undefined;
	/** It is a text that {@link TransferObserver.text} has got instead of a file. */
	readonly isShown?: true | undefined;
	/** Hex; present when a file arrived. */
	readonly sha256?: string | undefined;
	/** It was there already, with the same content, and was not sent again. */
	readonly identical?: true;
	/** Bytes of it that were there from an earlier transfer, and were not sent again. */
	readonly resumed?: number | undefined;
}

/** Receives what happens, as it happens. Must not throw. */
export interface TransferObserver {
	/** The file whose content moves now. */
	started(name: string): void;
	/** That many more bytes of content were sent or received. */
	moved(bytes: number): void;
	/** One file or directory is settled. */
	settled(outcome: FileOutcome): void;
	/** The receiver asks somebody whether to take anything. */
	asked?(): void;
	/** What is there of the file is being read, to compare it. */
	checking?(name: string): void;
	/** That many more bytes of it were read. Negative: they are not what is there, and will move after all. */
	checked?(bytes: number): void;
	/** So many bytes of the file were there already; the rest follows. */
	resumed?(name: string, bytes: number): void;
	/** Something of the file was there, and it begins anew all the same. `reason` may come from the peer: untrusted text. */
	anew?(name: string, reason: string): void;
	/** The file is not whole, and so many bytes of it are kept. */
	kept?(name: string, bytes: number): void;
	/** A text has come, as it was sent: untrusted. */
	text?(text: string): void;
	/** The sender met a symbolic link that it leaves out, or that leads outside. */
	link(link: LinkSource): void;
}

/** What a whole transfer came to. */
export interface TransferSummary {
	readonly files: number;
	readonly directories: number;
	/** Of the files that arrived. */
	readonly bytes: number;
	/** Bytes of them that were there from an earlier transfer. Absent: none. */
	readonly resumed?: number;
	/** Files that were there already, with the same content; they are not among `files`. */
	readonly identical: number;
	/** Files and directories that did not arrive. */
	readonly failed: number;
}

/** The peer broke the transfer protocol. */
export function transferProtocolError(what: string): CliError {
	return new CliError(EXIT_CODES.incomplete, `Cannot continue the transfer: the peer sent ${what}`, "Both sides should run the same version of conec.");
}

/** The code with which a transfer that ended with `error` turns its stream away. */
export function failureCode(error: unknown): number {
	return error instanceof CliError ? APPLICATION_CODES.protocolError : APPLICATION_CODES.failed;
}
