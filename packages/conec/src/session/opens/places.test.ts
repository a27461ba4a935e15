import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { type PeerKey, type Place, Places } from "./places.ts";

const MOST_UNANSWERED = 128;

function scene(live = Number.POSITIVE_INFINITY, waiting = 1_000) {
	const clock = createVirtualClock();
	const places = new Places({ waiting, live: (peer) => (peer === null ? Number.POSITIVE_INFINITY : live) }, clock);
	const got: string[] = [];
	const ask = (peer: PeerKey, name: string, signal = new AbortController().signal): Promise<Place | undefined> =>
		places.wait(peer, { timeoutMs: 1_000, signal, late: () => new Error("late"), full: () => new Error("full") }).then(
			(place) => {
				got.push(name);
				return place;
			},
			(error: Error) => {
				got.push(`${name} ${error.message}`);
				return undefined;
			},
		);
	return { clock, places, got, ask, settle: () => clock.advance(0) };
}

test("places: as many streams to a peer as it may have live, and who comes later goes in order as they end", async () => {
	const { places, got, ask, settle } = scene(2);
	const [first, second] = [places.take("ben"), places.take("ben")];
	assert.ok(first !== undefined && second !== undefined);
	assert.equal(places.take("ben"), undefined);
	assert.ok(places.take("cleo") !== undefined && places.take(null) !== undefined, "another peer is not concerned");
	void ask("ben", "a");
	void ask("ben", "b");
	first.answered();
	await settle();
	assert.deepEqual([got, places.waiting], [[], 2]);
	first.free();
	first.free();
	first.answered();
	await settle();
	assert.deepEqual([got, places.waiting, places.take("ben")], [["a"], 1, undefined]);
	second.free();
	await settle();
	assert.deepEqual([got, places.waiting], [["a", "b"], 0]);
});

test("places: a peer that does not answer has 128 openings to do so, however many may live", async () => {
	const { places, got, ask, settle } = scene();
	const taken = Array.from({ length: MOST_UNANSWERED }, () => places.take("ben"));
	assert.ok(taken.every((place) => place !== undefined));
	assert.equal(places.take("ben"), undefined);
	void ask("ben", "a");
	void ask("ben", "b");
	taken[7]?.answered();
	await settle();
	assert.deepEqual(got, ["a"]);
	// One that ends without an answer frees its place once.
	taken[8]?.free();
	taken[8]?.answered();
	await settle();
	assert.deepEqual([got, places.take("ben")], [["a", "b"], undefined]);
});

test("places: a wait ends by its deadline or its signal, and its place in the queue is free", async () => {
	const { clock, places, got, ask, settle } = scene(1, 3);
	const held = places.take("ben");
	const abort = new AbortController();
	void ask("ben", "a");
	void ask("ben", "b", abort.signal);
	void ask("ben", "c");
	void ask("ben", "d");
	void ask("cleo", "e", AbortSignal.abort(new Error("aborted before")));
	await settle();
	assert.deepEqual([got, places.waiting], [["d full", "e full"], 3]);
	abort.abort(new Error("enough"));
	await settle();
	assert.deepEqual([got.at(-1), places.waiting], ["b enough", 2]);
	await clock.advance(999);
	void ask("ben", "f");
	await clock.advance(2);
	assert.deepEqual([got.slice(3), places.waiting], [["a late", "c late"], 1]);
	held?.free();
	await settle();
	assert.deepEqual([got.at(-1), places.waiting, places.peers], ["f", 0, 1]);
});

test("places: nothing is left when all is over", async () => {
	const { places, ask, settle } = scene(1);
	for (let round = 0; round < 100; round++) {
		const first = places.take("ben");
		const second = ask("ben", "x");
		first?.free();
		await settle();
		(await second)?.free();
	}
	assert.deepEqual([places.waiting, places.peers], [0, 0]);
});
