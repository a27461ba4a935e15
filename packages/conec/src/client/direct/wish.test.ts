import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import type { DirectChannel } from "../channel/channel.ts";
import { Wish } from "./wish.ts";

const CHANNEL = { peer: "bob" } as DirectChannel;
const never = (): void => assert.fail("not abandoned");

function setup() {
	const clock = createVirtualClock();
	const expired: string[] = [];
	const wish = new Wish("bob", 10_000, clock, ({ peer }) => expired.push(peer));
	return { clock, expired, wish };
}

test("wish: everybody who waits gets the one channel", async () => {
	const { clock, wish } = setup();
	const all = [wish.wait(undefined, never), wish.wait(new AbortController().signal, never)];
	wish.grant(CHANNEL);
	assert.deepEqual(await Promise.all(all), [CHANNEL, CHANNEL]);
	assert.deepEqual([wish.over, clock.pending], [true, 0]);
	assert.equal(await wish.wait(undefined, never), CHANNEL);
});

test("wish: everybody is told why not, and nobody waiting is no unhandled rejection", async () => {
	const { wish } = setup();
	const waiting = wish.wait(undefined, never);
	wish.refuse(new Error("no"));
	await assert.rejects(waiting, { message: "no" });
	setup().wish.refuse(new Error("to nobody"));
});

test("wish: one who aborts gets the own reason; it is abandoned with the last, and not while one without a signal waits", async () => {
	const { wish } = setup();
	let abandoned = 0;
	const [a, b] = [new AbortController(), new AbortController()];
	const first = wish.wait(a.signal, () => abandoned++);
	const second = wish.wait(b.signal, () => abandoned++);
	a.abort("a");
	await assert.rejects(first, (reason) => reason === "a");
	assert.equal(abandoned, 0);
	b.abort("b");
	await assert.rejects(second, (reason) => reason === "b");
	assert.equal(abandoned, 1);
	const patient = setup().wish;
	void patient.wait(undefined, never);
	const c = new AbortController();
	const third = patient.wait(c.signal, never);
	c.abort("c");
	await assert.rejects(third, (reason) => reason === "c");
	await assert.rejects(patient.wait(AbortSignal.abort("d"), never), (reason) => reason === "d");
});

test("wish: expires once, unless it is over", async () => {
	const { clock, expired } = setup();
	await clock.advance(9_999);
	assert.deepEqual(expired, []);
	await clock.advance(1);
	assert.deepEqual(expired, ["bob"]);
	const granted = setup();
	granted.wish.grant(CHANNEL);
	await granted.clock.advance(20_000);
	assert.deepEqual(granted.expired, []);
});
