/**
 * A standard stream to which writing never fails and never waits: what cannot be written is lost, and that is remembered. A disk that
 * fills, a reader that goes away or stops reading must not end a Coordinator or a transfer, hold it up, or make its memory grow.
 *
 * @module
 */

import { fstatSync, fsyncSync, writeSync } from "node:fs";
import { errnoOf, fileErrorMeaning } from "../../files/file-errors.ts";
import type { Clock, Timer } from "./clock.ts";
import type { Sink } from "./sink.ts";

/** The part of a standard stream that is used. */
export interface StandardStream {
	readonly fd?: number | undefined;
	readonly isTTY?: boolean | undefined;
	readonly columns?: number | undefined;
	write(data: string | Uint8Array, done: (error?: Error | null) => void): unknown;
	on(event: "error", listener: (error: Error) => void): unknown;
}

/** Writes to a file at once, from somewhere in the text; returns how many bytes it took. Throws a system error. */
export type FileWriter = (text: Uint8Array, from: number) => number;

/** See {@link StandardSink}. */
export interface StandardSinkOptions {
	/** @default that of `node:fs` for a stream that is a file; `undefined`: the stream writes */
	readonly writeFile?: FileWriter | undefined;
	/** Flushes the file to its disk; throws a system error. @default that of `node:fs` for a stream that is a file */
	readonly syncFile?: (() => void) | undefined;
	readonly clock: Clock;
}

/** Writes to a standard stream. */
export class StandardSink implements Sink {
	readonly #stream: StandardStream;
	readonly #writeFile: FileWriter | undefined;
	readonly #syncFile: (() => void) | undefined;
	readonly #clock: Clock;
	#keepsAll = false;
	#isGone = false;
	#onGone: () => void = () => undefined;
	#failure: string | undefined;
	#torn = false;
	#waiting = 0;
	#epoch = 0;
	#flushed: (() => void)[] = [];

	constructor(stream: StandardStream, options: StandardSinkOptions) {
		this.#stream = stream;
		this.#clock = options.clock;
		this.#writeFile = "writeFile" in options ? options.writeFile : fileWriter(stream);
		const { fd } = stream;
		this.#syncFile = "syncFile" in options || fd === undefined ? options.syncFile : () => fsyncSync(fd);
		stream.on("error", (error) => this.#failed(errnoOf(error)));
	}

	get isTTY(): boolean {
		return this.#stream.isTTY === true;
	}

	get columns(): number | undefined {
		return this.#stream.columns;
	}

	/** Whether the reader has gone. */
	get isGone(): boolean {
		return this.#isGone;
	}

	/** Whether the reader is far behind: nothing should be written that will be out of date when it is read. */
	get isBehind(): boolean {
		return this.#waiting > MUCH_WAITING;
	}

	/** Code of the first error by which something was lost; `undefined`: nothing was. */
	get failure(): string | undefined {
		return this.#failure;
	}

	/** Calls the listener when nobody can read any more; at once if that is so already. */
	onGone(listener: () => void): void {
		this.#onGone = listener;
		if (this.#isGone) listener();
	}

	/** From now on nothing is left out because the reader is slow. */
	keepAll(): void {
		this.#keepsAll = true;
	}

	write(text: string): void {
		if (this.#isGone) return;
		if (this.#writeFile !== undefined) return this.#writeToFile(this.#writeFile, text);
		if (!this.#keepsAll && this.#waiting + text.length > MOST_WAITING) return this.#lost("EAGAIN");
		const epoch = this.#epoch;
		this.#waiting += text.length;
		try {
			this.#stream.write(text, () => {
				if (epoch === this.#epoch) this.#settled(this.#waiting - text.length);
			});
		} catch (error) {
			this.#failed(errnoOf(error));
		}
	}

	/** Resolves when there is room for more. */
	async drained(): Promise<void> {
		if (this.#waiting > MUCH_WAITING) await this.flushed();
	}

	/** Resolves when all has been written or is lost; after `limitMs` at the latest. */
	async flushed(limitMs?: number): Promise<void> {
		if (this.#waiting > 0) {
			let timer: Timer | undefined;
			await new Promise<void>((resolve) => {
				this.#flushed.push(resolve);
				if (limitMs !== undefined) timer = this.#clock.after(limitMs, resolve);
			});
			timer?.cancel();
		}
		// A stream that writes at once reports an error only in a later turn.
		await new Promise((resolve) => setImmediate(resolve));
	}

	/** After the last write: a network drive or a quota may say only now that something is lost. Then that is the `failure`. */
	settleFile(): void {
		if (this.#writeFile === undefined || this.#syncFile === undefined) return;
		try {
			this.#syncFile();
		} catch (error) {
			if (fileErrorMeaning("sync", errnoOf(error)) !== "unsupported") this.#failed(errnoOf(error));
		}
	}

	#writeToFile(writeFile: FileWriter, text: string): void {
		// If the disk had room for a part of the last line only, that line is ended first.
		const bytes = Buffer.from(this.#torn ? `\n${text}` : text);
		let done = 0;
		try {
			while (done < bytes.length) {
				const written = writeFile(bytes, done);
				if (written === 0) return this.#lost("EAGAIN");
				done += written;
			}
			this.#torn = false;
		} catch (error) {
			if (done > 0) this.#torn = bytes[done - 1] !== LINE_FEED;
			this.#failed(errnoOf(error));
		}
	}

	#failed(errno: string): void {
		this.#lost(errno);
		// Everything else that waits on the stream is lost too; its callbacks never come.
		this.#epoch++;
		this.#settled(0);
		if (this.#isGone || !GONE.includes(errno)) return;
		this.#isGone = true;
		this.#onGone();
	}

	#lost(errno: string): void {
		this.#failure ??= errno;
	}

	#settled(waiting: number): void {
		this.#waiting = waiting;
		if (waiting > 0) return;
		const flushed = this.#flushed;
		this.#flushed = [];
		for (const resolve of flushed) resolve();
	}
}

/**
 * Writes to the stream's descriptor where that is a file or a device, but no terminal; `undefined` elsewhere. Node's own stream for a file
 * loses what comes after an error, says so in the middle of a line, and takes a short write for a whole one; for a block device it writes nothing.
 */
export function fileWriter({ fd, isTTY }: Pick<StandardStream, "fd" | "isTTY">): FileWriter | undefined {
	if (fd === undefined) return undefined;
	try {
		const stat = fstatSync(fd);
		const isFile = stat.isFile() || stat.isBlockDevice() || (stat.isCharacterDevice() && isTTY !== true);
		return isFile ? (text, from) => writeSync(fd, text, from) : undefined;
	} catch {
		return undefined;
	}
}

/** Codes that mean that nobody can read any more: of pipes, of sockets, and of pipes on Windows. */
const GONE: readonly string[] = ["EPIPE", "ECONNRESET", "ENOTCONN", "EOF"];

/** With more characters waiting than this, `drained` waits. */
const MUCH_WAITING = 65_536;

/** Most characters that wait for a slow reader; more are lost. */
const MOST_WAITING = 1_048_576;

const LINE_FEED = 0x0a;
