import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { BackgroundAttempts } from "./background-attempts.ts";

interface Try {
	readonly peer: string;
	readonly atMs: number;
	readonly end: (error?: unknown) => void;
}

function create(peers = 100) {
	const clock = createVirtualClock();
	const tries: Try[] = [];
	const retryAt = new Map<string, number>();
	const up = new Set<string>();
	const scene = { random: 0, most: 0, running: 0 };
	const background = new BackgroundAttempts({
		clock,
		random: () => scene.random,
		peers,
		needless: (peer) => up.has(peer),
		retryAtMs: (peer) => retryAt.get(peer),
		attempt: (peer) =>
			new Promise<void>((resolve, reject) => {
				scene.most = Math.max(scene.most, ++scene.running);
				tries.push({
					peer,
					atMs: clock.now(),
					end: (error) => {
						scene.running--;
						if (error === undefined) {
							up.add(peer);
							resolve();
						} else reject(error);
					},
				});
			}),
	});
	/** A stream that goes through the Coordinator, until it is closed. */
	const stream = (peer: string): (() => void) => {
		let close: () => void = () => undefined;
		background.opened(
			peer,
			new Promise<void>((resolve) => {
				close = resolve;
			}),
		);
		return close;
	};
	return { clock, tries, retryAt, up, scene, background, stream };
}

test("background attempts: behind a stream, when what was in the way has passed, and not after it has come about", async () => {
	const { clock, tries, retryAt, background, stream } = create();
	retryAt.set("bob", 30_000);
	const close = stream("bob");
	await clock.advance(29_999);
	assert.equal(tries.length, 0);
	await clock.advance(1);
	assert.deepEqual(
		tries.map(({ peer, atMs }) => [peer, atMs]),
		[["bob", 30_000]],
	);
	await clock.advance(60_000);
	assert.equal(tries.length, 1, "one at a time");
	tries[0]?.end();
	await clock.advance(600_000);
	assert.equal(tries.length, 1);
	close();
	await clock.advance(60_000);
	assert.deepEqual([background.size, clock.pending], [0, 0]);
});

test("background attempts: as long as there is a stream, and a minute longer; then never again", async () => {
	const { clock, tries, retryAt, background, stream } = create();
	const fails = async (): Promise<void> => {
		tries.at(-1)?.end(new Error("no answer"));
		retryAt.set("bob", clock.now() + 50_000);
		await clock.advance(0);
	};
	const [close, closeOther] = [stream("bob"), stream("bob")];
	await clock.advance(0);
	for (let i = 1; i <= 5; i++) {
		assert.equal(tries.length, i);
		await fails();
		if (i === 3) close();
		await clock.advance(50_000);
	}
	await fails();
	closeOther();
	await clock.advance(50_000);
	assert.equal(tries.length, 7, "within the minute");
	await fails();
	await clock.advance(3_600_000);
	assert.deepEqual([tries.length, background.size, clock.pending], [7, 0, 0]);
});

test("background attempts: what is a matter of structure is tried when a network has changed, soon but not at once", async () => {
	for (const [what, change] of [
		["the peer's", (one: BackgroundAttempts) => one.changed("bob")],
		["this side's", (one: BackgroundAttempts) => one.changed()],
	] as const) {
		const { clock, tries, retryAt, scene, background, stream } = create();
		retryAt.set("bob", Number.POSITIVE_INFINITY);
		stream("bob");
		await clock.advance(3_600_000);
		assert.deepEqual([tries.length, clock.pending], [0, 0], what);
		retryAt.delete("bob");
		scene.random = 0.5;
		background.reconsider();
		await clock.advance(0);
		assert.equal(tries.length, 1, "it was looked at, and there is nothing in the way");
		tries[0]?.end(new Error("no answer"));
		retryAt.set("bob", Number.POSITIVE_INFINITY);
		await clock.advance(10_000);
		retryAt.delete("bob");
		change(background);
		await clock.advance(999);
		assert.equal(tries.length, 1, what);
		await clock.advance(1);
		assert.equal(tries.length, 2, what);
	}
});

