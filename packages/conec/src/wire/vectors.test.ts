import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { decodeBroadcastControl, encodeBroadcastControl, epochToBytes, TaggedDecoder, taggedBytes, taggedFrameBytes, writeTaggedFrame } from "./broadcast.ts";
import { applicationCodeFromWire, applicationCodeToWire, CLOSE_CODES, REFUSED_CODES, REJECT_CODES, RESET_CODES } from "./codes.ts";
import { decodeControl, encodeControl } from "./control.ts";
import { type DatagramContent, decodeDatagram, encodeDatagram, isAuthentic, type Mac } from "./datagrams.ts";
import { encodeFrame, FRAME, FrameDecoder } from "./frames.ts";
import { isId } from "./ids.ts";
import { decodeJsonObject, metadataTextBytes } from "./json.ts";
import { decodeOpenDirect, decodeOpenFromCoordinator, decodeOpenToCoordinator, decodeReject, encodeOpen, encodeReject } from "./open.ts";
import { changeText, decodePresence, encodePeerChanges, encodePeersPage, type PeerChanges, type PeersPage, peerText } from "./presence.ts";
import { decodeAck, decodeCode, decodeCount, decodeResumable, encodeAck, encodeCode, encodeCount, encodeResumable } from "./stream-frames.ts";

const ROOT = new URL("../../../../", import.meta.url);

interface FrameVector {
	readonly name: string;
	readonly bytes: string;
	readonly frames: readonly { readonly kind: number; readonly payload: string }[];
	readonly code: string;
}

interface PayloadVector {
	readonly name: string;
	readonly payload: string;
	readonly text?: string;
	readonly header: keyof typeof HEADERS;
	readonly message: unknown;
	readonly value: unknown;
	readonly decodeOnly?: boolean;
}

interface DatagramVectors {
	readonly token: string;
	readonly key: string;
	readonly label: string;
	readonly tag: string;
	readonly valid: readonly { readonly name: string; readonly by: keyof typeof ROLE_BYTES; readonly bytes: string; readonly content: DatagramContent }[];
	readonly forged: readonly { readonly name: string; readonly by: keyof typeof ROLE_BYTES; readonly bytes: string }[];
	readonly invalid: readonly { readonly name: string; readonly bytes: string }[];
}

/** What a MAC covers before the datagram itself. */
const ROLE_BYTES = { dial: [0], accept: [1], session: [], nobody: [] };

const HEADERS = {
	"to-coordinator": decodeOpenToCoordinator,
	"from-coordinator": decodeOpenFromCoordinator,
	direct: decodeOpenDirect,
	reject: decodeReject,
};

function vectors<T>(name: string): T {
	return JSON.parse(readFileSync(new URL(`test/vectors/${name}.json`, ROOT), "utf8")) as T;
}

function fromHex(hex: string): Uint8Array {
	return new Uint8Array(Buffer.from(hex, "hex"));
}

function toHex(bytes: Uint8Array): string {
	return Buffer.from(bytes).toString("hex");
}

function mapped<T, R>(value: T | undefined, change: (value: T) => R): R | undefined {
	return value === undefined ? undefined : change(value);
}

function decoderFor(bytes: string): { events: ReturnType<FrameDecoder["push"]>; decoder: FrameDecoder } {
	const decoder = new FrameDecoder({ messageBytes: 1_048_576 });
	return { events: decoder.push(fromHex(bytes)), decoder };
}

test("vectors: frames", () => {
	const { valid, skipped, incomplete, invalid } = vectors<Record<"valid" | "skipped" | "incomplete" | "invalid", FrameVector[]>>("frames");
	for (const { name, bytes, frames } of [...valid, ...skipped]) {
		const found = decoderFor(bytes).events.flatMap((event) => (event.type === "frame" ? [{ kind: event.kind, payload: toHex(event.payload) }] : []));
		assert.deepEqual(found, frames, name);
	}
	for (const { name, bytes, frames } of valid) {
		assert.equal(frames.map(({ kind, payload }) => toHex(encodeFrame(kind, fromHex(payload)))).join(""), bytes, name);
	}
	for (const { name, bytes } of incomplete) {
		const { events, decoder } = decoderFor(bytes);
		assert.deepEqual(events, [], name);
		assert.equal(decoder.atBoundary, false, name);
	}
	for (const { name, bytes, code } of invalid) {
		const [event] = decoderFor(bytes).events;
		assert.equal(event?.type === "error" && event.code, code, name);
	}
});

test("vectors: JSON", () => {
	const { valid, invalid, lengths } = vectors<Record<"valid" | "invalid" | "lengths", { name: string; payload: string; bytes: number }[]>>("json");
	for (const { name, payload } of valid) assert.equal(decodeJsonObject(fromHex(payload)).ok, true, name);
	for (const { name, payload } of invalid) assert.equal(decodeJsonObject(fromHex(payload)).ok, false, name);
	for (const { name, payload, bytes } of lengths) {
		const decoded = decodeJsonObject(fromHex(payload));
		assert.equal(decoded.ok && metadataTextBytes(decoded.value), bytes, name);
	}
});

