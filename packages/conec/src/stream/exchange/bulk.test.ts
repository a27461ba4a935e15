import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { seededRandom } from "../../base/random.ts";
import type { StreamHandler } from "../../transport/transport.ts";
import { FRAME } from "../../wire/frames.ts";
import { decodeCount, encodeAck } from "../../wire/stream-frames.ts";
import { NOTHING_KEPT } from "../lent.ts";
import { AckSchedule, fixedWindows, SendBudget, type SendShares } from "../windows/index.ts";
import { Bulk, type SharedCount } from "./bulk.ts";
import { Exchange } from "./exchange.ts";

const KINDS = 1 << FRAME.TAGGED;

/** An accepted stream whose other end is the test. */
class Stage {
	readonly calls: string[] = [];
	readonly exchange: Exchange;
	readonly bulk: Bulk;
	drained = 0;
	givenBack = 0;
	failed: string | undefined;
	handler!: StreamHandler;

	constructor(limit: number, shares: SendShares = new SendBudget({ connectionWindowBytes: 16 * 1_048_576, severalPeers: false })) {
		const clock = createVirtualClock();
		const nothing = (): void => undefined;
		this.exchange = new Exchange(
			"acceptor",
			{
				...{ subject: { peer: "b", describe: "it", lostCode: "PEER_LOST" }, identity: "b", windows: fixedWindows(0), kept: NOTHING_KEPT },
				...{ messageBytes: 1_000, highWaterBytes: 65_536, now: () => clock.now(), fraction: () => 0, unitKinds: KINDS },
			},
			{
				receiving: { waiting: true, push: nothing, finish: nothing, discard: nothing },
				sending: { drained: () => this.drained++, end: nothing, fail: (error) => (this.failed = error.code) },
				...{ wakeAt: nothing, opened: nothing, refused: nothing, acknowledged: nothing, unacknowledged: nothing, over: nothing, gone: nothing },
				...{ suspended: nothing, openLeg: () => undefined },
			},
		);
		this.bulk = new Bulk(this.exchange.sending, () => this.givenBack++);
		const write = (kind: number, payload: Uint8Array): number => {
			this.calls.push(kind === FRAME.BLOCKED ? `BLOCKED ${decodeCount(payload)}` : `kind ${kind}`);
			return 0;
		};
		const wire = { write, writeFrames: () => 0, queuedBytes: 0, finish: nothing, reset: nothing, stop: nothing, consumed: nothing };
		this.exchange.accept(
			(handler) => {
				this.handler = handler;
				return { wire, shares, acks: new AckSchedule(clock) };
			},
			{ limit, messageBytes: 1_000 },
		);
		this.calls.length = 0;
		this.drained = 0;
	}

	acknowledge(received: number, limit: number): void {
		this.handler.frame(FRAME.ACK, encodeAck(received, limit));
	}
}

test("bulk: room is set aside once for many units, and the limit bounds it", () => {
	const { bulk, exchange, calls, ...stage } = new Stage(100_000);
	assert.equal(bulk.setAside(1_000, 16_384), 16_384);
	bulk.wrote(10, 10_000);
	assert.deepEqual([exchange.sending.sent, bulk.asideBytes, exchange.sending.roomBytes], [10, 6_384, 90_000]);
	assert.equal(bulk.setAside(6_384, 16_384), 6_384, "there is enough");
	assert.equal(bulk.setAside(80_000, 1e9), 90_000);
	bulk.wrote(1, 80_000);
	assert.equal(bulk.setAside(10_001, 10_001), 10_000);
	assert.deepEqual(calls, ["BLOCKED 100001"]);
	void stage;
});

test("bulk: who had no room hears of it when the peer lets more come", () => {
	const stage = new Stage(70_000);
	const { bulk } = stage;
	assert.equal(bulk.setAside(70_001, 80_000), 0);
	assert.deepEqual([stage.calls, stage.drained], [["BLOCKED 70001"], 0]);
	stage.acknowledge(0, 70_000);
	assert.equal(stage.drained, 0, "nothing new");
	stage.acknowledge(0, 70_001);
	assert.equal(stage.drained, 1);
	assert.equal(bulk.setAside(70_001, 80_000), 70_001);
});

test("bulk: what is set aside counts for the connection, and goes back when everything is acknowledged", () => {
	const shares = new SendBudget({ connectionWindowBytes: 40_000, severalPeers: false });
	const [one, other] = [new Stage(2 ** 40, shares), new Stage(2 ** 40, shares)];
	assert.equal(one.bulk.setAside(1_000, 20_000), 20_000);
	one.bulk.wrote(2, 2_000);
	assert.equal(other.bulk.setAside(15_000, 15_000), 0, "30,000 in all");
	one.acknowledge(1, 2 ** 40);
	assert.deepEqual([one.givenBack, other.drained], [0, 0]);
	one.acknowledge(2, 2 ** 40);
	assert.deepEqual([one.givenBack, one.bulk.asideBytes, other.drained], [1, 0, 1]);
	assert.equal(other.bulk.setAside(15_000, 15_000), 15_000);
	assert.equal(shares.onItsWayBytes, 15_000);
	// If not all that is wanted fits, what is needed will do.
	assert.equal(one.bulk.setAside(10_000, 20_000), 10_000);
	one.handler.reset(0);
	assert.equal(shares.onItsWayBytes, 15_000);
});

