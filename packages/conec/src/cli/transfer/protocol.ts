/**
 * The messages of a file transfer (`conec-files/1`), encoded and decoded. Pure; `docs/cli.md` is the normative text.
 *
 * A message is one kind byte and a body: JSON, or bytes for `CONTENT`. Sender: for each file `FILE`, any number of
 * `CONTENT`, then `VERIFY` or `ABANDON`; or `SKIPPED` for a file that could not be opened. Receiver: one `VERDICT` per
 * `FILE`, in any order, as soon as it is known.
 *
 * @module
 */

/** Kind bytes. */
export const KINDS = { file: 0x01, content: 0x02, verify: 0x03, abandon: 0x04, skipped: 0x05, verdict: 0x06 } as const;

/** Most bytes of a file in one `CONTENT` message that this implementation sends. */
export const CONTENT_BYTES: number = 256 * 1_024;
/** Most bytes of any message but `CONTENT`. */
export const CONTROL_BYTES: number = 16 * 1_024;

/** Why a file did not arrive; a receiver treats unknown ones as `FAILED`. */
export const FILE_PROBLEMS = [
	/** The name is not one safe relative path, or leads through a link. */
	"NAME_UNSAFE",
	/** A file of that name exists and `--force` was not given. */
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
	/** Anything else. */
	"FAILED",
] as const;

/** One of {@link FILE_PROBLEMS}. */
export type FileProblem = (typeof FILE_PROBLEMS)[number];

/** Announces a file. */
export interface FileMessage {
	readonly type: "file";
	/** Counts the sender's `FILE` messages from 0; a `VERDICT` names it. */
	readonly index: number;
	/** Relative path, components separated by `/`. */
	readonly name: string;
	/** Bytes of content that follow. */
	readonly size: number;
	/** Permission bits, 0 .. 0o777. */
	readonly mode?: number | undefined;
	/** Last modification, milliseconds since 1970. */
	readonly mtimeMs?: number | undefined;
}

/** Everything that travels in a transfer. */
export type TransferMessage =
	| FileMessage
	| { readonly type: "content"; readonly data: Uint8Array }
	| { readonly type: "verify"; readonly sha256: string }
	| { readonly type: "abandon"; readonly problem: FileProblem; readonly detail: string }
	| { readonly type: "skipped"; readonly name: string; readonly problem: FileProblem; readonly detail: string }
	| VerdictMessage;

/** Tells the sender what became of a file. */
export interface VerdictMessage {
	readonly type: "verdict";
	readonly index: number;
	/** `undefined`: it is verified, on disk and has its name. */
	readonly problem?: FileProblem | undefined;
	/** Words for a person; untrusted. */
	readonly detail?: string | undefined;
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
		case KINDS.verify: {
			const sha256 = body["sha256"];
			if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) return refuse("VERIFY without a SHA-256");
			return { ok: true, message: { type: "verify", sha256 } };
		}
		case KINDS.abandon:
			return { ok: true, message: { type: "abandon", problem: problemOf(body["problem"]), detail: textOf(body["detail"]) } };
		case KINDS.skipped:
			return { ok: true, message: { type: "skipped", name: textOf(body["name"]), problem: problemOf(body["problem"]), detail: textOf(body["detail"]) } };
		case KINDS.verdict: {
			const index = body["index"];
			if (!isCount(index)) return refuse("VERDICT without an index");
			if (body["problem"] === undefined) return { ok: true, message: { type: "verdict", index } };
			return { ok: true, message: { type: "verdict", index, problem: problemOf(body["problem"]), detail: textOf(body["detail"]) } };
		}
		default:
			return refuse(`a message of unknown kind 0x${kind.toString(16).padStart(2, "0")}`);
	}
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeFile(body: Readonly<Record<string, unknown>>): DecodedTransfer {
	const { index, name, size, mode, mtimeMs } = body;
	if (!isCount(index)) return refuse("FILE without an index");
	if (typeof name !== "string") return refuse("FILE without a name");
	if (!isCount(size)) return refuse("FILE without a size");
	if (mode !== undefined && !(isCount(mode) && mode <= 0o777)) return refuse("FILE with a wrong mode");
	if (mtimeMs !== undefined && !(typeof mtimeMs === "number" && Math.abs(mtimeMs) <= 8.64e15)) return refuse("FILE with a wrong time");
	return { ok: true, message: { type: "file", index, name, size, mode, mtimeMs } };
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

function isCount(value: unknown): value is number {
	return Number.isSafeInteger(value) && (value as number) >= 0;
}

function refuse(reason: string): DecodedTransfer {
	return { ok: false, reason };
}
