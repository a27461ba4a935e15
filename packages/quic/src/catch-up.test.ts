import assert from "node:assert/strict";
import { test } from "node:test";
import { CATCH_UP_MS, CatchUp } from "./catch-up.ts";

function waiting(): { readonly catchUp: CatchUp; readonly over: string[]; add(name: string, nowMs: number): void } {
	const catchUp = new CatchUp();
	const over: string[] = [];
	return { catchUp, over, add: (name, nowMs) => catchUp.add(() => over.push(name), nowMs) };
}

test("catch up: all go on when nothing waits any more, in their order, and once", () => {
	const { catchUp, over, add } = waiting();
	add("a", 0);
	add("b", 1);
	catchUp.release();
	catchUp.release();
	catchUp.expire(10 * CATCH_UP_MS);
	assert.deepEqual(over, ["a", "b"]);
});

test("catch up: whoever has waited for half a second goes on, the others wait", () => {
	const { catchUp, over, add } = waiting();
	add("a", 0);
	add("b", 100);
	add("c", 100);
	catchUp.expire(CATCH_UP_MS - 1);
	assert.deepEqual(over, []);
	catchUp.expire(CATCH_UP_MS);
	assert.deepEqual(over, ["a"]);
	catchUp.expire(CATCH_UP_MS + 100);
	assert.deepEqual(over, ["a", "b", "c"]);
});

test("catch up: one that waits again while it is told so waits for the next time", () => {
	const catchUp = new CatchUp();
	let told = 0;
	const again = (): void => {
		if (++told < 3) catchUp.add(again, 0);
	};
	again();
	catchUp.release();
	assert.equal(told, 2);
	catchUp.release();
	assert.equal(told, 3);
});
