import assert from "node:assert/strict";
import { test } from "node:test";
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
