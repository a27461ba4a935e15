import assert from "node:assert/strict";
import { test } from "node:test";
import { NAT_UNKNOWN } from "../network/nat-check.ts";
import { type PastAttempt, PathMemory } from "./path-memory.ts";

function attempt(outcome: PastAttempt["outcome"]): PastAttempt {
	return { at: new Date(0), outcome, reason: "because", durationMs: 1, candidates: [], peerNat: NAT_UNKNOWN };
}

function create(capacity = 10, random = (): number => 0) {
	const time = { now: 1_000 };
	return { time, memory: new PathMemory(capacity, () => time.now, random) };
}

test("path memory: what is a matter of structure is believed until either network changes, or a channel comes up", () => {
	const { time, memory } = create();
	for (const end of [() => memory.peerChanged("bob"), () => memory.ownNetworkChanged(), () => memory.note("bob", attempt("up"))]) {
		memory.despair("bob", "both are symmetric");
		memory.note("bob", attempt("failed"));
		time.now += 599_999;
		assert.deepEqual([memory.hopeless("bob"), memory.retryAtMs("bob")], ["both are symmetric", time.now + 1]);
		assert.equal(memory.hopeless("carol"), undefined);
		end();
		assert.deepEqual([memory.hopeless("bob"), memory.retryAtMs("bob")], [undefined, undefined]);
	}
});

test("path memory: nothing is believed for longer than ten minutes, as those who would say that it is over may have forgotten it, and no stream waits for the look", () => {
	for (const [chance, believedMs] of [
		[0, 600_000],
		[0.5, 540_000],
	] as const) {
		const { time, memory } = create(10, () => chance);
		for (let i = 0; i < 3; i++) {
			memory.despair("bob", "the peer declined");
			assert.equal(memory.retryAtMs("bob"), time.now + believedMs);
			time.now += believedMs - 1;
			assert.equal(memory.hopeless("bob"), "the peer declined");
			time.now += 1;
			assert.deepEqual([memory.hopeless("bob"), memory.doubtful("bob")], [undefined, true]);
		}
		memory.fail("bob", "no answer");
		assert.equal(memory.retryAtMs("bob"), time.now + 30_000 * (1 - 0.2 * chance), "that was no attempt that failed");
	}
});

test("path memory: that nothing came through is believed for 30 s, twice, then for twice as long each time, up to ten minutes", () => {
	for (const [chance, part] of [
		[0, 1],
		[0.5, 0.9],
		[0.999_999, 0.8],
	] as const) {
		const { time, memory } = create(10, () => chance);
		const believed: number[] = [];
		for (let i = 0; i < 9; i++) {
			memory.fail("bob", `no answer ${i}`);
			const lifeMs = (memory.retryAtMs("bob") ?? 0) - time.now;
			believed.push(Math.round(lifeMs / part / 1_000));
			time.now += lifeMs - 1;
			assert.equal(memory.hopeless("bob"), `no answer ${i}`);
			time.now += 1;
			assert.deepEqual([memory.hopeless("bob"), memory.doubtful("bob")], [undefined, true], "it may be tried again, and nobody is to wait for that");
		}
		assert.deepEqual(believed, [30, 30, 60, 120, 240, 480, 600, 600, 600]);
		memory.peerChanged("bob");
		memory.fail("bob", "anew");
		assert.equal(Math.round(((memory.retryAtMs("bob") ?? 0) - time.now) / part), 30_000);
	}
});

test("path memory: a failure that nobody came back to is forgotten ten minutes later", () => {
	const { time, memory } = create();
	for (let i = 0; i < 3; i++) memory.fail("bob", "no answer");
	time.now = (memory.retryAtMs("bob") ?? 0) + 599_999;
	assert.equal(memory.doubtful("bob"), true);
	time.now += 1;
	assert.deepEqual([memory.doubtful("bob"), memory.retryAtMs("bob")], [false, undefined]);
	memory.fail("bob", "no answer");
	assert.equal((memory.retryAtMs("bob") ?? 0) - time.now, 30_000);
});

test("path memory: what is only put off is no failure, does not wipe one out, and is not put off for ever", () => {
	const { time, memory } = create();
	memory.postpone("bob", "too many at once", 2_000);
	assert.deepEqual([memory.hopeless("bob"), memory.doubtful("bob"), memory.retryAtMs("bob")], ["too many at once", false, 3_000]);
	time.now += 2_000;
	assert.deepEqual([memory.hopeless("bob"), memory.doubtful("bob")], [undefined, false], "a stream may wait for the next");
	memory.fail("bob", "no answer");
	memory.postpone("bob", "too many at once", 1);
	assert.equal(memory.doubtful("bob"), true);
	memory.postpone("bob", "a Coordinator that says nonsense", Number.MAX_SAFE_INTEGER);
	assert.equal((memory.retryAtMs("bob") ?? 0) - time.now, 600_000);
});

test("path memory: keeps the latest peers, no more", () => {
	const { memory } = create(3);
	for (let index = 0; index < 100; index++) {
		if (index % 2 === 0) memory.despair(`peer-${index}`, "no");
		else memory.fail(`peer-${index}`, "no");
		memory.note(`peer-${index}`, attempt("failed"));
	}
	assert.deepEqual(
		[96, 97, 98, 99].map((index) => [memory.hopeless(`peer-${index}`), memory.attempt(`peer-${index}`)?.outcome]),
		[
			[undefined, undefined],
			["no", "failed"],
			["no", "failed"],
			["no", "failed"],
		],
	);
});
