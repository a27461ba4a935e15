import assert from "node:assert/strict";
import { test } from "node:test";
import { ConecError } from "../../errors.ts";
import type { PresenceEvent } from "../../session/presence-event.ts";
import { LastingWatch } from "./lasting-watch.ts";

const event = (epoch: string): PresenceEvent => ({ type: "members", members: [], epoch, seq: 0 });
const lost = (): Promise<never> => Promise.reject(new ConecError("COORDINATOR_LOST", "lost"));

/** A watch whose links the test replaces. Each gives one list, and is lost then. */
function stage() {
	const told: { link: object; waits: number; begun: number } = { link: {}, waits: 0, begun: 0 };
	const watch = new LastingWatch({
		begin() {
			const epoch = `${++told.begun}`;
			let read = false;
			return {
				next: () => {
					if (read) return lost();
					read = true;
					return Promise.resolve({ done: false as const, value: event(epoch) });
				},
				return: () => Promise.resolve({ done: true as const, value: undefined }),
				[Symbol.asyncIterator]() {
					return this;
				},
			};
		},
		comesBack: () => true,
		link: () => told.link,
		next: (signal) => {
			told.waits++;
			return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
		},
	});
	return { told, watch };
}

test("lasting watch: a reader that was away while the link was replaced goes on over the new one, and waits for none", async () => {
	const { told, watch } = stage();
	assert.deepEqual((await watch.next()).value, event("1"));
	told.link = {};
	assert.deepEqual((await watch.next()).value, event("2"));
	assert.deepEqual([told.waits, told.begun], [0, 2]);
});

test("lasting watch: while the link is the one that was lost it waits for another, and a reader may leave meanwhile", async () => {
	const { told, watch } = stage();
	await watch.next();
	const [reading, another] = [watch.next(), watch.next()];
	await new Promise((resolve) => setImmediate(resolve));
	assert.equal(told.waits, 1);
	await watch.return();
	assert.deepEqual([(await reading).done, (await another).done, (await watch.next()).done], [true, true, true]);
});
