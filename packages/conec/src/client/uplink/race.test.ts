import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { ConecError } from "../../errors.ts";
import { raceDials, resolveHost } from "./race.ts";

const v4 = (address: string) => ({ address, family: 4 });
const v6 = (address: string) => ({ address, family: 6 });
const never = new AbortController().signal;

/** Attempts that a test settles by hand. */
function dialler() {
	const attempts = new Map<string, { resolve(value: string): void; reject(error: unknown): void; signal: AbortSignal }>();
	const discarded: string[] = [];
	const dial = (address: string, signal: AbortSignal) => new Promise<string>((resolve, reject) => attempts.set(address, { resolve, reject, signal }));
	return { attempts, discarded, dial, discard: (late: string) => void discarded.push(late) };
}
const tick = () => new Promise((resolve) => setImmediate(resolve));

test("resolve: families take turns, the favourite first, doubles and the other family left out", async () => {
	const lookup = async () => [v6("::1"), v6("::2"), v6("::3"), v4("1.1.1.1"), v4("1.1.1.1")];
	assert.deepEqual(await resolveHost("x", 0, lookup, never), ["::1", "1.1.1.1", "::2", "::3"]);
	assert.deepEqual(await resolveHost("x", 4, lookup, never), ["1.1.1.1"]);
	assert.equal((await resolveHost("x", 0, async () => Array.from({ length: 99 }, (_, i) => v4(`10.0.0.${i}`)), never)).length, 16);
});

test("resolve: an unknown name, no address of the family, and an abort", async () => {
	await assert.rejects(
		resolveHost("x", 0, () => Promise.reject(new Error("ENOTFOUND")), never),
		{ code: "HOST_UNRESOLVABLE" },
	);
	await assert.rejects(
		resolveHost("x", 6, async () => [v4("1.1.1.1")], never),
		{ code: "HOST_UNRESOLVABLE", message: /IPv6/ },
	);
	const reason = new Error("enough");
	const controller = new AbortController();
	const waiting = resolveHost("x", 0, () => new Promise(() => {}), controller.signal);
	controller.abort(reason);
	await assert.rejects(waiting, (error) => error === reason);
});

test("resolve: why a name has no address", async () => {
	const rejecting = (code: string) => resolveHost("x", 0, () => Promise.reject(Object.assign(new Error("getaddrinfo"), { code })), never);
	await assert.rejects(rejecting("ENOTFOUND"), { message: 'Cannot resolve "x": the name service does not know it' });
	await assert.rejects(rejecting("EAI_AGAIN"), { message: /no name server answers, or none has an answer now$/ });
	await assert.rejects(rejecting("EAI_FAIL"), { message: /does not know it or does not answer \(EAI_FAIL\)$/ });
});

test("race: the next address starts after 250 ms of silence, the winner aborts the others", async (t) => {
	t.mock.timers.enable({ apis: ["setTimeout"] });
	const { attempts, discarded, dial, discard } = dialler();
	const race = raceDials(["a", "b", "c"], dial, discard, { signal: never });
	assert.deepEqual([...attempts.keys()], ["a"]);
	t.mock.timers.tick(249);
	assert.equal(attempts.size, 1);
	t.mock.timers.tick(1);
	assert.deepEqual([...attempts.keys()], ["a", "b"]);
	attempts.get("b")?.resolve("B");
	assert.equal(await race, "B");
	assert.deepEqual([attempts.get("a")?.signal.aborted, attempts.get("b")?.signal.aborted], [true, false], "the winner itself is not aborted");
	assert.equal(attempts.get("a")?.signal.aborted, true);
	t.mock.timers.tick(1_000);
	assert.equal(attempts.size, 2);
	attempts.get("a")?.resolve("A");
	await tick();
	assert.deepEqual(discarded, ["A"]);
});

