import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Fifo } from "./fifo.ts";

test("fifo: behaves as an array does, for any operations", () => {
	const operation = fc.oneof(
		{ weight: 5, arbitrary: fc.record({ type: fc.constant("push" as const), value: fc.integer({ min: 0, max: 50 }) }) },
		{ weight: 4, arbitrary: fc.record({ type: fc.constant("shift" as const), value: fc.constant(0) }) },
		{ weight: 1, arbitrary: fc.record({ type: fc.constant("take" as const), value: fc.integer({ min: 0, max: 50 }) }) },
		{ weight: 1, arbitrary: fc.record({ type: fc.constant("truncate" as const), value: fc.integer({ min: 0, max: 50 }) }) },
		{ weight: 1, arbitrary: fc.record({ type: fc.constant("remove" as const), value: fc.integer({ min: 0, max: 50 }) }) },
	);
	fc.assert(
		fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
			const fifo = new Fifo<number>();
			const model: number[] = [];
			for (const { type, value } of operations) {
				if (type === "push") {
					fifo.push(value);
					model.push(value);
				} else if (type === "shift") {
					assert.equal(fifo.shift(), model.shift());
				} else if (type === "take") {
					assert.deepEqual(fifo.take(value), model.splice(0, value));
				} else if (type === "truncate") {
					fifo.truncate(value);
					model.length = Math.min(model.length, value);
				} else {
					const index = model.indexOf(value);
					assert.equal(fifo.remove(value), index >= 0);
					if (index >= 0) {
						model.splice(index, 1);
					}
				}
				assert.equal(fifo.length, model.length);
				assert.equal(fifo.peek(), model[0]);
			}
			fifo.clear();
			assert.equal(fifo.shift(), undefined);
		}),
	);
});
