/**
 * Floods of control messages.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import type { Army } from "../army.ts";
import { controlFrame, type RawClient, repeated } from "../raw-client.ts";
import type { Kind } from "./kind.ts";

/** Bytes that one write has: whole frames. */
const PIECE_BYTES = 16_384;

/** Sends the same frame again and again. */
function flood(name: string, does: string, text: string, holds: string = "control messages are read slower; nobody is put out"): Kind {
	const frame = controlFrame(text);
	const times = Math.max(1, Math.floor(PIECE_BYTES / frame.length));
	const piece = repeated(frame, times);
	return floodOf(name, does, holds, (client) => {
		client.bytes(piece);
		return times;
	});
}

function floodOf(name: string, does: string, holds: string, act: (client: RawClient) => number): Kind {
	return { name, does, holds, prepare: (army) => army.enterAll(), attack: (army) => army.keepOn(act) };
}

/** Messages that are different each time: some of them in one piece. */
function various(name: string, does: string, holds: string, message: (client: RawClient, army: Army) => string): Kind {
	return {
		name,
		does,
		holds,
		prepare: (army) => army.enterAll(),
		attack: (army) =>
			army.keepOn((client) => {
				const pieces = Array.from({ length: EACH }, () => controlFrame(message(client, army)));
				client.bytes(Buffer.concat(pieces));
				return EACH;
			}),
	};
}

const EACH = 32;
const SKIPPED = repeated(Uint8Array.of(0x80, 0, 0, 0), PIECE_BYTES / 4);
const FILL = "x".repeat(16_384 - 64);
/** As deep as a control message may be. */
const NESTED = `${"[".repeat(60)}${"]".repeat(60)}`;
const NESTS = Array.from({ length: Math.floor(16_000 / (NESTED.length + 1)) }, () => NESTED).join(",");
const NAT = { mapping: "unknown", filtering: "unknown" };
const OFFER = { hosts: [{ address: "192.0.2.1", port: 9 }], nat: NAT, punch: true, birthday: false };
let requests = 0;
const number = (): number => ++requests;
const someKey = (): string => `sha256:${randomBytes(32).toString("hex")}`;
const token = (): string => randomBytes(16).toString("hex");

export const CONTROL_KINDS: readonly Kind[] = [
	flood("pongs", "pongs that nobody has asked for, 25 bytes each", '{"type":"pong","nonce":1}'),
	flood("pings", "pings, and the answers are read", '{"type":"ping","nonce":1}'),
	flood("pongs-16k", "pongs with an unknown field of 16 KiB", JSON.stringify({ type: "pong", nonce: 1, x: FILL })),
	flood("nested", "pongs with 16 KiB of arrays, as deep as may be", `{"type":"pong","nonce":1,"x":[${NESTS}]}`),
	flood(
		"nested-too-deep",
		"a message that is nested 7,000 deep; the key comes again when its connection is closed",
		`{"type":"pong","nonce":1,"x":${"[".repeat(7_000)}${"]".repeat(7_000)}}`,
		"only the offender's connection ends",
	),
	floodOf("unknown-frames", "frames without a payload, of a kind that is skipped", "they are read slower", (client) => {
		client.bytes(SKIPPED);
		return PIECE_BYTES / 4;
	}),
	various("metadata", "changes of metadata, nearly all refused", "LIMIT_EXCEEDED beyond 60 a minute", () =>
		JSON.stringify({ type: "metadata", request: number(), metadata: { n: requests } }),
	),
	various("peer-checks", "questions whether a peer is there", "they are answered slower", () =>
		JSON.stringify({ type: "peer-check", request: number(), peer: "nobody" }),
	),
	various("broadcast-counts", "questions how many members a broadcast has", "they are answered slower", () =>
		JSON.stringify({ type: "broadcast-count", request: number(), name: "nowhere" }),
	),
	various("channel-requests", "requests for direct channels to the victim and to nobody", "LIMIT_EXCEEDED beyond 1,000 a minute", (_, { orders }) =>
		JSON.stringify({ type: "channel-request", request: number(), peer: requests % 2 === 0 ? orders.victim : "nobody", ...OFFER, auto: false }),
	),
	various("channel-answers", "answers to attempts that do not exist", "ignored", () =>
		JSON.stringify({ type: "channel-answer", token: token(), accept: true, ...OFFER }),
	),
	various("channel-reports", "reports of channels that do not exist", "at most `channels` are kept for a Client", (_, { orders }) =>
		JSON.stringify({ type: "channel-report", token: token(), outcome: "up", peer: orders.victim, fingerprint: someKey() }),
	),
	floodOf("channel-lists", "lists of 64 channels that do not exist", "1,024 a minute are looked at", (client) => {
		const channels = Array.from({ length: 64 }, () => ({ token: token(), peer: "nobody", fingerprint: someKey() }));
		client.say(JSON.stringify({ type: "channel-list", channels }));
		return 1;
	}),
];
