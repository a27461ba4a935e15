/**
 * The messages of a file transfer (`conec-files/1` and `conec-files/2`), encoded and decoded. Pure; `docs/cli.md` is the normative text.
 *
 * A message is one kind byte and a body: JSON, or bytes for `CONTENT`. Sender: for each file `FILE`, any number of
 * `CONTENT`, then `VERIFY` or `ABANDON`; for each directory `DIRECTORY`, what is in it, `LEAVE`; `SKIPPED` for what could
 * not be opened. Receiver: `ASKING` if somebody is asked before anything is taken; one `VERDICT` per `FILE` and `DIRECTORY`, in any order, as soon as it is known.
 * In `conec-files/2`, for a `FILE` that may go on: `KEPT` from the receiver says what it has of the file, and `FROM` from the sender where `CONTENT` begins.
 *
 * @module
 */

/** Kind bytes. */
export const KINDS = {
	file: 0x01,
	content: 0x02,
	verify: 0x03,
	abandon: 0x04,
	skipped: 0x05,
	verdict: 0x06,
	directory: 0x07,
	leave: 0x08,
	asking: 0x09,
	kept: 0x0a,
	from: 0x0b,
} as const;

/** Most bytes of a file in one `CONTENT` message that this implementation sends. */
export const CONTENT_BYTES: number = 256 * 1_024;
/** Most bytes of any message but `CONTENT`. */
export const CONTROL_BYTES: number = 16 * 1_024;

/** Why a file did not arrive; a receiver treats unknown ones as `FAILED`. */
export const FILE_PROBLEMS = [
	/** The name is not one safe relative path, or leads through a link. */
	"NAME_UNSAFE",
	/** The name is hidden or has invisible characters, and the receiver did not allow that. */
	"NAME_HIDDEN",
	/** A file of that name exists and `--force` was not given, or the file is one of this transfer. */
	"EXISTS",
	/** It would exceed the receiver's `--max-bytes`. */
	"TOO_LARGE",
	/** The receiver's disk or quota is full. */
	"DISK_FULL",
	/** The receiver may not write there. */
	"NOT_WRITABLE",
	/** What arrived is not what was sent: SHA-256 or size differ. */
	"VERIFICATION_FAILED",
	/** The file changed while it was being sent. */
	"CHANGED",
	/** The sender could not open or read it. */
	"UNREADABLE",
	/** No problem: the receiver has a file of that name and content. Only an answer to `FILE` with a `sha256`. */
	"IDENTICAL",
	/** Anything else. */
	"FAILED",
] as const;

/** One of {@link FILE_PROBLEMS}. */
export type FileProblem = (typeof FILE_PROBLEMS)[number];

/** What is announced of a file or a directory. */
interface Announced {
	/** Counts the sender's `FILE` and `DIRECTORY` messages from 0; a `VERDICT` names it. */
	readonly index: number;
	/** Relative path, components separated by `/`. Within a directory: its name, `/`, and one component. */
	readonly name: string;
	/** Permission bits, 0 .. 0o777; `undefined`: not known, and then it is private. */
	readonly mode?: number | undefined;
	/** Last modification, milliseconds since 1970, also negative; `undefined`: not known, or no date can have it. */
	readonly mtimeMs?: number | undefined;
}

/** Announces a file. */
export interface FileMessage extends Announced {
	readonly type: "file";
	/** Bytes of content that are likely to follow; `undefined`: not known. `VERIFY` says how many there were. */
	readonly size?: number | undefined;
	/** The hash of its content. The receiver may answer `IDENTICAL` if it has that. `undefined`: it may not. */
	readonly sha256?: string | undefined;
	/** It is a text for the person there: a receiver that can shows it, and writes no file. */
	readonly isText?: boolean | undefined;
	/** In `conec-files/2`: the sender waits for `KEPT` before it sends content. Only with a `size`. */
	readonly resume?: boolean | undefined;
}

