/** Bytes that are checked: every message has its number, and both sides hash all of it. */

import { createHash, randomBytes } from "node:crypto";
import type { JsonValue, MessageStream } from "../../../packages/conec/src/index.ts";
import { nowMs, sleep } from "./actions.ts";

/** What a side of a transfer knows of it. Times in milliseconds of `nowMs`. */
export interface TransferState {
	readonly name: string;
	bytes: number;
	messages: number;
	/** Hex; once all of it is there. */
	sha256?: string;
	firstAtMs?: number;
	lastAtMs?: number;
	/** Silences of more than {@link SILENCE_MS} between two messages, or of more than the sender has said. */
	readonly silences: { readonly fromMs: number; readonly toMs: number }[];
	/** The sender is to send nothing more. */
	enough?: true;
	error?: { readonly message: string; readonly code?: string; readonly atMs: number };
}

/** Pauses of less are not kept. */
export const SILENCE_MS = 150;

export const newTransfer = (name: string): TransferState => ({ name, bytes: 0, messages: 0, silences: [] });

export function failed(state: TransferState, error: unknown): void {
	const { message, code } = error as { message?: unknown; code?: unknown };
	state.error = { message: String(message ?? error), atMs: nowMs(), ...(typeof code === "string" ? { code } : {}) };
}

/** How much to send: until one of them is reached, or until the state says that it is enough. */
export interface Amount {
	readonly bytes?: number;
	readonly seconds?: number;
	readonly messageBytes: number;
	/** A message every so often, if there is room. @default as many as there is room for */
	readonly everyMs?: number;
}

/** Sends that much and waits for the receiver's account of it, which has to be the same; else fails. Keeps `state` up to date. */
export async function sendAll(stream: MessageStream, state: TransferState, amount: Amount): Promise<TransferState> {
	const { bytes: totalBytes = Number.POSITIVE_INFINITY, seconds = Number.POSITIVE_INFINITY, messageBytes, everyMs } = amount;
	const hash = createHash("sha256");
	const filling = randomBytes(messageBytes);
	state.firstAtMs = nowMs();
	while (!state.enough && state.bytes < totalBytes && nowMs() - state.firstAtMs < seconds * 1_000) {
		const message = filling.subarray(0, Math.max(8, Math.min(messageBytes, totalBytes - state.bytes)));
		message.writeBigUInt64BE(BigInt(state.messages));
		hash.update(message);
		await stream.send(message);
		state.bytes += message.length;
		state.messages++;
		state.lastAtMs = nowMs();
		if (everyMs !== undefined) await sleep(Math.max(0, state.firstAtMs + state.messages * everyMs - nowMs()));
	}
	state.sha256 = hash.digest("hex");
	await stream.close();
	const reply = await stream.receive();
	if (reply === null) throw new Error("the receiver has closed without a word");
	const account = JSON.parse(Buffer.from(reply).toString()) as TransferState;
	if (account.bytes !== state.bytes || account.sha256 !== state.sha256) {
		throw new Error(`sent ${state.bytes} bytes ${state.sha256}, the receiver has ${account.bytes} bytes ${account.sha256}`);
	}
	return account;
}

/** Takes all of it and answers with the account. */
export async function receiveAll(stream: MessageStream, state: TransferState, silenceMs: number = SILENCE_MS): Promise<void> {
	const hash = createHash("sha256");
	for await (const message of stream) {
		const at = nowMs();
		state.firstAtMs ??= at;
		if (state.lastAtMs !== undefined && at - state.lastAtMs > silenceMs) state.silences.push({ fromMs: state.lastAtMs, toMs: at });
		state.lastAtMs = at;
		const number = Buffer.from(message.buffer, message.byteOffset, message.byteLength).readBigUInt64BE();
		if (number !== BigInt(state.messages)) throw new Error(`message ${number} came in the place of ${state.messages}`);
		hash.update(message);
		state.bytes += message.length;
		state.messages++;
	}
	state.sha256 = hash.digest("hex");
	await stream.send(JSON.stringify(state));
	await stream.close();
}

/** What an incoming stream is for: its opener says so in the metadata. */
export function purposeOf(metadata: JsonValue | undefined): { readonly transfer?: string; readonly silenceMs?: number; readonly ticks?: true } {
	if (typeof metadata !== "object" || metadata === null) return {};
	const { ticks, transfer, silenceMs } = metadata as Readonly<Record<string, JsonValue>>;
	if (ticks !== undefined) return { ticks: true };
	if (typeof transfer !== "string") return {};
	return { transfer, ...(typeof silenceMs === "number" ? { silenceMs } : {}) };
}
