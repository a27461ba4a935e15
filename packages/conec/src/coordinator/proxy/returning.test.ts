import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import type { IncomingStream } from "../../transport/transport.ts";
import type { Session } from "../sessions/index.ts";
import { type ReturningLeg, ReturningLegs } from "./returning.ts";

function scene(waitingOpens = 100) {
	const clock = createVirtualClock();
	const legs = new ReturningLegs({ waitingOpens }, clock);
	const rejected: string[] = [];
	const session = (id: string): Session => ({ id, poolKeys: [id] }) as unknown as Session;
	const leg = (from: Session, to: string, name = ""): ReturningLeg => {
		const wire = { write: () => 0, finish: () => void rejected.push(`${from.id}${name}>${to} at ${clock.now()}`), stop: () => undefined };
		return { from, to, open: { id: 1, to }, incoming: { accept: () => wire } as unknown as IncomingStream };
	};
	return { clock, legs, rejected, session, leg };
}

test("returning: those that wait for a Client go on in their order when it is there, and each only once", async () => {
	const { clock, legs, rejected, session, leg } = scene();
	const [ann, ben] = [session("ann"), session("ben")];
	const waiting = [leg(ann, "cleo"), leg(ben, "cleo"), leg(ann, "dan"), leg(ann, "cleo")];
	for (const one of waiting) assert.equal(legs.add(one), true);
	assert.deepEqual(
		legs.take("cleo").map(({ from }) => from.id),
		["ann", "ben", "ann"],
	);
	assert.deepEqual([legs.take("cleo"), legs.size, clock.pending], [[], 1, 1]);
	assert.equal(legs.take("dan").length, 1);
	await clock.advance(60_000);
	assert.deepEqual([rejected, legs.size, clock.pending], [[], 0, 0]);
});

test("returning: each waits for 8 s at most, on one timer, and then is told that the peer is not connected", async () => {
	const { clock, legs, rejected, session, leg } = scene();
	legs.add(leg(session("ann"), "cleo"));
	await clock.advance(3_000);
	legs.add(leg(session("ben"), "dan"));
	assert.equal(clock.pending, 1);
	await clock.advance(20_000);
	assert.deepEqual([rejected, legs.size, clock.pending], [["ann>cleo at 8000", "ben>dan at 11000"], 0, 0]);
});

test("returning: no more wait than waitingOpens, one opener leaves room for others, and those of one that has gone are forgotten", async () => {
	const { clock, legs, session, leg } = scene();
	const [ann, ben] = [session("ann"), session("ben")];
	let kept = 0;
	for (let count = 0; count < 10_000; count++) if (legs.add(leg(ann, `peer${count}`))) kept++;
	assert.ok(kept === legs.size && kept >= 90 && kept < 100, `${kept}`);
	assert.equal(legs.add(leg(ben, "cleo")), true);
	legs.left(ann);
	assert.equal(legs.size, 1);
	legs.end();
	assert.deepEqual([legs.size, clock.pending], [0, 0]);
	assert.equal(scene(0).legs.add(leg(ann, "cleo")), false);
});
