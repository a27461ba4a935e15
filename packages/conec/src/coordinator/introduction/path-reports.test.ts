import assert from "node:assert/strict";
import { test } from "node:test";
import { PathReports } from "./path-reports.ts";

const channel = (token: string, requester: string, target: string) => ({ token, requester, target });

test("path reports: a channel is up, perhaps said twice, and down", () => {
	const reports = new PathReports(10);
	assert.equal(reports.facts("a", "b"), undefined);
	reports.began("b", "a", [{ address: "192.0.2.1", port: 1, kind: "host" }], []);
	assert.equal(reports.up(channel("1", "b", "a")), true);
	assert.equal(reports.up({ ...channel("1", "b", "a"), rttMs: 5 }), false);
	assert.equal(reports.up(channel("1", "b", "a")), false);
	assert.deepEqual(reports.liveOf("1"), { ...channel("1", "b", "a"), address: undefined, rttMs: 5 });
	assert.deepEqual([reports.facts("b", "a")?.candidates.length, reports.facts("a", "b")?.candidates.length], [1, 0]);
	assert.equal(reports.down("2", "x"), undefined);
	assert.equal(reports.down("1", "gone")?.token, "1");
	assert.equal(reports.down("1", "gone"), undefined);
	assert.deepEqual([reports.facts("a", "b")?.live, reports.facts("a", "b")?.reason, reports.liveCount, reports.size], [undefined, "gone", 0, 1]);
});

test("path reports: a newer channel of a pair replaces the older, whose end then means nothing", () => {
	const reports = new PathReports(10);
	reports.up(channel("1", "a", "b"));
	reports.up(channel("2", "b", "a"));
	assert.equal(reports.down("1", "late"), undefined);
	reports.failed("a", "b", "also late", 0);
	assert.equal(reports.facts("a", "b")?.live?.token, "2");
	assert.equal(reports.remembered("a", "b", 0), undefined);
});

test("path reports: a failure is remembered for who asked, until either network changes or a channel is up", () => {
	const reports = new PathReports(10);
	reports.failed("a", "b", "no answer", 0);
	reports.failed("c", "b", "no hope");
	assert.deepEqual(
		[reports.remembered("a", "b", 0), reports.remembered("b", "a", 0), reports.remembered("c", "b", 0)],
		[{ reason: "no answer", retryAfterMs: 22_500 }, undefined, undefined],
	);
	assert.deepEqual(reports.changed("b").sort(), ["a", "c"]);
	assert.equal(reports.remembered("a", "b", 0), undefined);
	assert.deepEqual(reports.changed("b"), []);
	reports.failed("a", "b", "again", 0);
	assert.deepEqual(reports.changed("a"), ["b"], "b has tried too, and remembers it");
	assert.equal(reports.remembered("a", "b", 0), undefined);
	reports.failed("a", "b", "again", 0);
	reports.up(channel("1", "b", "a"));
	reports.down("1", "x");
	assert.equal(reports.remembered("a", "b", 0), undefined);
});

test("path reports: a failure is believed for three quarters of the time for which Clients do, longer each time, ten minutes at most", () => {
	const reports = new PathReports(10);
	let now = 1_000;
	const believed: number[] = [];
	for (let i = 0; i < 9; i++) {
		reports.failed("a", "b", `${i}`, now);
		// Neither of these says anything of the path.
		reports.failed("a", "b", "given up");
		const { reason, retryAfterMs } = reports.remembered("a", "b", now) ?? { reason: "", retryAfterMs: 0 };
		assert.equal(reason, `${i}`);
		believed.push(retryAfterMs / 1_000);
		assert.equal(reports.remembered("a", "b", now + retryAfterMs - 1)?.retryAfterMs, 1);
		now += retryAfterMs;
		assert.equal(reports.remembered("a", "b", now), undefined);
	}
	assert.deepEqual(believed, [22.5, 22.5, 45, 90, 180, 360, 450, 450, 450]);
	reports.changed("b");
	reports.failed("a", "b", "anew", now);
	assert.equal(reports.remembered("a", "b", now)?.retryAfterMs, 22_500);
});

test("path reports: nothing is kept of who has left", () => {
	const reports = new PathReports(10);
	reports.up(channel("1", "a", "b"));
	reports.failed("a", "c", "x", 0);
	reports.failed("b", "c", "x", 0);
	assert.deepEqual(reports.left("a"), ["c"]);
	assert.deepEqual([reports.size, reports.liveCount, reports.liveOf("1")], [1, 0, undefined]);
	assert.deepEqual(reports.left("c"), ["b"]);
	assert.equal(reports.size, 0);
});

test("path reports: bounded; pairs without a channel are forgotten first, the oldest of them", () => {
	const reports = new PathReports(3);
	reports.up(channel("1", "a", "b"));
	for (const target of ["c", "d"]) reports.failed("a", target, target, 0);
	reports.failed("a", "c", "c again", 0);
	for (let i = 0; i < 100; i++) {
		reports.failed("a", `x${i}`, "x", 0);
		assert.equal(reports.size, 3);
	}
	assert.equal(reports.facts("a", "c"), undefined);
	assert.equal(reports.liveOf("1")?.token, "1");
	for (const token of ["2", "3", "4"]) reports.up(channel(token, "a", `l${token}`));
	assert.deepEqual([reports.size, reports.liveOf("1")], [3, undefined]);
	reports.clear();
	assert.equal(reports.size, 0);
});