test("bulk: units of a shared count are this stream's as long as it follows, and an ACK of more than that is found out", () => {
	const shared = { units: 7, costBytes: 700 };
	const stage = new Stage(2 ** 40);
	const { bulk, exchange } = stage;
	bulk.setAside(10_000, 10_000);
	bulk.follow(shared);
	shared.units += 3;
	shared.costBytes += 300;
	stage.acknowledge(3, 2 ** 40);
	assert.deepEqual([exchange.sending.sent, exchange.sending.acked, stage.failed], [3, 3, undefined]);
	bulk.setAside(1_000, 1_000);
	shared.units += 2;
	shared.costBytes += 200;
	bulk.leave();
	shared.units += 5;
	shared.costBytes += 500;
	assert.deepEqual([exchange.sending.sent, bulk.asideBytes], [5, 800]);
	stage.acknowledge(6, 2 ** 40);
	assert.equal(stage.failed, "FRAME_INVALID");
});

test("bulk: the last unit comes after all that was written beside the machine", () => {
	const shared = { units: 0, costBytes: 0 };
	const { bulk, exchange } = new Stage(2 ** 40);
	bulk.setAside(1_000, 1_000);
	bulk.follow(shared);
	shared.units = 4;
	shared.costBytes = 400;
	exchange.close(0);
	assert.equal(exchange.sending.lastNumber, 5);
});

test("bulk: no stream ever goes beyond its limit or its connection, whatever is written and acknowledged when", () => {
	for (let seed = 1; seed <= 40; seed++) {
		const random = seededRandom(seed);
		const below = (count: number): number => Math.floor(random.fraction() * count);
		const total = 30_000 + below(100_000);
		const shares = new SendBudget({ connectionWindowBytes: Math.ceil((total * 4) / 3), severalPeers: false });
		const shared: SharedCount & { units: number; costBytes: number } = { units: 0, costBytes: 0 };
		const streams = Array.from({ length: 4 }, () => ({ stage: new Stage(0, shares), limit: 65_536, cost: 0, units: 0, costs: [0], acked: 0, until: -1 }));
		const onItsWay = (): number => streams.reduce((sum, one) => sum + one.cost - (one.costs[one.acked] as number), 0);
		const wrote = (one: (typeof streams)[number], cost: number): void => {
			one.units++;
			one.cost += cost;
			one.costs.push(one.cost);
			assert.ok(one.cost <= one.limit, `seed ${seed}`);
		};
		let written = 0;
		for (let i = 0; i < 1_500; i++) {
			const cost = 64 + below(3_000);
			const one = streams[below(4)] as (typeof streams)[number];
			const { bulk } = one.stage;
			switch (below(5)) {
				case 0:
					// To all that follow. Those that have no room cease to.
					for (const each of streams) {
						if (each.until < 0 || shared.costBytes + cost <= each.until) continue;
						const aside = each.stage.bulk.setAside(cost, 8_000);
						if (aside >= cost) each.until = shared.costBytes + aside;
						else {
							each.stage.bulk.leave();
							each.until = -1;
						}
					}
					shared.units++;
					shared.costBytes += cost;
					for (const each of streams) if (each.until >= 0) wrote(each, cost);
					break;
				case 1:
					if (bulk.setAside(cost, cost) >= cost) {
						bulk.wrote(1, cost);
						wrote(one, cost);
						written++;
						if (one.until >= 0) one.until = shared.costBytes + bulk.asideBytes;
					}
					break;
				case 2:
					if (one.until >= 0) break;
					bulk.follow(shared);
					one.until = shared.costBytes + bulk.asideBytes;
					break;
				default: {
					const { givenBack } = one.stage;
					one.acked = Math.min(one.units, one.acked + below(12));
					one.limit = Math.max(one.limit, (one.costs[one.acked] as number) + 30_000 + below(40_000));
					one.stage.acknowledge(one.acked, one.limit);
					if (one.stage.givenBack > givenBack && one.until >= 0) one.until = shared.costBytes;
				}
			}
			assert.ok(onItsWay() <= total, `seed ${seed}: ${onItsWay()} of ${total}`);
			assert.ok(shares.onItsWayBytes <= total && shares.onItsWayBytes >= onItsWay());
			assert.ok(streams.every(({ stage }) => stage.failed === undefined));
		}
		assert.ok(written > 30);
		for (const one of streams) {
			one.stage.acknowledge(one.units, one.limit);
			one.stage.bulk.leave();
		}
		assert.equal(shares.onItsWayBytes, 0, "everything went back");
	}
});
