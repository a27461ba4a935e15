/**
 * The sender's part of going on with a file: it compares what the receiver has with its own file, and says where the content begins.
 * What the receiver says is only compared. So a wrong offset or hash costs a whole file, and nothing else.
 *
 * @module
 */

import type { MessageStream } from "../../index.ts";
import { type TransferObserver, transferProtocolError } from "./events.ts";
import { encodeTransfer, type FileSystem, type KeptMessage } from "./ground/index.ts";
import { type FileSource, OpenedSource } from "./reading/index.ts";
import { nothingRead, type Read, readTo } from "./send-content.ts";
import type { Verdicts } from "./verdicts.ts";

/** What is sent, and to whom. */
export interface Agreement {
	readonly stream: MessageStream;
	readonly verdicts: Verdicts;
	readonly observer: TransferObserver;
	readonly files: FileSystem;
	readonly source: FileSource;
	/** Of the announcement. */
	readonly index: number;
}

/** A file that is open where its content begins. */
export interface Begun {
	/** The caller closes it. */
	readonly opened: OpenedSource;
	/** What comes before, which the receiver has. */
	readonly read: Read;
}

/**
 * Waits for what the receiver has, and says what follows. `opened` is at its beginning; it is closed where another one is returned, and on a
 * rejection the caller closes it. `undefined`: the receiver does not take the file, or has it.
 *
 * Rejects with a `FileProblemError` of the file, and as the stream does.
 */
export async function agreeOnBeginning(opened: OpenedSource, agreement: Agreement): Promise<Begun | undefined> {
	const { verdicts, index, observer, source } = agreement;
	const isWanted = (): boolean => verdicts.isWanted(index);
	let offer = await verdicts.offer(index);
	if (offer !== undefined && (offer.same === true || offer.offset > 0)) observer.checking?.(source.name);
	if (offer?.same === true) {
		await sayWhichFile(agreement, isWanted);
		offer = await verdicts.offer(index);
		if (offer?.same === true) throw transferProtocolError("the same question twice");
	}
	if (offer === undefined) return undefined;
	const { offset, detail } = offer;
	if (offset === 0) {
		if (detail !== undefined) observer.anew?.(source.name, detail);
		return await begin(agreement, { opened, read: nothingRead() });
	}
	// The receiver makes the hash of its part meanwhile.
	const read = await readTo(opened, offset, (bytes) => observer.checked?.(bytes), isWanted);
	if (offer.sha256 === undefined) offer = await verdicts.offer(index);
	if (offer === undefined) return undefined;
	const reason = difference(read, offset, offer);
	if (reason === undefined) {
		observer.resumed?.(source.name, offset);
		return await begin(agreement, { opened, read });
	}
	observer.checked?.(-read.size);
	observer.anew?.(source.name, reason);
	const again = await OpenedSource.open(agreement.files, source);
	await opened.close();
	return await begin(agreement, { opened: again, read: nothingRead() }, reason);
}

/** Says which content the file has: the receiver has a file of that name and size. */
async function sayWhichFile({ stream, verdicts, observer, files, source, index }: Agreement, isWanted: () => boolean): Promise<void> {
	const opened = await OpenedSource.open(files, source);
	try {
		const { hash, size } = await readTo(opened, Number.MAX_SAFE_INTEGER, (bytes) => observer.checked?.(bytes), isWanted);
		observer.checked?.(-size);
		const sha256 = hash.digest("hex");
		verdicts.ask(index, { size, sha256 });
		await stream.send(encodeTransfer({ type: "from", offset: 0, sha256 }));
	} finally {
		await opened.close();
	}
}

async function begin({ stream, verdicts, index }: Agreement, begun: Begun, detail?: string): Promise<Begun> {
	const offset = begun.read.size;
	verdicts.begins(index, offset);
	await stream.send(encodeTransfer({ type: "from", offset, detail }));
	return begun;
}

/** Why the receiver's part is not the beginning of the file, if it is not. */
function difference(read: Read, told: number, { offset, sha256, detail }: KeptMessage): string | undefined {
	if (read.size < told) return "what is there is longer than the file";
	if (offset === 0 && detail !== undefined) return detail;
	if (offset !== told) return "what is there has changed meanwhile";
	return sha256 === read.hash.copy().digest("hex") ? undefined : "what is there is not the beginning of the file as it is now";
}