/** Tells the sender what the receiver has of a file. */
export interface KeptMessage {
	readonly type: "kept";
	readonly index: number;
	/** Bytes from the beginning of the file. */
	readonly offset: number;
	/** The hash of these bytes. `undefined` with an offset other than 0: it follows in another `KEPT`. */
	readonly sha256?: string | undefined;
	/** A finished file of that name and size is there. The sender says in `FROM` which hash its file has. */
	readonly same?: boolean | undefined;
	/** Why nothing is gone on with, where there was something; words for a person, untrusted. */
	readonly detail?: string | undefined;
}

/** Tells the receiver where the content begins. */
export interface FromMessage {
	readonly type: "from";
	/** That of `KEPT`, or 0. */
	readonly offset: number;
	/** The hash of the whole file, if `KEPT` had `same`. */
	readonly sha256?: string | undefined;
	/** Why it begins anew; words for a person, untrusted. */
	readonly detail?: string | undefined;
}

/** Announces a directory. What follows until the matching `LEAVE` is in it. */
export interface DirectoryMessage extends Announced {
	readonly type: "directory";
}

/** Everything that travels in a transfer. */
export type TransferMessage =
	| FileMessage
	| { readonly type: "content"; readonly data: Uint8Array }
	| { readonly type: "verify"; readonly size: number; readonly sha256: string }
	| { readonly type: "abandon"; readonly problem: FileProblem; readonly detail: string }
	| { readonly type: "skipped"; readonly name: string; readonly problem: FileProblem; readonly detail: string }
	| DirectoryMessage
	| { readonly type: "leave" }
	| { readonly type: "asking" }
	| KeptMessage
	| FromMessage
	| VerdictMessage;

/** Tells the sender what became of a file or a directory. */
export interface VerdictMessage {
	readonly type: "verdict";
	readonly index: number;
	/** `undefined`: it is verified, on disk and has its name. */
	readonly problem?: FileProblem | undefined;
	/** Of a problem: words for a person; untrusted. */
	readonly detail?: string | undefined;
	/** Without a problem: what could not be kept, such as its time; words for a person, untrusted. */
	readonly remark?: string | undefined;
}

/** Decoded, or why not. */
export type DecodedTransfer = { readonly ok: true; readonly message: TransferMessage } | { readonly ok: false; readonly reason: string };

/** Encodes any message but `CONTENT`, whose kind byte is put before the bytes where they are read. */
export function encodeTransfer(message: Exclude<TransferMessage, { type: "content" }>): Uint8Array {
	const { type, ...body } = message;
	const json = ENCODER.encode(JSON.stringify(body));
	const encoded = new Uint8Array(1 + json.length);
	encoded[0] = KINDS[type];
	encoded.set(json, 1);
	return encoded;
}

