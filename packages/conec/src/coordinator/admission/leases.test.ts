import assert from "node:assert/strict";
import { test } from "node:test";
import { type KeptLease, Leases } from "./leases.ts";

const HOUR = 3_600_000;
const [k1, k2] = ["1", "2"].map((digit) => `sha256:${digit.repeat(64)}`) as [string, string];

function leases(
	limits: Partial<{ leaseMs: number; leases: number; leasesPerSource: number }> = {},
	kept: KeptLease[] = [],
	nowMs = 0,
): Leases & { changes: number } {
	const all = Object.assign(new Leases({ leaseMs: 24 * HOUR, leases: 4, leasesPerSource: 3, ...limits }, () => all.changes++, kept, nowMs), { changes: 0 });
	return all;
}

test("leases: a key keeps its id while it is connected, for a day after, and not a moment longer", () => {
	const all = leases();
	assert.equal(all.hold("a", k1, "s", 0), true);
	assert.equal(all.find("a", 1_000 * HOUR)?.identity, k1);
	assert.equal(all.hold("a", k2, "t", 1_000 * HOUR), false);
	all.release("a", k1, 1_000 * HOUR);
	assert.equal(all.find("a", 1_024 * HOUR - 1)?.identity, k1);
	assert.equal(all.hold("a", k2, "t", 1_024 * HOUR - 1), false);
	assert.equal(all.find("a", 1_024 * HOUR), undefined);
	assert.equal(all.hold("a", k2, "t", 1_024 * HOUR), true);
	assert.deepEqual(all.kept(1_024 * HOUR), [{ id: "a", identity: k2, source: "t", leftMs: undefined }]);
});

test("leases: coming back ends the countdown, and only the key itself starts it", () => {
	const all = leases();
	all.hold("a", k1, "s", 0);
	all.release("a", k2, 0);
	all.release("b", k1, 0);
	assert.equal(all.find("a", 100 * HOUR)?.untilMs, undefined);
	all.release("a", k1, 0);
	all.release("a", k1, 20 * HOUR);
	assert.equal(all.find("a", 20 * HOUR)?.untilMs, 24 * HOUR, "a second end changes nothing");
	assert.equal(all.hold("a", k1, "elsewhere", 23 * HOUR), true);
	assert.deepEqual(all.find("a", 100 * HOUR), { id: "a", identity: k1, source: "s", untilMs: undefined });
});

test("leases: when all or those of a source are taken, no new one is granted; one that is over makes room", () => {
	const all = leases();
	for (const id of ["a", "b", "c"]) assert.equal(all.hold(id, k1, "s", 0), true);
	assert.equal(all.hold("d", k1, "s", 0), false, "per source");
	assert.equal(all.hold("d", k1, "t", 0), true);
	assert.equal(all.hold("e", k1, "u", 2_000), false, "in all");
	assert.equal(all.hold("a", k1, "u", 2_000), true, "not a new one");
	all.release("d", k1, 2_000);
	assert.equal(all.hold("e", k1, "u", 25 * HOUR), true);
	assert.equal(all.size, 4);
	all.release("a", k1, 25 * HOUR);
	assert.equal(all.hold("f", k1, "s", 50 * HOUR), true, "the source has room again");
});

test("leases: a flood that finds no room does not make it look at all leases each time", () => {
	const all = leases({ leases: 1 });
	all.hold("a", k1, "s", 0);
	all.release("a", k1, 0);
	assert.equal(all.hold("b", k2, "s", 24 * HOUR - 500), false);
	assert.equal(all.hold("b", k2, "s", 24 * HOUR + 400), false, "within a second of the last look");
	assert.equal(all.hold("b", k2, "s", 24 * HOUR + 500), true);
});

test("leases: turned off, none is granted", () => {
	const all = leases({ leaseMs: 0 }, [{ id: "a", identity: k1, source: "s", leftMs: HOUR }]);
	assert.equal(all.hold("b", k1, "s", 0), false);
	assert.equal(all.size, 0);
});

