/**
 * Data on standard output: all of it is written, or the command fails.
 *
 * @module
 */

import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import { errnoOf } from "../../../files/file-errors.ts";
import { type FileWriter, fileWriter, type StandardStream } from "../../surroundings/index.ts";
import { outputError } from "../../terminal/index.ts";

/** The part of standard output that is used. */
export type DataStream = Pick<StandardStream, "fd" | "isTTY" | "write">;

/** See {@link DataOutput}. */
export interface DataOutputOptions {
	/** @default that of `node:fs` for a stream that is a file or a device; `undefined`: the stream writes */
	readonly writeFile?: FileWriter | undefined;
	/** Closes the descriptor; throws a system error. @default that of `node:fs`, after which the null device takes its number */
	readonly close?: (fd: number) => void;
}

/** Writes data to standard output, one piece at a time. */
export class DataOutput {
	readonly #stream: DataStream;
	readonly #writeFile: FileWriter | undefined;
	readonly #close: (fd: number) => void;

	constructor(stream: DataStream, options: DataOutputOptions = {}) {
		this.#stream = stream;
		this.#writeFile = "writeFile" in options ? options.writeFile : fileWriter(stream);
		this.#close = options.close ?? closeSync;
	}

	/** Resolves when all of it has been taken. Rejects with a `CliError` when something is lost. */
	async write(data: Uint8Array): Promise<void> {
		if (this.#writeFile === undefined) return await this.#writeStream(data);
		// Node's own stream for a file takes a short write for a whole one.
		for (let done = 0; done < data.length; ) {
			let written: number;
			try {
				written = this.#writeFile(data, done);
			} catch (error) {
				throw outputError(errnoOf(error), error);
			}
			if (written === 0) throw outputError("ENOSPC");
			done += written;
		}
	}

	/**
	 * Lets whoever reads our output see its end while we may still be sending. Node never closes it; the null device takes its number.
	 * A terminal stays open. Throws a `CliError` when the system tells only now that something is lost, as network drives and quotas do.
	 */
	end(): void {
		const { fd, isTTY } = this.#stream;
		if (fd === undefined || isTTY === true) return;
		try {
			this.#close(fd);
		} catch (error) {
			const errno = errnoOf(error);
			if (errno !== "EBADF") throw outputError(errno, error);
		} finally {
			takeNumber();
		}
	}

	#writeStream(data: Uint8Array): Promise<void> {
		return new Promise((resolve, reject) => {
			this.#stream.write(data, (error) => {
				if (!error) return resolve();
				// If the reader has gone, that is heard in a moment and ends the command quietly. So this error comes after it.
				setImmediate(() => reject(outputError(errnoOf(error), error)));
			});
		});
	}
}

/** Nothing that is opened later gets the number of standard output. */
function takeNumber(): void {
	try {
		openSync(devNull, "w");
	} catch {
		// Then whatever is opened next may have it; nothing more is written to it.
	}
}
