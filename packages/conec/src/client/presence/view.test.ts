import assert from "node:assert/strict";
import { test } from "node:test";
import type { PeerChanges, PeersPage } from "../../wire/presence.ts";
import { PresenceView } from "./view.ts";

const peer = (id: string) => ({ id, fingerprint: `sha256:${"1".repeat(64)}` });
const page = (seq: number, part: Partial<PeersPage> = {}): PeersPage => ({ type: "peers", epoch: "e", seq, first: true, more: false, peers: [], ...part });
const join = (seq: number, ...ids: string[]): PeerChanges => ({ type: "changes", seq, changes: ids.map((id) => ({ type: "join", peer: peer(id) })) });

test("presence view: a list in pages, with changes in between, is one event; then every change is one", () => {
	const view = new PresenceView(10);
	assert.deepEqual(view.push(page(3, { more: true, peers: [peer("a"), peer("b")] })), { type: "events", events: [] });
	assert.deepEqual(view.push({ type: "changes", seq: 4, changes: [{ type: "leave", peer: peer("a") }] }), { type: "events", events: [] });
	assert.deepEqual(view.push(page(4, { first: false, peers: [peer("c")] })), {
		type: "events",
		events: [{ type: "members", members: [peer("b"), peer("c")], epoch: "e", seq: 4 }],
	});
	assert.deepEqual(view.push(join(5, "d", "f")), {
		type: "events",
		events: [
			{ type: "join", peer: peer("d"), epoch: "e", seq: 5 },
			{ type: "join", peer: peer("f"), epoch: "e", seq: 6 },
		],
	});
	assert.deepEqual(view.push(page(90, { peers: [peer("z")] })), { type: "events", events: [{ type: "members", members: [peer("z")], epoch: "e", seq: 90 }] });
});

test("presence view: a Coordinator that leaves out, repeats or mixes up is found out", () => {
	const wrong: [string, ...(PeersPage | PeerChanges)[]][] = [
		["changes before the list", join(1, "a")],
		["a list that begins in the middle", page(0, { first: false })],
		["a change left out", page(3), join(5, "a")],
		["a change told twice", page(3), join(4, "a"), join(4, "a")],
		["a page of another moment", page(3, { more: true }), page(5, { first: false })],
		["a page after the list", page(3), page(3, { first: false })],
		["a list from the past", page(3), page(2)],
		["another epoch", page(3), page(4, { epoch: "f" })],
	];
	for (const [what, ...frames] of wrong) {
		const view = new PresenceView(10);
		const steps = frames.map((frame) => view.push(frame).type);
		assert.equal(steps.pop(), "invalid", what);
		assert.ok(!steps.includes("invalid"), what);
	}
});

test("presence view: a list without end is given up", () => {
	const view = new PresenceView(3);
	assert.equal(view.push(page(0, { more: true, peers: ["a", "b", "c"].map(peer) })).type, "events");
	assert.equal(view.push(join(1, "d")).type, "too-many");
	const pages = new PresenceView(1);
	assert.equal(pages.push(page(0, { peers: [peer("a"), peer("b")] })).type, "too-many");
});
