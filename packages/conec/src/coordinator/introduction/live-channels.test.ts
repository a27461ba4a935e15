import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LiveChannels } from "./live-channels.ts";

const channel = (token: string, fingerprint: string, peer = "x") => ({ token, peer, fingerprint });
const LIMITS = { channels: 3, attemptsPerClient: 2 };

/** Who is concerned when a key is denied. */
function concerned(channels: LiveChannels<string>, ...keys: string[]): string[] {
	return [...channels.withKeys((fingerprint) => keys.includes(fingerprint))].map(([session, fingerprint]) => `${session} ${fingerprint}`);
}

test("live channels: each end has a record of its own, which ends by its own word or with its session", () => {
	const channels = new LiveChannels<string>(LIMITS);
	channels.up("a", channel("1", "B"));
	channels.up("b", channel("1", "A"));
	channels.over("b", "1");
	assert.deepEqual([concerned(channels, "B"), concerned(channels, "A")], [["a B"], []]);
	channels.left("b");
	channels.over("c", "1");
	assert.deepEqual(concerned(channels, "B"), ["a B"]);
	channels.over("a", "1");
	assert.deepEqual([concerned(channels, "B"), channels.size], [[], 0]);
	channels.up("a", channel("1", "B"));
	channels.left("a");
	assert.deepEqual([concerned(channels, "B"), channels.size], [[], 0]);
});

test("live channels: an attempt counts from when it begins until its own side says that it is over, or is told so", () => {
	const channels = new LiveChannels<string>(LIMITS);
	channels.begun("a", channel("1", "B"), 1_000);
	assert.deepEqual([concerned(channels, "B"), channels.isUp("a", "1"), channels.find("a", "1")?.fingerprint], [["a B"], false, "B"]);
	channels.cancelled("a", "1");
	assert.deepEqual([concerned(channels, "B"), channels.size], [[], 0]);
	channels.begun("a", channel("1", "B"), 1_000);
	channels.up("a", channel("1", "B"));
	// It was up before it was told.
	channels.cancelled("a", "1");
	assert.deepEqual([concerned(channels, "B"), channels.isUp("a", "1")], [["a B"], true]);
	channels.over("a", "1");
	assert.equal(channels.size, 0);
});

test("live channels: a key is named once to each, however many channels there are with it, also under several names", () => {
	const channels = new LiveChannels<string>(LIMITS);
	channels.up("a", channel("1", "B", "bob"));
	channels.up("a", channel("2", "B", "robert"));
	channels.begun("a", channel("3", "B", "bob"), 1_000);
	channels.up("c", channel("4", "B", "bob"));
	channels.up("c", channel("5", "D", "dan"));
	assert.deepEqual(concerned(channels, "B"), ["a B", "c B"]);
	assert.deepEqual(concerned(channels, "B", "D"), ["a B", "c B", "c D"]);
});

test("live channels: who has more than is kept is known to have more, and takes no room of others", () => {
	const channels = new LiveChannels<string>(LIMITS);
	channels.up("honest", channel("0", "B"));
	for (let i = 1; i <= 100; i++) channels.up("greedy", channel(`${i}`, `K${i}`));
	for (let i = 101; i <= 200; i++) channels.begun("eager", channel(`${i}`, `K${i}`), 1_000);
	assert.deepEqual([channels.of("greedy").length, channels.of("eager").map(({ token }) => token)], [3, ["197", "198", "199", "200"]]);
	assert.deepEqual([...channels.incomplete()], ["greedy", "eager"]);
	assert.deepEqual(concerned(channels, "B", "K3", "K4"), ["honest B", "greedy K3"]);
	for (let i = 1; i <= 3; i++) channels.over("greedy", `${i}`);
	assert.deepEqual([...channels.incomplete()], ["greedy", "eager"], "it still has others");
	for (const session of ["honest", "greedy", "eager"]) channels.left(session);
	assert.equal(channels.size, 0);
});

test("live channels: whatever others do in whatever order, an honest end is concerned exactly while it has a channel", () => {
	const TOKENS = ["1", "2", "3"];
	const step = fc.record({
		session: fc.constantFrom("honest", "m1", "m2"),
		act: fc.constantFrom("begun" as const, "up" as const, "over" as const, "cancelled" as const, "left" as const),
		token: fc.constantFrom(...TOKENS),
		key: fc.constantFrom("M", "N"),
	});
	fc.assert(
		fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
			const channels = new LiveChannels<string>(LIMITS);
			const own = new Map<string, string>();
			for (const { session, act, token, key } of steps) {
				if (act === "left") channels.left(session);
				else if (act === "over" || act === "cancelled") channels[act](session, token);
				else channels[act](session, channel(token, key), 1_000);
				if (session !== "honest") continue;
				if (act === "up") own.set(token, key);
				if (act === "over") own.delete(token);
				if (act === "left") own.clear();
			}
			const told = new Set(concerned(channels, "M", "N"));
			// With attempts that have begun it may be told of more, never of less.
			for (const key of own.values()) assert.ok(told.has(`honest ${key}`), key);
			for (const token of TOKENS) assert.equal(channels.isUp("honest", token), own.has(token));
		}),
	);
});

test("live channels: who has begun may have a channel until it should have said so, and who says so has one", () => {
	const channels = new LiveChannels<string>(LIMITS);
	channels.begun("a", channel("1", "B"), 1_000);
	assert.deepEqual(
		[0, 999, 1_000].map((now) => channels.mayHave("a", "1", now)),
		[true, true, false],
	);
	assert.deepEqual([channels.mayHave("a", "2", 0), channels.mayHave("b", "1", 0)], [false, false]);
	assert.deepEqual(concerned(channels, "B"), ["a B"], "a denied key has no such term");
	channels.up("a", channel("1", "B"));
	assert.equal(channels.mayHave("a", "1", 1_000), true);
	channels.over("a", "1");
	assert.equal(channels.mayHave("a", "1", 0), false);
});
