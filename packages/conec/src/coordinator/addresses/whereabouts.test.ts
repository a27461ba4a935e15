import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { ChallengeBudget } from "./challenge-budget.ts";
import { SWEEP_MS, TICK_MS, Whereabouts } from "./whereabouts.ts";

const EVERYBODY = 10_000;

class Idle {
	looks = 0;
	at: { readonly address: string; readonly port: number };
	readonly acceptedFrom: { readonly address: string; readonly port: number };
	readonly connection: { readonly remoteAddress: { readonly address: string; readonly port: number } };

	constructor(n: number) {
		this.acceptedFrom = { address: `192.0.2.${n % 250}`, port: 1_024 + n };
		this.at = this.acceptedFrom;
		const look = (): { readonly address: string; readonly port: number } => {
			this.looks++;
			return this.at;
		};
		this.connection = {
			get remoteAddress() {
				return look();
			},
		};
	}
}

function create() {
	const clock = createVirtualClock();
	const sent: string[] = [];
	const whereabouts = new Whereabouts<Idle>({
		clock,
		challenges: new ChallengeBudget({ challengesPerMinute: 30, punchAddresses: 10 }),
		isOwn: () => false,
		sendDatagram: (_, { address, port }) => sent.push(`${address}:${port}`) > 0,
	});
	return { clock, sent, whereabouts };
}

test("whereabouts: each of 10,000 idle Clients is looked at once a second, in turns of a thousand, also while some come and go", async () => {
	const { clock, sent, whereabouts } = create();
	const idle = Array.from({ length: EVERYBODY }, (_, n) => new Idle(n));
	for (const one of idle) whereabouts.enter(one);
	whereabouts.tick();
	assert.equal(whereabouts.busy, true);
	for (const one of idle) one.looks = 0;
	for (let turn = 0; turn < (10 * SWEEP_MS) / TICK_MS; turn++) {
		await clock.advance(TICK_MS);
		const before = idle.reduce((sum, { looks }) => sum + looks, 0);
		whereabouts.tick();
		const looks = idle.reduce((sum, { looks }) => sum + looks, 0) - before;
		assert.ok(looks <= EVERYBODY / 10, `${looks} in one turn`);
		const gone = idle[turn] as Idle;
		whereabouts.leave(gone);
		whereabouts.enter(gone);
	}
	assert.ok(idle.slice(200).every(({ looks }) => looks >= 9 && looks <= 11));
	(idle[5_000] as Idle).at = { address: "198.51.100.7", port: 7 };
	for (let turn = 0; turn <= SWEEP_MS / TICK_MS; turn++) {
		await clock.advance(TICK_MS);
		whereabouts.tick();
	}
	assert.deepEqual([...new Set(sent)], ["198.51.100.7:7"]);
});

test("whereabouts: few Clients need a look a second and nothing between", async () => {
	const { clock, sent, whereabouts } = create();
	const one = new Idle(1);
	whereabouts.enter(one);
	whereabouts.tick();
	assert.equal(whereabouts.busy, false);
	one.looks = 0;
	for (let turn = 0; turn < 10; turn++) {
		await clock.advance(SWEEP_MS);
		whereabouts.tick();
		whereabouts.tick();
	}
	assert.deepEqual([one.looks, sent, whereabouts.moving(one)], [10, [], false]);
});

test("whereabouts: where nothing may be sent to, no answer is waited for, and it is asked again when it may be", async () => {
	const { clock, sent, whereabouts } = create();
	const many = Array.from({ length: 40 }, (_, n) => new Idle(n));
	for (const one of many) {
		whereabouts.enter(one);
		one.at = { address: "198.51.100.7", port: one.at.port };
	}
	whereabouts.tick();
	const moving = (): number => many.filter((one) => whereabouts.moving(one)).length;
	assert.deepEqual([sent.length, moving()], [30, 30]);
	assert.equal(many.filter((one) => whereabouts.unproven(one)).length, 40, "nobody knows where the others are either");
	for (const one of many.slice(0, 30)) whereabouts.leave(one);
	// What could not be sent does not count against those for whom it was.
	for (let turn = 0; turn < 50; turn++) {
		await clock.advance(20);
		for (const one of many) whereabouts.heard(one);
	}
	await clock.advance(62_000);
	whereabouts.tick();
	assert.equal(moving(), 10);
	for (const one of many) whereabouts.leave(one);
	assert.deepEqual([whereabouts.size, whereabouts.busy, moving()], [0, false, 0]);
});
