import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { checkNat, type NatCheckHost } from "./nat-check.ts";

const OBSERVED = { address: "203.0.113.2", port: 40_000 };

function setup(changes: Partial<NatCheckHost> = {}) {
	const clock = createVirtualClock();
	const asked = { echoes: 0, tests: 0 };
	const check = checkNat({
		observed: OBSERVED,
		hosts: [{ address: "10.0.1.2", port: 40_000 }],
		rttMs: 100,
		clock,
		sendEcho: () => asked.echoes++,
		askForTest: () => asked.tests++,
		...changes,
	});
	const settled = { done: false };
	void check.done.then(() => {
		settled.done = true;
	});
	return { clock, asked, check, settled };
}

test("NAT check: the same port for another destination is an independent mapping", async () => {
	const { clock, check, settled } = setup();
	await clock.advance(100);
	check.echoed(OBSERVED);
	await clock.advance(0);
	assert.deepEqual([check.report, settled.done], [{ mapping: "independent", filtering: "unknown" }, false]);
	await clock.advance(100);
	assert.deepEqual([check.report, settled.done], [{ mapping: "independent", filtering: "by-port" }, true]);
});

test("NAT check: another port is a dependent mapping; the next but few is a sequence, anything else is not", async () => {
	for (const [port, step] of [
		[40_001, 1],
		[40_016, 16],
		[40_017, undefined],
		[39_999, undefined],
		[51_234, undefined],
	] as const) {
		const { check } = setup();
		check.echoed({ address: OBSERVED.address, port });
		const expected =
			step === undefined
				? { mapping: "dependent", lastPort: port, filtering: "unknown" }
				: { mapping: "dependent", lastPort: port, portStep: step, filtering: "unknown" };
		assert.deepEqual(check.report, expected);
		check.stop();
	}
});

test("NAT check: another address is no sequence", () => {
	const { check } = setup();
	check.echoed({ address: "203.0.113.3", port: 40_001 });
	assert.deepEqual(check.report, { mapping: "dependent", lastPort: 40_001, filtering: "unknown" });
	check.stop();
});

test("NAT check: a datagram from a port that nobody sent to shows an open filter", async () => {
	const { clock, asked, check, settled } = setup();
	assert.equal(asked.tests, 1);
	check.tested();
	check.echoed(OBSERVED);
	await clock.advance(0);
	assert.deepEqual([check.report.filtering, settled.done], ["open", true]);
	await clock.advance(1_000);
	assert.equal(check.report.filtering, "open", "the deadline changes nothing any more");
});

test("NAT check: where the Coordinator sees the own address there is none, whatever the second port says", async () => {
	const { clock, check, settled } = setup({ hosts: [OBSERVED] });
	await clock.advance(0);
	assert.deepEqual([check.report.mapping, settled.done], ["none", false]);
	await clock.advance(200);
	assert.deepEqual([check.report, settled.done], [{ mapping: "none", filtering: "by-port" }, true]);
	check.echoed({ ...OBSERVED, port: 9 });
	assert.equal(check.report.mapping, "none");
	await clock.advance(10_000);
	assert.equal(clock.pending, 0);
});

test("NAT check: whether the second port answers is a finding of its own, with a NAT and without", async () => {
	for (const hosts of [[OBSERVED], [{ address: "10.0.1.2", port: 40_000 }]]) {
		const silent = setup({ hosts });
		await silent.clock.advance(600);
		assert.deepEqual([await silent.check.answered, silent.asked.echoes, silent.clock.pending], [false, 3, 0]);
		const lossy = setup({ hosts });
		await lossy.clock.advance(450);
		lossy.check.echoed(OBSERVED);
		await lossy.clock.advance(0);
		assert.equal(await lossy.check.answered, true);
		await lossy.clock.advance(1_000);
		assert.deepEqual([lossy.asked.echoes, lossy.clock.pending], [3, 0]);
		silent.check.echoed(OBSERVED);
		assert.equal(silent.check.heard, true, "late");
		const stopped = setup({ hosts });
		stopped.check.stop();
		assert.equal(await stopped.check.answered, undefined);
	}
});

test("NAT check: no answer after three tries leaves it unknown; nothing is left running", async () => {
	const { clock, asked, check, settled } = setup();
	await clock.advance(599);
	assert.deepEqual([asked.echoes, settled.done], [3, false]);
	await clock.advance(1);
	assert.deepEqual([check.report.mapping, settled.done, clock.pending], ["unknown", true, 0]);
});

test("NAT check: stopped, it settles at once and asks no more", async () => {
	const { clock, asked, check, settled } = setup();
	check.stop();
	await clock.advance(0);
	assert.deepEqual([settled.done, clock.pending], [true, 0]);
	await clock.advance(10_000);
	assert.equal(asked.echoes, 1);
});
