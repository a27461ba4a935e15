import assert from "node:assert/strict";
import { test } from "node:test";
import { ConecError } from "../../errors.ts";
import { dialAgain } from "./dial-again.ts";

const full = (): ConecError => new ConecError("LIMIT_EXCEEDED", "turned away");
const never = (): boolean => false;

test("dial again: who is turned away comes again, who fails otherwise does not", async () => {
	let dialled = 0;
	const dial = async (): Promise<string> => {
		if (++dialled < 3) throw full();
		return "in";
	};
	assert.equal(await dialAgain(dial, new AbortController().signal, never), "in");
	assert.equal(dialled, 3);
	const wrong = new ConecError("PIN_MISMATCH", "another key");
	await assert.rejects(
		dialAgain(() => Promise.reject(wrong), new AbortController().signal, never),
		(error) => error === wrong,
	);
});

test("dial again: an abort rejects with its reason at once, the deadline with what was the matter", async (t) => {
	t.mock.timers.enable({ apis: ["setTimeout"] }); // no pause ends by itself
	for (const deadline of [true, false]) {
		const abort = new AbortController();
		const reason = new Error("enough");
		const error = full();
		let dialled = 0;
		const dialling = dialAgain(
			async () => {
				dialled++;
				throw error;
			},
			abort.signal,
			() => deadline,
		);
		await new Promise((resolve) => setImmediate(resolve));
		abort.abort(reason);
		await assert.rejects(dialling, (actual) => actual === (deadline ? error : reason));
		assert.equal(dialled, 1);
	}
});

test("dial again: a dial that the deadline cuts short says that it was turned away before", async () => {
	const abort = new AbortController();
	let dialled = 0;
	const dial = (): Promise<never> =>
		dialled++ === 0
			? Promise.reject(full())
			: new Promise((_, reject) => {
					abort.signal.addEventListener("abort", () => reject(abort.signal.reason as Error));
					setTimeout(() => abort.abort(new Error("late")), 5);
				});
	await assert.rejects(
		dialAgain(dial, abort.signal, () => true),
		{ code: "LIMIT_EXCEEDED" },
	);
});