test("vectors: payloads of the frames beside messages", () => {
	const decoders: ReadonlyMap<number, (payload: Uint8Array) => Uint8Array | undefined> = new Map([
		[FRAME.RESUMABLE, (payload: Uint8Array) => mapped(decodeResumable(payload), encodeResumable)],
		[FRAME.ACK, (payload: Uint8Array) => mapped(decodeAck(payload), ({ received, limit }) => encodeAck(received, limit))],
		[FRAME.FROM, (payload: Uint8Array) => mapped(decodeCount(payload), encodeCount)],
		[FRAME.BLOCKED, (payload: Uint8Array) => mapped(decodeCount(payload), encodeCount)],
		[FRAME.STOP, (payload: Uint8Array) => mapped(decodeCode(payload), encodeCode)],
		[FRAME.RESET, (payload: Uint8Array) => mapped(decodeCode(payload), encodeCode)],
	]);
	const seen = new Set<number>();
	for (const { name, frames } of vectors<{ valid: FrameVector[] }>("frames").valid) {
		for (const { kind, payload } of frames) {
			const again = decoders.get(kind);
			if (again === undefined) continue;
			seen.add(kind);
			assert.equal(toHex(again(fromHex(payload)) ?? new Uint8Array(0)), payload, name);
		}
	}
	assert.equal(seen.size, decoders.size, "there is a vector for each");
});

test("vectors: control messages", () => {
	const { valid, invalid } = vectors<Record<"valid" | "invalid", PayloadVector[]>>("control");
	for (const { name, payload, message, decodeOnly } of valid) {
		assert.deepEqual(decodeControl(fromHex(payload)), { ok: true, value: message }, name);
		if (decodeOnly !== true) {
			assert.equal(toHex(encodeControl(message as Parameters<typeof encodeControl>[0])), payload, name);
		}
	}
	for (const { name, payload } of invalid) {
		assert.equal(decodeControl(fromHex(payload)).ok, false, name);
	}
});

test("vectors: OPEN and REJECT", () => {
	const { valid, invalid } = vectors<Record<"valid" | "invalid", PayloadVector[]>>("open");
	for (const { name, header, payload, value } of valid) {
		assert.deepEqual(HEADERS[header](fromHex(payload)), { ok: true, value }, name);
		const encoded = header === "reject" ? encodeReject(value as Parameters<typeof encodeReject>[0]) : encodeOpen(value as Parameters<typeof encodeOpen>[0]);
		assert.equal(toHex(encoded), payload, name);
	}
	for (const { name, header, payload } of invalid) {
		assert.equal(HEADERS[header](fromHex(payload)).ok, false, name);
	}
});

test("vectors: presence", () => {
	const { valid, invalid } = vectors<Record<"valid" | "invalid", PayloadVector[]>>("presence");
	for (const { name, payload, message, decodeOnly } of valid) {
		assert.deepEqual(decodePresence(fromHex(payload)), { ok: true, value: message }, name);
		const frame = message as PeersPage | PeerChanges;
		const encoded =
			frame.type === "peers"
				? encodePeersPage(frame, frame.peers.map(peerText))
				: encodePeerChanges(
						frame.seq,
						frame.changes.map(({ type, peer }) => changeText(type, peerText(peer))),
					);
		if (decodeOnly !== true) assert.equal(toHex(encoded), payload, name);
	}
	for (const { name, payload } of invalid) assert.equal(decodePresence(fromHex(payload)).ok, false, name);
});

test("vectors: datagrams", () => {
	const { token, key, label, tag, valid, forged, invalid } = vectors<DatagramVectors>("datagrams");
	const hmac = (secret: string, data: string): string => createHmac("sha256", fromHex(secret)).update(data).digest("hex");
	const macOf = (by: keyof typeof ROLE_BYTES): Mac => {
		const secret = fromHex(by === "session" ? key : token);
		return (data) => createHmac("sha256", secret).update(Uint8Array.from(ROLE_BYTES[by])).update(data).digest();
	};
	assert.equal(hmac(token, "conec label").slice(0, 16), label);
	assert.equal(hmac(key, "conec session").slice(0, 16), tag);
	for (const { name, by, bytes, content } of valid) {
		const decoded = decodeDatagram(fromHex(bytes));
		assert.ok(decoded.ok, name);
		assert.deepEqual(decoded.value.content, content, name);
		assert.equal(isAuthentic(decoded.value, macOf(by)), by !== "nobody", name);
		assert.equal(toHex(encodeDatagram(content, macOf(by))), bytes, name);
	}
	for (const { name, by, bytes } of forged) {
		const decoded = decodeDatagram(fromHex(bytes));
		assert.equal(decoded.ok && isAuthentic(decoded.value, macOf(by)), false, name);
		assert.equal(decoded.ok, true, name);
	}
	for (const { name, bytes } of invalid) {
		assert.equal(decodeDatagram(fromHex(bytes)).ok, false, name);
	}
});

