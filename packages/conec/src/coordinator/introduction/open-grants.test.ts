import assert from "node:assert/strict";
import { test } from "node:test";
import { OpenGrants } from "./open-grants.ts";
import type { Grant } from "./punch-budget.ts";

function grant(log: (number | string)[], name: string): Grant {
	return { packets: 64, settle: (sent) => log.push(`${name} ${sent}`), extend: () => undefined };
}

test("open grants: a side settles what it was granted itself, once; what it does not name it has not sent to", () => {
	const open = new OpenGrants<string>();
	const log: string[] = [];
	const [a, b, c] = [grant(log, "a"), grant(log, "b"), grant(log, "c")];
	open.begin(
		"t",
		[
			[
				"ann",
				new Map([
					["192.0.2.1", a],
					["10.0.0.1", b],
				]),
			],
			["ben", new Map([["192.0.2.2", c]])],
		],
		1_000,
	);
	const sent = [
		{ address: "::ffff:192.0.2.1", packets: 5 },
		{ address: "192.0.2.1", packets: 2 },
		{ address: "192.0.2.2", packets: 1 },
		{ address: "203.0.113.9", packets: 0 },
	];
	open.settle("t", "eve", sent, 0);
	open.settle("u", "ann", sent, 0);
	assert.deepEqual(log, []);
	open.settle("t", "ann", sent, 0);
	assert.deepEqual(log, ["a 7", "b 0"], "not what the other was granted");
	open.settle("t", "ann", [], 0);
	assert.deepEqual([log.length, open.size], [2, 1]);
	open.settle("t", "ben", [], 0);
	assert.deepEqual([log[2], open.size], ["c 0", 0]);
});

test("open grants: those who never say anything have sent it all, and are forgotten", () => {
	const open = new OpenGrants<string>();
	const log: string[] = [];
	for (let i = 0; i < 10; i++) open.begin(`t${i}`, [["ann", new Map([["192.0.2.1", grant(log, "a")]])]], i * 100);
	open.sweep(450);
	assert.equal(open.size, 5);
	open.settle("t0", "ann", [], 450);
	assert.deepEqual(log, []);
	open.clear();
	assert.equal(open.size, 0);
});
