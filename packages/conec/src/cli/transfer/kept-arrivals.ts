/**
 * The receiver's part of going on with a file: it says what it has of it, and the sender says where the content begins.
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import { isConecError, type MessageStream } from "../../index.ts";
import { APPLICATION_CODES, turnAway } from "../connecting/index.ts";
import { type TransferObserver, transferProtocolError } from "./events.ts";
import { encodeTransfer, type FileMessage, type FileProblemError, type FileSystem, type FromMessage, writeProblem } from "./ground/index.ts";
import type { MemorySink } from "./memory-sink.ts";
import { hasSameSize, type IncomingDirectory, isIdentical, type KeptParts, openKeptPart, PartFile, type PlacedFiles } from "./placing/index.ts";

/** The file whose content is arriving. */
export interface Arriving {
	readonly file: FileMessage;
	readonly parent: IncomingDirectory | undefined;
	readonly components: readonly string[];
	/** Of what has come, and of what was there. */
	hash: Hash;
	received: number;
	/** Bytes of it that count against `maxBytes`. */
	counted: number;
	/** `undefined`: refused, what still comes is dropped. */
	sink: MemorySink | PartFile | undefined;
	/** What the sender has to say before there is content: the hash of its file, or where it begins. */
	awaits?: "hash" | "from" | undefined;
	/** Bytes that were there, of which the sender was told. */
	told: number;
	/** Bytes that were there and stay. */
	resumed?: number | undefined;
}

/** How files are kept that did not come whole. */
export interface Keeping {
	readonly parts: KeptParts;
	/** The key of the sender; `undefined`: it is not known, and nothing is kept. Must not reject. */
	readonly owner: () => Promise<string | undefined>;
}

/** What {@link KeptArrivals} works with. */
export interface KeptArrivalsOptions {
	readonly stream: MessageStream;
	readonly observer: TransferObserver;
	readonly keeping: Keeping;
	readonly directory: string;
	readonly force: boolean;
	readonly files: FileSystem;
	readonly placed: PlacedFiles;
}

/** What comes of what the sender has said. */
export type Beginning =
	/** Content follows, or the sender is asked again. */
	| { readonly type: "goes-on" }
	/** The file is here already. */
	| { readonly type: "identical"; readonly size: number; readonly sha256: string }
	| { readonly type: "problem"; readonly error: FileProblemError };

/** Of one transfer. Both calls reject when the stream fails or the sender breaks the protocol. */
export class KeptArrivals {
	readonly #options: KeptArrivalsOptions;
	#owner: Promise<string | undefined> | undefined;
	#isOver = false;

	constructor(options: KeptArrivalsOptions) {
		this.#options = options;
		void options.stream.closed.then(() => {
			this.#isOver = true;
		});
	}

	/** Asks for the hash of a file that may be here already; otherwise tells what is here of it. */
	async offer(arriving: Arriving, size: number): Promise<Beginning> {
		const { files, directory, stream } = this.#options;
		const { file, components } = arriving;
		if (!(await hasSameSize(files, directory, components, size))) return await this.#tell(arriving, size);
		arriving.awaits = "hash";
		await stream.send(encodeTransfer({ type: "kept", index: file.index, offset: 0, same: true }));
		return GOES_ON;
	}

	/** Takes what the sender says to that. */
	async begin(arriving: Arriving, message: FromMessage): Promise<Beginning> {
		const { awaits } = arriving;
		arriving.awaits = undefined;
		if (awaits === "hash") return await this.#compare(arriving, message);
		const { file, sink, told } = arriving;
		const { offset, detail } = message;
		if (awaits !== "from" || (offset !== 0 && offset !== told)) throw transferProtocolError("a beginning that it was not offered");
		if (offset > 0) {
			this.#options.observer.resumed?.(file.name, offset);
			arriving.resumed = offset;
			arriving.received = offset;
		} else if (told > 0) {
			this.#options.observer.anew?.(file.name, detail ?? "the sender does not say why");
			this.#options.observer.checked?.(-told);
			arriving.hash = createHash("sha256");
			try {
				if (sink instanceof PartFile) await sink.restart();
			} catch (error) {
				return { type: "problem", error: writeProblem("write", error) };
			}
		}
		return GOES_ON;
	}

	async #compare(arriving: Arriving, { offset, sha256 }: FromMessage): Promise<Beginning> {
		const { files, directory } = this.#options;
		const { size } = arriving.file;
		if (sha256 === undefined || size === undefined || offset !== 0) throw transferProtocolError("no hash of a file that may be here");
		if (await isIdentical(files, directory, arriving.components, { size, sha256 })) return { type: "identical", size, sha256 };
		return await this.#tell(arriving, size);
	}

	/** Opens what is kept of the file, or begins it, and tells the sender. */
	async #tell(arriving: Arriving, size: number): Promise<Beginning> {
		const { stream, observer } = this.#options;
		const { index, name } = arriving.file;
		let detail: string | undefined;
		try {
			detail = await this.#open(arriving, size);
		} catch (error) {
			if (isConecError(error)) throw error;
			return { type: "problem", error: writeProblem("create", error) };
		}
		arriving.awaits = "from";
		const { told, hash } = arriving;
		if (detail !== undefined) observer.anew?.(name, detail);
		await stream.send(encodeTransfer({ type: "kept", index, offset: told, sha256: told === 0 ? undefined : hash.copy().digest("hex"), detail }));
		return GOES_ON;
	}

	/** Resolves with why nothing is gone on with, if there was something. */
	async #open(arriving: Arriving, size: number): Promise<string | undefined> {
		const { stream, observer, keeping, directory, force, files, placed } = this.#options;
		const { components, file } = arriving;
		this.#owner ??= keeping.owner();
		const owner = await this.#owner;
		const where = { files, directory, components, size, force, placed };
		if (owner === undefined) {
			arriving.sink = await PartFile.create(where);
			return "the key of the sender is not known here";
		}
		const opened = await openKeptPart({
			...where,
			owner,
			parts: keeping.parts,
			makeWay: () => turnAway(stream, APPLICATION_CODES.replaced),
			found: (offset) => {
				observer.checking?.(file.name);
				return stream.send(encodeTransfer({ type: "kept", index: file.index, offset }));
			},
			hashed: (bytes) => observer.checked?.(bytes),
			isOver: () => this.#isOver,
		});
		arriving.sink = opened.part;
		arriving.hash = opened.hash;
		arriving.told = opened.offset;
		return opened.detail;
	}
}

const GOES_ON: Beginning = { type: "goes-on" };
