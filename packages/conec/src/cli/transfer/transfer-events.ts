/**
 * What a transfer tells the command that runs it.
 *
 * @module
 */

import { APPLICATION_CODES } from "../application.ts";
import { CliError } from "../cli-error.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { FileProblem } from "./protocol.ts";

/** What became of one file. `name` and `detail` may come from the peer: untrusted text. */
export interface FileOutcome {
	readonly name: string;
	readonly size: number;
	/** `undefined`: verified and on the receiver's disk. */
	readonly problem?: FileProblem | undefined;
	readonly detail?: string | undefined;
	/** Hex; present when the file arrived. */
	readonly sha256?: string | undefined;
}

/** Receives what happens, as it happens. Must not throw. */
export interface TransferObserver {
	/** The file whose content moves now. */
	started(name: string, size: number): void;
	/** That many more bytes of content were sent or received. */
	moved(bytes: number): void;
	/** One file is settled. */
	settled(outcome: FileOutcome): void;
}

/** What a whole transfer came to. */
export interface TransferSummary {
	readonly files: number;
	readonly bytes: number;
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
