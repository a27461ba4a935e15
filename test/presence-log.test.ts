import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PresenceView } from "../packages/conec/src/client/presence/view.ts";
import { type PresenceCursor, PresenceLog } from "../packages/conec/src/coordinator/presence/log.ts";
import type { PeerInfo } from "../packages/conec/src/session/peer-info.ts";
import type { PresenceEvent } from "../packages/conec/src/session/presence-event.ts";
import { FRAME_BYTES } from "../packages/conec/src/wire/frames.ts";
import { decodePresence } from "../packages/conec/src/wire/presence.ts";

const LOG_BYTES = 64 * 1024;
const FINGERPRINT = `sha256:${"0".repeat(64)}`;

function peer(id: string, metadata?: string | number): PeerInfo {
	return { id, fingerprint: FINGERPRINT, ...(metadata === undefined ? {} : { metadata }) };
}

/** What somebody knows who applies events, and checks that nothing is missing and nothing comes twice. */
class Known {
	readonly peers: Map<string, PeerInfo> = new Map();
	lists = 0;
	changes = 0;
	#seq = -1;

	apply(event: PresenceEvent): void {
		if (event.type === "members") {
			assert.ok(event.seq >= this.#seq);
			this.peers.clear();
			for (const one of event.members) this.peers.set(one.id, one);
			assert.equal(this.peers.size, event.members.length);
			this.lists++;
		} else {
			assert.equal(event.seq, this.#seq + 1, "no hole, no duplicate");
			assert.equal(this.peers.has(event.peer.id), event.type !== "join");
			if (event.type === "leave") this.peers.delete(event.peer.id);
			else this.peers.set(event.peer.id, event.peer);
			this.changes++;
		}
		this.#seq = event.seq;
	}

	equals(log: PresenceLog): void {
		const byId = (a: PeerInfo, b: PeerInfo): number => (a.id < b.id ? -1 : 1);
		assert.deepEqual([...this.peers.values()].sort(byId), log.members().sort(byId));
		assert.equal(this.#seq, log.seq);
	}
}

/** A watcher at the other end of a stream. */
class FarWatcher {
	readonly known: Known = new Known();
	frames = 0;
	readonly #log: PresenceLog;
	readonly #cursor: PresenceCursor;
	readonly #view: PresenceView = new PresenceView(100_000);

	constructor(log: PresenceLog) {
		this.#log = log;
		this.#cursor = log.open();
	}

	/** Reads one frame. */
	step(): boolean {
		const frame = this.#log.readFrame(this.#cursor);
		if (frame === undefined) return false;
		this.frames++;
		assert.ok(frame.length <= FRAME_BYTES);
		const decoded = decodePresence(frame);
		assert.ok(decoded.ok, decoded.ok ? "" : decoded.error);
		const step = this.#view.push(decoded.value);
		assert.equal(step.type, "events");
		for (const event of step.type === "events" ? step.events : []) {
			this.known.apply(event);
			// The last page is of now, in whatever pieces the list has come.
			if (event.type === "members") assert.deepEqual(event.members, this.#log.members());
		}
		return true;
	}

	finish(): void {
		while (this.step());
		this.known.equals(this.#log);
	}
}

/** A watcher in the Coordinator's process. */
class NearWatcher {
	readonly known: Known = new Known();
	readonly #log: PresenceLog;
	readonly #cursor: PresenceCursor;

	constructor(log: PresenceLog) {
		this.#log = log;
		this.#cursor = log.open();
	}

	step(): boolean {
		const events = this.#log.readEvents(this.#cursor);
		for (const event of events) this.known.apply(event);
		return events.length > 0;
	}

	finish(): void {
		while (this.step());
		this.known.equals(this.#log);
	}
}

type Operation =
	| { readonly type: "set"; readonly who: number; readonly bytes: number }
	| { readonly type: "delete"; readonly who: number }
	| { readonly type: "step"; readonly watcher: number; readonly frames: number }
	| { readonly type: "open"; readonly near: boolean };

const operation: fc.Arbitrary<Operation> = fc.oneof(
	{ weight: 8, arbitrary: fc.record({ type: fc.constant("set" as const), who: fc.nat(60), bytes: fc.constantFrom(0, 1, 100, 1020, 1020, 1020) }) },
	{ weight: 4, arbitrary: fc.record({ type: fc.constant("delete" as const), who: fc.nat(60) }) },
	{ weight: 6, arbitrary: fc.record({ type: fc.constant("step" as const), watcher: fc.nat(5), frames: fc.integer({ min: 1, max: 4 }) }) },
	{ weight: 1, arbitrary: fc.record({ type: fc.constant("open" as const), near: fc.boolean() }) },
);

test("presence: whatever happens and however slowly it is read, what every watcher knows is what the log knows, with no hole", () => {
	let restarted = 0;
	fc.assert(
		fc.property(fc.array(operation, { minLength: 100, maxLength: 600, size: "max" }), (operations) => {
			const log = new PresenceLog({ epoch: "e", logBytes: LOG_BYTES });
			const watchers: (FarWatcher | NearWatcher)[] = [new FarWatcher(log), new NearWatcher(log), new FarWatcher(log)];
			let serial = 0;
			for (const one of operations) {
				if (one.type === "set") log.set(peer(`p${one.who}`, `${serial++}`.padEnd(one.bytes, "x")));
				else if (one.type === "delete") log.delete(`p${one.who}`);
				else if (one.type === "open") watchers.push(one.near ? new NearWatcher(log) : new FarWatcher(log));
				else for (let frame = 0; frame < one.frames; frame++) watchers[one.watcher]?.step();
				assert.ok(log.heldBytes <= LOG_BYTES);
			}
			for (const watcher of watchers) {
				watcher.finish();
				restarted += watcher.known.lists - 1;
			}
		}),
		{ numRuns: 150 },
	);
	assert.ok(restarted > 0, "some were so slow that they began anew");
});

test("presence: a list is sent in pages that fit a frame, also when everybody says as much as may be said", () => {
	const log = new PresenceLog({ epoch: "e", logBytes: LOG_BYTES });
	for (let i = 0; i < 1_000; i++) log.set(peer(`peer-${i}`, "\u00e9".repeat(511)));
	const watcher = new FarWatcher(log);
	watcher.finish();
	assert.equal(watcher.known.lists, 1);
	assert.ok(watcher.frames >= 70 && watcher.frames <= 100, `${watcher.frames} frames`);
	assert.deepEqual([...watcher.known.peers.values()], log.members());
});

test("presence: what happens between two pages is neither lost nor told twice", () => {
	const log = new PresenceLog({ epoch: "e", logBytes: LOG_BYTES });
	for (let i = 0; i < 300; i++) log.set(peer(`p${i}`, "x".repeat(500)));
	const watcher = new FarWatcher(log);
	for (let i = 0; watcher.step(); i++) {
		if (i > 30) continue;
		log.delete(`p${i}`);
		log.delete(`p${299 - i}`);
		log.set(peer(`p${i + 100}`, i));
		log.set(peer(`new-${i}`));
		log.delete(`new-${i - 1}`);
	}
	watcher.finish();
	assert.equal(watcher.known.lists, 1);
});

test("presence: a watcher that never reads costs the same after 200,000 changes", () => {
	const log = new PresenceLog({ epoch: "e", logBytes: LOG_BYTES });
	for (let i = 0; i < 1_000; i++) log.set(peer(`p${i}`));
	const stalled = new FarWatcher(log);
	stalled.step();
	const lively = new FarWatcher(log);
	for (let i = 0; i < 100_000; i++) {
		log.set(peer(`p${i % 1_000}`, i));
		log.delete(`p${(i * 7) % 1_000}`);
		if (i % 100 === 0) while (lively.step());
		assert.ok(log.heldBytes <= LOG_BYTES);
	}
	assert.ok(log.size <= 1_000);
	lively.finish();
	stalled.finish();
	assert.equal(lively.known.lists, 1, "who keeps up is told every change");
	assert.equal(stalled.known.lists, 1, "the list that was cut off was never told");
	assert.equal(stalled.known.changes, 0);
});

test("presence: an update keeps the place, a newcomer is last, and leaving twice is nothing", () => {
	const log = new PresenceLog({ epoch: "e", logBytes: LOG_BYTES });
	const cursor = log.open();
	for (const id of ["a", "b", "c"]) log.set(peer(id));
	log.set(peer("a", 1));
	log.delete("b");
	log.delete("b");
	log.set(peer("b", 2));
	assert.deepEqual(
		log.members().map(({ id }) => id),
		["a", "c", "b"],
	);
	assert.deepEqual(log.readEvents(cursor), [{ type: "members", members: [peer("a", 1), peer("c"), peer("b", 2)], epoch: "e", seq: 6 }]);
	log.set(peer("c", 3));
	log.delete("a");
	assert.deepEqual(log.readEvents(cursor), [
		{ type: "update", peer: peer("c", 3), epoch: "e", seq: 7 },
		{ type: "leave", peer: peer("a", 1), epoch: "e", seq: 8 },
	]);
	assert.deepEqual(log.readEvents(cursor), []);
});

test("presence: with nobody watching nothing is kept, and a change is encoded once for all", () => {
	const log = new PresenceLog({ epoch: "e", logBytes: LOG_BYTES });
	log.set(peer("a"));
	assert.equal(log.heldBytes, 0);
	const [one, other] = [log.open(), log.open()];
	for (const cursor of [one, other]) assert.equal(log.readFrame(cursor)?.length, log.readFrame(log.open())?.length);
	log.set(peer("b"));
	const frame = log.readFrame(one);
	assert.ok(frame !== undefined);
	assert.equal(log.readFrame(other), frame);
	assert.ok(log.heldBytes > 0);
	while (log.cursors > 0) log.close();
	assert.equal(log.heldBytes, 0);
});