test("background attempts: eight at once, sixteen in a burst, then one in two seconds, so 1,000 peers are no herd", async () => {
	const { clock, tries, scene, background, stream } = create(10_000);
	for (let i = 0; i < 1_000; i++) stream(`peer-${i}`);
	await clock.advance(0);
	assert.equal(tries.length, 8);
	for (let second = 0; second < 600; second++) {
		for (const one of tries.slice(-8)) one.end(new Error("no answer"));
		await clock.advance(1_000);
	}
	assert.equal(scene.most, 8);
	for (const { atMs } of tries) {
		const inMinute = tries.filter((other) => other.atMs >= atMs && other.atMs < atMs + 60_000).length;
		assert.ok(inMinute <= 46, `${inMinute} within a minute`);
	}
	assert.ok(tries.length >= 300, `${tries.length} in ten minutes`);
	background.end();
	assert.deepEqual([background.size, clock.pending], [0, 0]);
});

test("background attempts: one that says nothing of the path is not made again at once", async () => {
	const { clock, tries, stream } = create();
	stream("bob");
	for (let i = 0; i < 12; i++) {
		await clock.advance(0);
		tries.at(-1)?.end(new Error("the peer has not answered"));
		await clock.advance(4_999);
		assert.equal(tries.length, i + 1);
		await clock.advance(1);
	}
});

test("background attempts: a channel for which there was no room is tried for a minute, without a stream", async () => {
	const { clock, tries, retryAt, background } = create();
	retryAt.set("bob", 40_000);
	background.wanted("bob");
	retryAt.set("carol", 70_000);
	background.wanted("carol");
	await clock.advance(3_600_000);
	assert.deepEqual(
		tries.map(({ peer, atMs }) => [peer, atMs]),
		[["bob", 40_000]],
	);
	tries[0]?.end();
	await clock.advance(0);
	assert.deepEqual([background.size, clock.pending], [0, 0]);
});

test("background attempts: none for a peer whose channel is closed on purpose, whatever is under way, until there is another stream", async () => {
	for (const state of ["idle", "waiting", "trying", "failed"] as const) {
		const { clock, tries, retryAt, background, stream } = create();
		if (state !== "idle") retryAt.set("bob", state === "waiting" ? 30_000 : 0);
		const close = state === "idle" ? () => undefined : stream("bob");
		await clock.advance(0);
		if (state === "failed") tries[0]?.end(new Error("no answer"));
		await clock.advance(0);
		background.closing("bob");
		if (state === "trying") tries[0]?.end(new Error("no answer"));
		close();
		background.changed("bob");
		await clock.advance(600_000);
		const before = state === "trying" || state === "failed" ? 1 : 0;
		assert.deepEqual([tries.length, background.size, clock.pending], [before, 0, 0], state);
		const again = stream("bob");
		await clock.advance(0);
		assert.equal(tries.length, before + 1, state);
		tries.at(-1)?.end();
		again();
		await clock.advance(60_000);
		assert.deepEqual([background.size, clock.pending], [0, 0], state);
	}
});

test("background attempts: bounded by peers; those with a stream are kept", async () => {
	const { clock, background, stream, retryAt } = create(3);
	for (let i = 0; i < 100; i++) retryAt.set(`peer-${i}`, Number.POSITIVE_INFINITY);
	const close = stream("peer-0");
	for (let i = 1; i < 100; i++) {
		if (i < 50) stream(`peer-${i}`)();
		else background.wanted(`peer-${i}`);
		await clock.advance(0);
		assert.ok(background.size <= 3);
	}
	close();
	await clock.advance(60_000);
	assert.deepEqual([background.size, clock.pending], [0, 0]);
	for (let i = 0; i < 5; i++) stream(`peer-${i}`);
	assert.equal(background.size, 3, "more than that is not kept in mind");
	background.end();
	stream("peer-9");
	assert.deepEqual([background.size, clock.pending], [0, 0]);
});

test("background attempts: they take turns, and one whose channels do not last is not in the way of the others", async () => {
	const { clock, tries, retryAt, up, background, stream } = create();
	const others = ["a", "b", "c", "d", "e"];
	stream("flaps");
	for (const peer of others) {
		retryAt.set(peer, 20_000);
		stream(peer);
	}
	const counts = new Map<string, number>();
	let seen = 0;
	for (let step = 0; step < 6_000; step++) {
		await clock.advance(100);
		for (; seen < tries.length; seen++) {
			const { peer, end } = tries[seen] as Try;
			counts.set(peer, (counts.get(peer) ?? 0) + 1);
			if (peer !== "flaps") retryAt.set(peer, clock.now() + 30_000);
			end(peer === "flaps" ? undefined : new Error("no answer"));
			if (peer !== "flaps") continue;
			await clock.advance(0);
			up.delete(peer);
			background.broken(peer, 50);
		}
	}
	// 0, 30, 90, 210, 450 s.
	assert.equal(counts.get("flaps"), 5);
	for (const peer of others) assert.ok((counts.get(peer) ?? 0) >= 18, `${peer} ${counts.get(peer)}`);
});