test("vectors: broadcasts", () => {
	const { valid, invalid, tagged, taggedInvalid } = vectors<{
		valid: PayloadVector[];
		invalid: PayloadVector[];
		tagged: { name: string; payload: string; message: { sender: string; epoch: string; seq: number; data: string } }[];
		taggedInvalid: { name: string; payload: string }[];
	}>("broadcast");
	for (const { name, payload, message } of valid) {
		assert.deepEqual(decodeBroadcastControl(fromHex(payload)), { ok: true, value: message }, name);
		assert.equal(toHex(encodeBroadcastControl(message as Parameters<typeof encodeBroadcastControl>[0])), payload, name);
	}
	for (const { name, payload } of invalid) {
		assert.equal(decodeBroadcastControl(fromHex(payload)).ok, false, name);
	}
	const epoch = "00112233445566ff";
	for (const { name, payload, message } of tagged) {
		const decoded = new TaggedDecoder(epoch).decode(fromHex(payload));
		assert.ok(typeof decoded !== "string", name);
		assert.deepEqual({ ...decoded, data: toHex(decoded.data) }, { type: "message", ...message }, name);
		assert.equal(taggedBytes(decoded), payload.length / 2, name);
		const sender = new TextEncoder().encode(message.sender);
		const frame = new Uint8Array(taggedFrameBytes(sender.length, message.data.length / 2));
		assert.equal(writeTaggedFrame(frame, 0, sender, epochToBytes(message.epoch), message.seq, fromHex(message.data)), frame.length, name);
		assert.equal(toHex(frame.subarray(4)), payload, name);
	}
	for (const { name, payload } of taggedInvalid) {
		assert.equal(typeof new TaggedDecoder(epoch).decode(fromHex(payload)), "string", name);
	}
});

test("vectors: codes", () => {
	const codes = vectors<{ close: object; reset: object; reject: string[]; refused: string[]; application: { code: number; wire: number }[] }>("codes");
	assert.deepEqual(codes.close, { ...CLOSE_CODES });
	assert.deepEqual(codes.reset, { ...RESET_CODES });
	assert.deepEqual(codes.reject, [...REJECT_CODES]);
	assert.deepEqual(codes.refused, [...REFUSED_CODES]);
	for (const { code, wire } of codes.application) {
		assert.equal(applicationCodeToWire(code), wire);
		assert.equal(applicationCodeFromWire(wire), code);
	}
});

test("vectors: ids", () => {
	const { valid, invalid } = vectors<Record<"valid" | "invalid", string[]>>("ids");
	assert.deepEqual(
		valid.filter((id) => !isId(id)),
		[],
	);
	assert.deepEqual(invalid.filter(isId), []);
});

test("docs/protocol.md: its dumps are vectors, its code tables are the codes", () => {
	const text = readFileSync(new URL("docs/protocol.md", ROOT), "utf8");
	const valid: readonly { readonly name: string; readonly bytes: string }[] = ["frames", "datagrams"].flatMap(
		(name) => vectors<{ valid: { name: string; bytes: string }[] }>(name).valid,
	);
	const dumps = [...text.matchAll(/```hex (.+)\n([^`]*)```/g)];
	assert.ok(dumps.length >= 14);
	for (const [, name, dump] of dumps) {
		const hex = (dump as string)
			.split("\n")
			.map((line) => line.replace(/\|.*/, "").replaceAll(" ", ""))
			.join("");
		assert.equal(hex, valid.find((vector) => vector.name === name)?.bytes, name);
	}
	const tableOf = (heading: string): Record<string, number> => {
		const section = text.slice(text.indexOf(heading)).split("\n## ")[0]?.split("\n### ")[0] ?? "";
		return Object.fromEntries([...section.matchAll(/^\| `(0x[0-9a-f]+)` \| ([A-Z_]+) \|/gm)].map(([, number, name]) => [name, Number(number)]));
	};
	assert.deepEqual(tableOf("Close codes\n"), { ...CLOSE_CODES });
	assert.deepEqual(tableOf("Reset codes\n"), { ...RESET_CODES });
	const wordsIn = (line: RegExp): (string | undefined)[] => [...(line.exec(text)?.[1] ?? "").matchAll(/`([A-Z_]+)`/g)].map(([, word]) => word);
	assert.deepEqual(wordsIn(/^Codes in REJECT: (.*)\.$/m), [...REJECT_CODES]);
	assert.deepEqual(wordsIn(/^\| `code` \| code \| (`VERSION_UNSUPPORTED`.*?)\. A hello/m), [...REFUSED_CODES]);
});