test("leases: after a restart those that were held run from now, those that ran go on, none lasts longer than a new one", () => {
	const now = 1_000 * HOUR;
	const kept: [string, number | undefined][] = [
		["held", undefined],
		["runs", HOUR],
		["over", 0],
		["long over", -5 * HOUR],
		["too long", 9_999 * HOUR],
	];
	const all = leases(
		{},
		kept.map(([id, leftMs]) => ({ id, identity: k1, source: "s", leftMs })),
		now,
	);
	assert.deepEqual(
		all.kept(now).map(({ id, leftMs }) => [id, leftMs]),
		[
			["held", 24 * HOUR],
			["runs", HOUR],
			["too long", 24 * HOUR],
		],
	);
	assert.deepEqual(
		all.kept(now + HOUR).map(({ id, leftMs }) => [id, leftMs]),
		[
			["held", 23 * HOUR],
			["too long", 23 * HOUR],
		],
		"what is over is not kept",
	);
	assert.equal(all.hold("new", k2, "s", now), false, "those that were kept count");
});

test("leases: revoking ends those of the keys concerned, and every change is told", () => {
	const all = leases();
	all.hold("a", k1, "s", 0);
	all.hold("b", k2, "s", 0);
	assert.equal(all.changes, 2);
	all.hold("b", k2, "s", 0);
	assert.equal(all.changes, 2);
	all.revoke((identity) => identity === k1);
	assert.equal(all.changes, 3);
	assert.equal(all.find("a", 0), undefined);
	assert.equal(all.find("b", 0)?.identity, k2);
	all.release("b", k2, 0);
	assert.equal(all.changes, 4);
});

const key = (n: number): string => `sha256:${n.toString(16).padStart(64, "0")}`;

test("leases: any number of IPv6 /64 of one /48, or of addresses of one /24, leave some for those from elsewhere", () => {
	for (const sourceOf of [(n: number) => `2001:db8:7:${n.toString(16)}::/64`, (n: number) => `192.0.2.${n % 256}`]) {
		const all = leases({ leases: 1_000, leasesPerSource: 64 });
		for (let n = 0; n < 20_000; n++) {
			all.hold(`mallory-${n}`, key(n), sourceOf(n >> 4), n);
			all.release(`mallory-${n}`, key(n), n);
		}
		assert.equal(all.size, 950, "alone they get nearly all");
		for (let n = 0; n < 50; n++) assert.ok(all.hold(`ann-${n}`, key(n), `198.51.${n}.1`, 30_000), `${n}`);
		assert.equal(all.hold("mallory-again", key(30_000), sourceOf(0), 30_000), false);
	}
});

test("leases: when all are given, the network with most loses the one whose key is away longest, and never that of a connected key", () => {
	const all = leases({ leases: 100, leasesPerSource: 100 });
	for (let n = 0; n < 95; n++) all.hold(`m-${n}`, key(n), `192.0.2.${n}`, n);
	for (const n of [40, 3, 70]) all.release(`m-${n}`, key(n), 1_000 + n);
	for (let n = 0; n < 5; n++) assert.ok(all.hold(`a-${n}`, key(n), `198.51.${n}.1`, 2_000));
	assert.equal(all.size, 100);
	assert.ok(all.hold("b-0", key(200), "203.0.113.1", 2_000));
	assert.deepEqual([all.find("m-40", 2_000), all.find("m-3", 2_000)?.id, all.size], [undefined, "m-3", 100]);
	all.hold("m-3", key(3), "192.0.2.3", 2_000);
	assert.ok(all.hold("b-1", key(201), "203.0.114.1", 2_000));
	assert.deepEqual([all.find("m-70", 2_000), all.find("m-3", 2_000)?.id], [undefined, "m-3"], "one that is back is safe");
	assert.equal(all.hold("b-2", key(202), "203.0.115.1", 2_000), false, "all others are connected");
	assert.equal(all.hold("m-again", key(300), "192.0.2.77", 2_000), false, "who has most takes nothing from anybody");
});