test("race: a failure starts the next at once, and the most telling error is reported", async (t) => {
	t.mock.timers.enable({ apis: ["setTimeout"] });
	const { attempts, dial, discard } = dialler();
	const race = raceDials(["a", "b", "c"], dial, discard, { signal: never });
	attempts.get("a")?.reject(new ConecError("ADDRESS_UNAVAILABLE", "no IPv6"));
	await tick();
	assert.deepEqual([...attempts.keys()], ["a", "b"]);
	attempts.get("b")?.reject(new ConecError("PIN_MISMATCH", "other key"));
	await tick();
	attempts.get("c")?.reject(new ConecError("COORDINATOR_UNREACHABLE", "silence"));
	await assert.rejects(race, { code: "PIN_MISMATCH" });
});

test("race: an abort rejects with the reason and aborts every attempt", async () => {
	const { attempts, dial, discard } = dialler();
	const controller = new AbortController();
	const race = raceDials(["a"], dial, discard, { signal: controller.signal });
	const reason = new Error("enough");
	controller.abort(reason);
	await assert.rejects(race, (error) => error === reason);
	assert.equal(attempts.get("a")?.signal.aborted, true);
	await assert.rejects(raceDials(["a"], dial, discard, { signal: controller.signal }), (error) => error === reason);
});

/** A race on virtual time at which the test looks: when each dial began, and which are under way. */
function course(addresses: readonly string[], againMs?: number) {
	const clock = createVirtualClock();
	const begun: string[] = [];
	const live = new Set<string>();
	const settle: ((value: string) => void)[] = [];
	const dial = (address: string, signal: AbortSignal) =>
		new Promise<string>((resolve, reject) => {
			const name = `${address}${clock.now()}`;
			begun.push(name);
			live.add(name);
			settle.push(resolve);
			signal.addEventListener("abort", () => {
				live.delete(name);
				reject(new Error("aborted"));
			});
		});
	const discarded: string[] = [];
	const abort = new AbortController();
	const options = { clock, signal: abort.signal, ...(againMs === undefined ? {} : { againMs }) };
	const won = raceDials(addresses, dial, (late) => void discarded.push(late), options);
	return { clock, begun, live, settle, discarded, won, abort };
}

test("race: of many addresses each has its first dial soon, then they come again, and the oldest makes way", async () => {
	const addresses = ["a", "b", "c", "d", "e"];
	const { clock, begun, live, abort, won } = course(addresses, 1_000);
	for (let passedMs = 0; passedMs < 9_000; passedMs += 50) {
		await clock.advance(50);
		assert.ok(live.size <= 3, `${[...live]}`);
	}
	assert.deepEqual(begun.slice(0, 8), ["a0", "b250", "c500", "d750", "e1000", "a2000", "b3000", "c4000"]);
	abort.abort(new Error("enough"));
	await assert.rejects(won, { message: "enough" });
	assert.deepEqual([live.size, clock.pending], [0, 0]);
});

test("race: a dial that had to make way and succeeds all the same is discarded, and the race goes on", async () => {
	const { attempts, discarded, dial, discard } = dialler();
	const clock = createVirtualClock();
	const race = raceDials(["a", "b", "c", "d"], dial, discard, { signal: never, clock });
	await clock.advance(800);
	assert.deepEqual(
		[...attempts].map(([address, { signal }]) => [address, signal.aborted]),
		[
			["a", true],
			["b", false],
			["c", false],
			["d", false],
		],
	);
	attempts.get("a")?.resolve("A");
	await tick();
	assert.deepEqual(discarded, ["A"]);
	attempts.get("c")?.resolve("C");
	assert.equal(await race, "C");
});

test("race: when all that are under way have failed it is over, however soon another one was to follow", async () => {
	const { attempts, dial, discard } = dialler();
	const clock = createVirtualClock();
	const race = raceDials(["a", "b"], dial, discard, { signal: never, clock, againMs: 1_000 });
	attempts.get("a")?.reject(new ConecError("COORDINATOR_UNREACHABLE", "refused"));
	await tick();
	attempts.get("b")?.reject(new ConecError("ADDRESS_UNAVAILABLE", "no IPv6"));
	await assert.rejects(race, { code: "COORDINATOR_UNREACHABLE" });
	assert.equal(clock.pending, 0);
});
