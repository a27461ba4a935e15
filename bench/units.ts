/**
 * What windows, shares and the schedule of ACKs cost for each message, in CPU time: `node --conditions=source --import tsx bench/units.ts`.
 *
 * @module
 */

import { systemClock } from "../packages/conec/src/base/clock.ts";
import { AckSchedule, KeptBudget, ReceiveBudget, SendBudget } from "../packages/conec/src/stream/windows/index.ts";

const UNITS = 2_000_000;
const BATCH = 512;
const ROUNDS = 12;
/** A message of 64 bytes. */
const COST = 128;

const cpuMs = (): number => {
	const { user, system } = process.cpuUsage();
	return (user + system) / 1_000;
};

/** The best of some rounds. `after` is called for each batch. */
async function measure(name: string, unit: () => void, after: () => void = () => {}): Promise<void> {
	let best = Number.POSITIVE_INFINITY;
	for (let round = 0; round < ROUNDS; round++) {
		const begun = cpuMs();
		for (let done = 0; done < UNITS; done += BATCH) {
			for (let count = 0; count < BATCH; count++) unit();
			after();
			if (done % (8 * BATCH) === 0) await undefined;
		}
		best = Math.min(best, cpuMs() - begun);
	}
	process.stdout.write(`${name.padEnd(50)} ${((best * 1e6) / UNITS).toFixed(1)} ns\n`);
}

const receives = new ReceiveBudget({ receiveBytes: 2 ** 28, streamWindowBytes: 2 ** 21, messageBytes: 2 ** 20 }, () => systemClock.now());
// Others beside it, so that the code is compiled for more than one shape of things.
for (let count = 0; count < 200; count++) receives.open(`other ${count % 7}`, () => {}).asked(1e6);
const window = receives.open("peer", () => {});
window.roundTrip(1);
const acks = new AckSchedule(systemClock);
const slot = acks.open(() => {});

await measure("nothing", () => {});
await measure("window: received, taken", () => {
	window.received(COST);
	window.taken(COST);
});
await measure("slot: received, taken", () => {
	slot.received(COST, window.ackEveryBytes);
	slot.taken(COST, window.ackEveryBytes);
});
let toldBytes = 0;
await measure(
	"all that a receiver does",
	() => {
		window.received(COST);
		slot.received(COST, window.ackEveryBytes);
		window.taken(COST);
		if (window.limit > toldBytes) slot.taken(COST, window.ackEveryBytes);
	},
	() => {
		toldBytes = window.limit - 1;
	},
);
for (const severalPeers of [false, true]) {
	const sends = new SendBudget({ connectionWindowBytes: 2 ** 24, severalPeers });
	for (let count = 0; count < 20; count++) sends.open(`other ${count}`, false, () => {}).wrote(COST);
	const share = sends.open("peer", false, () => {});
	await measure(
		`share: admits, wrote, acked${severalPeers ? "; several peers" : ""}`,
		() => {
			if (share.admits(COST)) share.wrote(COST);
		},
		() => share.acked(COST * BATCH),
	);
}
const kept = new KeptBudget({ keptBytes: 2 ** 26 }).open("peer", { room() {}, expelled() {} });
await measure(
	"kept: admits, kept, released",
	() => {
		if (kept.admits(COST)) kept.kept(COST);
	},
	() => kept.released(COST * BATCH),
);
const begun = cpuMs();
const short = new SendBudget({ connectionWindowBytes: 2 ** 24, severalPeers: true });
for (let count = 0; count < 100_000; count++) {
	const of = { window: receives.open("short", () => {}), share: short.open("short", true, () => {}), slot: acks.open(() => {}) };
	of.window.ended();
	of.window.close();
	of.share.close();
	of.slot.close();
}
process.stdout.write(`a stream that comes and goes                       ${((cpuMs() - begun) * 10).toFixed(0)} ns\n`);
acks.close();