/** Decodes one message; never throws. The data of `CONTENT` is a view of `message`. */
export function decodeTransfer(message: Uint8Array): DecodedTransfer {
	const kind = message[0];
	if (kind === undefined) return refuse("an empty message");
	if (kind === KINDS.content) return { ok: true, message: { type: "content", data: message.subarray(1) } };
	if (message.length > CONTROL_BYTES) return refuse("a message that is too long");
	const body = parseObject(message.subarray(1));
	if (body === undefined) return refuse("a message that is not a JSON object");
	switch (kind) {
		case KINDS.file:
			return decodeFile(body);
		case KINDS.directory:
			return decodeDirectory(body);
		case KINDS.leave:
			return { ok: true, message: { type: "leave" } };
		case KINDS.asking:
			return { ok: true, message: { type: "asking" } };
		case KINDS.verify: {
			const { size, sha256 } = body;
			if (!isCount(size)) return refuse("VERIFY without a size");
			if (!isSha256(sha256)) return refuse("VERIFY without a SHA-256");
			return { ok: true, message: { type: "verify", size, sha256 } };
		}
		case KINDS.abandon:
			return { ok: true, message: { type: "abandon", problem: problemOf(body["problem"]), detail: textOf(body["detail"]) } };
		case KINDS.skipped:
			return { ok: true, message: { type: "skipped", name: textOf(body["name"]), problem: problemOf(body["problem"]), detail: textOf(body["detail"]) } };
		case KINDS.verdict: {
			const index = body["index"];
			if (!isCount(index)) return refuse("VERDICT without an index");
			if (body["problem"] === undefined) {
				const remark = textOf(body["remark"]);
				return { ok: true, message: remark === "" ? { type: "verdict", index } : { type: "verdict", index, remark } };
			}
			return { ok: true, message: { type: "verdict", index, problem: problemOf(body["problem"]), detail: textOf(body["detail"]) } };
		}
		case KINDS.kept: {
			const { index, offset, sha256, same } = body;
			if (!isCount(index)) return refuse("KEPT without an index");
			if (!isCount(offset)) return refuse("KEPT without an offset");
			if (sha256 !== undefined && !isSha256(sha256)) return refuse("KEPT with a wrong SHA-256");
			return { ok: true, message: { type: "kept", index, offset, ...given({ sha256, same: same === true || undefined, detail: detailOf(body) }) } };
		}
		case KINDS.from: {
			const { offset, sha256 } = body;
			if (!isCount(offset)) return refuse("FROM without an offset");
			if (sha256 !== undefined && !isSha256(sha256)) return refuse("FROM with a wrong SHA-256");
			return { ok: true, message: { type: "from", offset, ...given({ sha256, detail: detailOf(body) }) } };
		}
		default:
			return refuse(`a message of unknown kind 0x${kind.toString(16).padStart(2, "0")}`);
	}
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeFile(body: Readonly<Record<string, unknown>>): DecodedTransfer {
	const announced = decodeAnnounced("FILE", body);
	if (typeof announced === "string") return refuse(announced);
	const { size, isText, resume } = body;
	if (size !== undefined && !isCount(size)) return refuse("FILE with a wrong size");
	const { sha256 } = body;
	if (sha256 !== undefined && !isSha256(sha256)) return refuse("FILE with a wrong SHA-256");
	if (resume === true && size === undefined) return refuse("FILE that may go on, without a size");
	return {
		ok: true,
		message: { type: "file", ...announced, size, ...given({ sha256, isText: isText === true || undefined, resume: resume === true || undefined }) },
	};
}

function decodeDirectory(body: Readonly<Record<string, unknown>>): DecodedTransfer {
	const announced = decodeAnnounced("DIRECTORY", body);
	return typeof announced === "string" ? refuse(announced) : { ok: true, message: { type: "directory", ...announced } };
}

function decodeAnnounced(what: string, { index, name, mode, mtimeMs }: Readonly<Record<string, unknown>>): Announced | string {
	if (!isCount(index)) return `${what} without an index`;
	if (typeof name !== "string") return `${what} without a name`;
	if (mode !== undefined && !(isCount(mode) && mode <= 0o777)) return `${what} with a wrong mode`;
	return { index, name, mode, mtimeMs: possibleTime(mtimeMs) };
}

/** The time, or `undefined` if no date can have it. A wrong time is no reason to lose a file. */
export function possibleTime(mtimeMs: unknown): number | undefined {
	return typeof mtimeMs === "number" && Math.abs(mtimeMs) <= 8.64e15 ? mtimeMs : undefined;
}

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
	try {
		const value: unknown = JSON.parse(DECODER.decode(bytes));
		return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
	} catch {
		return undefined;
	}
}

function problemOf(value: unknown): FileProblem {
	return FILE_PROBLEMS.find((problem) => problem === value) ?? "FAILED";
}

function textOf(value: unknown): string {
	return typeof value === "string" ? value.slice(0, 4_096) : "";
}

/** What is `undefined` is left out. */
function given<Fields extends object>(fields: Fields): { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> } {
	return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> };
}

function detailOf(body: Readonly<Record<string, unknown>>): string | undefined {
	return textOf(body["detail"]) || undefined;
}

function isSha256(value: unknown): value is string {
	return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

function isCount(value: unknown): value is number {
	return Number.isSafeInteger(value) && (value as number) >= 0;
}

function refuse(reason: string): DecodedTransfer {
	return { ok: false, reason };
}
