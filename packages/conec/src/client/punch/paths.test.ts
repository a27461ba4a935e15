import assert from "node:assert/strict";
import { test } from "node:test";
import { type Path, PunchPaths } from "./paths.ts";

const HOST = { address: "10.0.2.2", port: 5000 };
const REFLEXIVE = { address: "203.0.113.10", port: 40_000 };

function pathsOf(): PunchPaths {
	return new PunchPaths([
		{ ...HOST, kind: "host", packets: 6 },
		{ ...REFLEXIVE, kind: "reflexive", packets: 64 },
		// The peer has no NAT: what it names is what the Coordinator sees.
		{ ...REFLEXIVE, port: 5000, kind: "host", packets: 6 },
	]);
}

test("paths: the best is on the own network, else the fastest, and never one that was dialled", () => {
	const paths = pathsOf();
	const add = (to: typeof HOST, rttMs?: number): Path => Object.assign(paths.add(0, to, "learned") as Path, { rttMs, probes: 1 });
	assert.equal(paths.best(), undefined);
	const slow = add(REFLEXIVE, 100);
	const fast = add({ ...REFLEXIVE, port: 5000 }, 50);
	assert.equal(paths.best(), fast);
	assert.equal(paths.mayBeBeaten(fast), false);
	const host = add(HOST);
	assert.equal(paths.mayBeBeaten(fast), true);
	host.rttMs = 200;
	assert.equal(paths.best(), host);
	for (const [path, next] of [
		[host, fast],
		[fast, slow],
		[slow, undefined],
	] as const) {
		path.dial = "begun";
		assert.equal(paths.dialling, true);
		path.dial = "failed";
		assert.equal(paths.best(), next);
	}
	assert.deepEqual([paths.dialling, paths.failed.length], [false, 3]);
});

test("paths: one per socket and address, and 64 in all", () => {
	const paths = pathsOf();
	assert.equal(paths.add(0, HOST, "host"), paths.add(0, { ...HOST }, "learned"));
	assert.notEqual(paths.add(1, HOST, "host"), paths.add(0, HOST, "host"));
	for (let port = 1; port <= 100; port++) paths.add(0, { ...HOST, port }, "birthday");
	assert.equal([...paths].length, 64);
	assert.equal(paths.add(2, HOST, "birthday"), undefined);
	assert.notEqual(paths.add(0, HOST, "birthday"), undefined);
});
