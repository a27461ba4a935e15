/** How a mapping is kept, on virtual time, with routers that do what a test wants. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { type Mapping, type MappingMethod, PortMapper, type PortMappingStatus } from "./mapper.ts";

function rig(answers: (asked: number) => Partial<Mapping> | string | "never") {
	const clock = createVirtualClock();
	const statuses: PortMappingStatus[] = [];
	const asked: { readonly atMs: number; readonly before: number | undefined }[] = [];
	const removed: number[] = [];
	const method: MappingMethod = (_, before, signal) => {
		asked.push({ atMs: clock.now(), before: before?.port });
		const answer = answers(asked.length);
		if (answer === "never") return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
		if (typeof answer === "string") return Promise.reject(new Error(answer));
		const external = { address: "45.33.1.1", port: 4_000 };
		return Promise.resolve({
			...{ protocol: "pcp" as const, external, lifetimeMs: 3_600_000 },
			remove: () => {
				removed.push(clock.now());
				return Promise.resolve();
			},
			...answer,
		});
	};
	const mapper = new PortMapper({ clock, internalPort: 1_000, methods: [method], emit: (status) => statuses.push(status) });
	return { clock, statuses, asked, removed, mapper };
}

test("port mapper: a mapping is told once, renewed at half of its life with the same port, and removed at the end", async () => {
	const { clock, statuses, asked, removed, mapper } = rig(() => ({ lifetimeMs: 600_000 }));
	mapper.start();
	await clock.advance(900_001);
	assert.deepEqual(statuses, [{ type: "port-mapping", state: "up", protocol: "pcp", address: { address: "45.33.1.1", port: 4_000 } }]);
	assert.deepEqual(asked, [
		{ atMs: 0, before: undefined },
		{ atMs: 300_000, before: 4_000 },
		{ atMs: 600_000, before: 4_000 },
		{ atMs: 900_000, before: 4_000 },
	]);
	await clock.until(mapper.close(), 2_000);
	assert.equal(removed.length, 1);
	assert.equal(mapper.external, undefined);
	await clock.advance(3_600_000);
	assert.equal(asked.length, 4);
});

test("port mapper: a failure is told once and tried again after 1, 2, 4 minutes and so on, never more often than that", async () => {
	const { clock, statuses, asked, mapper } = rig(() => "no router");
	mapper.start();
	await clock.advance(24 * 3_600_000);
	assert.deepEqual(statuses, [{ type: "port-mapping", state: "failed", reason: "no router" }]);
	assert.deepEqual(
		asked.slice(0, 4).map(({ atMs }) => atMs / 60_000),
		[0, 1, 3, 7],
	);
	assert.ok(asked.length < 60, `${asked.length} attempts in a day`);
	await mapper.close();
});

test("port mapper: a mapping that is not renewed is none any more, and is told when it is back", async () => {
	const { clock, statuses, mapper } = rig((asked) => (asked === 2 ? "the router is restarting" : { lifetimeMs: 120_000 }));
	mapper.start();
	await clock.advance(60_001);
	assert.equal(mapper.external, undefined);
	await clock.advance(60_000);
	assert.deepEqual(
		statuses.map(({ state }) => state),
		["up", "failed", "up"],
	);
	await clock.until(mapper.close(), 2_000);
});

test("port mapper: a private address outside is no use, and its mapping is not left behind", async () => {
	const { clock, statuses, removed, mapper } = rig(() => ({ external: { address: "100.64.3.2", port: 1 } }));
	mapper.start();
	await clock.advance(1);
	assert.equal(statuses[0]?.state, "failed");
	assert.deepEqual([removed.length, mapper.external], [1, undefined]);
	await mapper.close();
});

test("port mapper: in another network it asks at once, and not more than once in 5 s however often that is said", async () => {
	const { clock, asked, mapper } = rig(() => ({}));
	mapper.start();
	await clock.advance(10_000);
	for (let i = 0; i < 100; i++) {
		mapper.networkChanged();
		await clock.advance(50);
	}
	await clock.advance(10_000);
	assert.ok(asked.length >= 2 && asked.length <= 4, `${asked.length}`);
	await clock.until(mapper.close(), 2_000);
});

test("port mapper: others wait a second at most for the first answer, and an attempt that hangs ends", async () => {
	const { clock, statuses, mapper } = rig(() => "never");
	mapper.start();
	let settled = false;
	void mapper.settled.then(() => {
		settled = true;
	});
	await clock.advance(999);
	assert.equal(settled, false);
	await clock.advance(2);
	assert.equal(settled, true);
	await clock.advance(15_000);
	assert.deepEqual(statuses, [{ type: "port-mapping", state: "failed", reason: "no router has answered" }]);
	await mapper.close();
});

test("port mapper: closing takes a second at most, whatever the router does, and in the middle of an attempt none", async () => {
	const slow = rig(() => ({ remove: () => new Promise<void>(() => undefined) }));
	slow.mapper.start();
	await slow.clock.advance(1);
	const sinceMs = slow.clock.now();
	await slow.clock.until(slow.mapper.close(), 1_001);
	assert.ok(slow.clock.now() - sinceMs <= 1_000);
	const hanging = rig(() => "never");
	hanging.mapper.start();
	await hanging.clock.advance(1);
	await hanging.clock.until(hanging.mapper.close(), 1);
	assert.deepEqual(hanging.statuses, []);
});
