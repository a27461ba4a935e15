import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { WirePeer } from "./fields.ts";
import { FRAME_BYTES } from "./frames.ts";
import { encodeText, type JsonValue } from "./json.ts";
import { changeText, decodePresence, encodePeerChanges, encodePeersPage, PRESENCE_LIST_BYTES, peerText } from "./presence.ts";

/** The value as metadata may be: no key `__proto__`, and no number beyond 2^53 - 1. */
function tame(value: unknown): JsonValue {
	return JSON.parse(JSON.stringify(value).replaceAll("__proto__", "proto"), (_, member: unknown) =>
		typeof member === "number" && Math.abs(member) > Number.MAX_SAFE_INTEGER ? 0.5 : member,
	);
}

const peer: fc.Arbitrary<WirePeer> = fc.record(
	{
		id: fc.constantFrom("a", "node-1.example"),
		fingerprint: fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:${hex}`),
		// -0 is 0 in JSON.
		metadata: fc.jsonValue({ maxDepth: 4 }).map(tame),
	},
	{ requiredKeys: ["id", "fingerprint"], noNullPrototype: true },
);

test("presence: pages and changes come back as they were", () => {
	fc.assert(
		fc.property(fc.array(peer, { maxLength: 5 }), fc.nat(), fc.boolean(), fc.boolean(), (peers, seq, first, more) => {
			const payload = encodePeersPage({ epoch: 'e"', seq, first, more }, peers.map(peerText));
			assert.deepEqual(decodePresence(payload), { ok: true, value: { type: "peers", epoch: 'e"', seq, first, more, peers } });
		}),
	);
	fc.assert(
		fc.property(
			fc.array(fc.record({ type: fc.constantFrom("join", "update", "leave"), peer }, { noNullPrototype: true }), { minLength: 1, maxLength: 5 }),
			(changes) => {
				const payload = encodePeerChanges(
					1,
					changes.map((change) => changeText(change.type, peerText(change.peer))),
				);
				assert.deepEqual(decodePresence(payload), { ok: true, value: { type: "changes", seq: 1, changes } });
			},
		),
	);
});

test("presence: what a list may fill leaves room for the fields around it", () => {
	const list = ["x".repeat(PRESENCE_LIST_BYTES)];
	const page = { epoch: "é".repeat(64), seq: Number.MAX_SAFE_INTEGER, first: false, more: false };
	assert.ok(encodePeersPage(page, list).length <= FRAME_BYTES);
	assert.ok(encodePeerChanges(Number.MAX_SAFE_INTEGER, list).length <= FRAME_BYTES);
});

test("presence: no bytes make the decoder throw, and no field comes from a prototype", () => {
	fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => typeof decodePresence(bytes).ok === "boolean"));
	fc.assert(fc.property(fc.json(), (text) => !decodePresence(encodeText(text)).ok));
	assert.equal(decodePresence(encodeText('{"__proto__":{"type":"peers","epoch":"e","seq":1,"first":true,"more":false,"peers":[]}}')).ok, false);
	assert.equal(decodePresence(new Uint8Array(FRAME_BYTES + 1).fill(0x20)).ok, false);
});
