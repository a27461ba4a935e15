/** Signs of sleep and of other networks, and how often they are looked for. */

import assert from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { test } from "node:test";
import fc from "fast-check";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { type MachineSign, Signs } from "./signs.ts";
import { addressesOf, createMachineWatch } from "./watch.ts";

/** Looks at these moments: of the clock that nobody sets, of the one on the wall, and the addresses. */
function looks(...seen: readonly (readonly [nowMs: number, wallMs: number, addresses?: string])[]): (MachineSign | undefined)[] {
	const signs = new Signs();
	return seen.map(([nowMs, wallMs, addresses]) => signs.look({ nowMs, wallMs, addresses }));
}

test("signs: a process that was stopped looks late, and a machine that has slept finds its clock on the wall ahead", () => {
	assert.deepEqual(looks([0, 0], [1_000, 1_000], [62_000, 62_000]).at(-1), { pausedMs: 60_000, networkChanged: false });
	assert.deepEqual(looks([0, 0], [1_000, 1_000], [2_000, 62_000]).at(-1), { pausedMs: 60_000, networkChanged: false });
	// Both at once: the machine slept some time after the process was stopped.
	assert.deepEqual(looks([0, 0], [11_000, 41_000]).at(-1), { pausedMs: 40_000, networkChanged: false });
});

test("signs: looks that are a little late, and clocks that are set back or by a little, are none", () => {
	assert.deepEqual(looks([0, 0], [3_900, 3_900], [4_900, 7_800], [5_900, 800], [6_900, 1_800]), [undefined, undefined, undefined, undefined, undefined]);
});

test("signs: other addresses are one, the first ones are not, and a look without addresses says nothing of them", () => {
	const found = looks([0, 0, "a"], [1_000, 1_000], [2_000, 2_000, "a"], [3_000, 3_000, "b"], [4_000, 4_000]);
	assert.deepEqual(found, [undefined, undefined, undefined, { pausedMs: 0, networkChanged: true }, undefined]);
});

test("signs: however clocks jump and addresses change, there is at most one in 5 s, and what comes sooner is told with the next one", () => {
	const found = looks(
		[0, 0, "a"],
		[1_000, 1_000, "b"],
		[2_000, 22_000, "b"],
		[3_000, 23_000, "c"],
		[5_000, 25_000, "c"],
		[6_000, 26_000, "c"],
		[20_000, 40_000, "c"],
	);
	assert.deepEqual(found.slice(1, 6), [{ pausedMs: 0, networkChanged: true }, undefined, undefined, undefined, { pausedMs: 20_000, networkChanged: true }]);
	fc.assert(
		fc.property(fc.array(fc.tuple(fc.nat(10_000), fc.integer({ min: -1e9, max: 1e9 }), fc.constantFrom("a", "b", undefined)), { maxLength: 50 }), (steps) => {
			const signs = new Signs();
			let [nowMs, toldMs] = [0, Number.NEGATIVE_INFINITY];
			for (const [step, wallMs, addresses] of steps) {
				nowMs += step;
				if (signs.look({ nowMs, wallMs, addresses }) === undefined) continue;
				assert.ok(nowMs - toldMs >= 5_000);
				toldMs = nowMs;
			}
		}),
	);
});

const info = (address: string, internal = false): NetworkInterfaceInfo => ({ address, internal }) as NetworkInterfaceInfo;

test("machine watch: addresses are looked at every 2 s, and less often where that takes long; clocks once a second", async () => {
	for (const [tookMs, mostLooks] of [
		[0, 31],
		[20, 5],
	] as const) {
		const clock = createVirtualClock();
		let [spentMs, looked] = [0, 0];
		const own = { ...clock, now: () => clock.now() + spentMs, wallMs: () => clock.wallMs() + spentMs };
		const interfaces = (): NodeJS.Dict<NetworkInterfaceInfo[]> => {
			looked++;
			spentMs += tookMs;
			return { eth0: [info(`192.0.2.${looked}`)] };
		};
		const told: MachineSign[] = [];
		const end = createMachineWatch({ clock: own, interfaces })((sign) => told.push(sign));
		await clock.advance(60_000);
		assert.ok(looked <= mostLooks && looked >= 3, `${looked} looks that take ${tookMs} ms`);
		assert.ok(told.length >= 2 && told.length <= 12 && told.every(({ networkChanged }) => networkChanged));
		end();
		assert.equal(clock.pending, 0);
	}
});

test("machine watch: all who use it share one timer, there is none while nobody does, and one who ends hears nothing", async () => {
	const clock = createVirtualClock();
	let address = "192.0.2.1";
	const watch = createMachineWatch({ clock, interfaces: () => ({ eth0: [info(address)] }) });
	assert.equal(clock.pending, 0);
	const told = [0, 0];
	const ends = [0, 1].map((index) => watch(() => void (told[index] as number)++));
	assert.equal(clock.pending, 1);
	await clock.advance(10_000);
	address = "192.0.2.2";
	await clock.advance(2_000);
	ends[0]?.();
	ends[0]?.();
	address = "192.0.2.3";
	await clock.advance(10_000);
	assert.deepEqual(told, [1, 2]);
	ends[1]?.();
	assert.equal(clock.pending, 0);
	// What was while nobody looked is no sign.
	await clock.advance(60_000);
	address = "192.0.2.4";
	const end = watch(() => assert.fail("no sign"));
	await clock.advance(10_000);
	end();
});

test("machine watch: loopback and link-local addresses do not count, and neither does the order", () => {
	const one = addressesOf({ lo: [info("127.0.0.1", true)], eth0: [info("192.0.2.1"), info("fe80::1"), info("169.254.3.4")], wifi: [info("2001:db8::1")] });
	assert.equal(one, addressesOf({ wifi: [info("2001:db8::1"), info("FE80::2")], eth0: [info("192.0.2.1")], veth1: [], gone: undefined }));
	assert.notEqual(one, addressesOf({ wifi: [info("2001:db8::1")] }));
});