test("background attempts: with more to do than is allowed, each gets its turn", async () => {
	const { clock, tries, stream } = create();
	for (let i = 0; i < 40; i++) stream(`peer-${i}`);
	for (let second = 0; second < 600; second++) {
		await clock.advance(1_000);
		for (const { end } of tries.slice(-16)) end(new Error("no answer"));
	}
	const counts = new Map<string, number>();
	for (const { peer } of tries) counts.set(peer, (counts.get(peer) ?? 0) + 1);
	const all = [...counts.values()];
	assert.deepEqual([all.length, Math.max(...all) - Math.min(...all) <= 2], [40, true], `${all}`);
});

test("background attempts: a channel that lived for a minute is made again at once, and the next that dies young is the first one", async () => {
	const { clock, tries, up, background, stream } = create();
	stream("bob");
	const gaps: number[] = [];
	for (const livedMs of [59_999, 59_999, 60_000, 59_999, 59_999, 0, 0, 0, 0, 0]) {
		await clock.advance(0);
		tries.at(-1)?.end();
		await clock.advance(livedMs);
		const [before, brokenAtMs] = [tries.length, clock.now()];
		up.delete("bob");
		background.broken("bob", livedMs);
		while (tries.length === before) await clock.advance(1_000);
		gaps.push(Math.floor(((tries.at(-1)?.atMs ?? 0) - brokenAtMs) / 1_000));
	}
	assert.deepEqual(gaps, [30, 60, 0, 30, 60, 120, 240, 480, 600, 600]);
});

test("background attempts: after a channel that was closed on purpose there is none until somebody opens a stream", async () => {
	const { clock, tries, up, background, stream } = create();
	stream("bob");
	await clock.advance(0);
	tries[0]?.end();
	await clock.advance(1_000);
	background.closing("bob");
	up.delete("bob");
	for (const change of [() => background.reconsider(), () => background.reconsider("bob"), () => background.changed(), () => background.changed("bob")]) {
		change();
		await clock.advance(600_000);
		assert.deepEqual([tries.length, clock.pending], [1, 0]);
	}
	stream("bob");
	await clock.advance(0);
	assert.equal(tries.length, 2);
});

test("background attempts: a stream that comes and goes costs a look at its own peer, however many others are kept in mind", async () => {
	const clock = createVirtualClock();
	let looks = 0;
	const background = new BackgroundAttempts({
		clock,
		random: () => 0,
		peers: 1_000,
		needless: () => ++looks > 0,
		retryAtMs: () => undefined,
		attempt: () => Promise.resolve(),
	});
	const never = new Promise<void>(() => undefined);
	for (let i = 0; i < 1_000; i++) background.opened(`peer-${i}`, never);
	assert.equal(looks, 1_000);
	for (let i = 0; i < 100; i++) {
		background.opened(`peer-${i}`, Promise.resolve());
		await clock.advance(0);
		background.reconsider(`peer-${i}`);
		background.changed(`peer-${i}`);
	}
	assert.equal(looks, 1_400);
	background.end();
	assert.equal(clock.pending, 0);
});

test("background attempts: however many become due one after the other, there are at most ten looks at all a second", async () => {
	const { clock, background, stream, retryAt } = create(10_000);
	let looks = 0;
	const counted = background.reconsider.bind(background);
	background.reconsider = (peer) => {
		if (peer === undefined) looks++;
		counted(peer);
	};
	for (let i = 0; i < 1_000; i++) {
		retryAt.set(`peer-${i}`, 100_000);
		stream(`peer-${i}`)();
		await clock.advance(5);
	}
	await clock.advance(60_000);
	assert.equal(background.size, 0);
	assert.ok(looks <= 660, `${looks}`);
	assert.ok(looks > 0);
});
