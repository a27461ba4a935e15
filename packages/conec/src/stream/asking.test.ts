import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../testing/memory/virtual-clock.ts";
import { connectEnds, type Ends, OPEN } from "../../testing/stream-fixture.ts";
import { Recorder } from "../../testing/transport/suite-recorder.ts";
import { resolveLimits } from "../limits.ts";
import { FRAME } from "../wire/frames.ts";
import { decodeCount } from "../wire/stream-frames.ts";
import type { LegWire } from "./exchange/index.ts";
import { StreamBudgets } from "./flow.ts";
import { openMessageStream } from "./open-stream.ts";
import { StreamShell } from "./shell.ts";
import { AckSchedule, SendBudget, UNIT_COST_BYTES } from "./windows/index.ts";

const KiB = 1_024;
const SUBJECT = { peer: "bob", describe: "stream 1", lostCode: "PEER_LOST" } as const;

function onEnds(behaviour: string, run: (ends: Ends) => Promise<void>): void {
	test(`stream asking: ${behaviour}`, { timeout: 300_000 }, async () => {
		const ends = await connectEnds();
		try {
			await run(ends);
		} finally {
			await ends.close();
		}
	});
}

onEnds("what the first message needs is asked right behind OPEN", async (ends) => {
	const opening = openMessageStream(ends.near, OPEN, ends.init(), { early: true });
	const stream = await opening;
	const sent = stream.send(new Uint8Array(100 * KiB));
	const raw = new Recorder().accept(await ends.incoming());
	const [blocked] = await raw.framesOf(1);
	assert.deepEqual([blocked?.kind, decodeCount(blocked?.payload ?? new Uint8Array(0))], [FRAME.BLOCKED, 100 * KiB + UNIT_COST_BYTES]);
	stream.reset();
	await assert.rejects(sent, { code: "STREAM_CLOSED" });
});

for (const [name, bytes] of [
	["empty messages", 0],
	["messages of 1 KiB", KiB],
	["messages of 64 KiB", 64 * KiB],
] as const) {
	onEnds(`a reader that has stopped holds its window and no more: ${name}`, async (ends) => {
		const { near, far } = await ends.streams();
		let sent = 0;
		for (let waits = 0; waits < 3; ) {
			if (near.trySend(new Uint8Array(bytes))) {
				sent++;
				continue;
			}
			// What is under way arrives, and so do the questions and their answers.
			waits++;
			await new Promise((resolve) => setTimeout(resolve, 20));
		}
		assert.equal(far.waitingMessages, sent);
		const held = sent * (bytes + UNIT_COST_BYTES);
		assert.ok(held <= 257 * KiB && held > 257 * KiB - (bytes + UNIT_COST_BYTES), `${held} bytes`);
		// A longest message still goes, once everything before it is taken.
		const long = near.send(new Uint8Array(1_024 * KiB));
		for (let taken = 0; taken < sent; taken++) await far.receive();
		assert.equal((await far.receive())?.length, 1_024 * KiB);
		await long;
		near.reset();
		far.reset();
	});
}

test("stream asking: only for a long message BLOCKED goes ahead of what waits", () => {
	const log: [string, number][] = [];
	const wire: LegWire = {
		write: (kind) => log.push(["write", kind]),
		writeUrgent: (kind) => log.push(["urgent", kind]),
		writeFrames: () => assert.fail("nothing goes again"),
		queuedBytes: 0,
		...{ finish() {}, reset() {}, stop() {}, consumed() {} },
	};
	const clock = createVirtualClock();
	const limits = resolveLimits();
	const { exchange, sending } = new StreamShell("acceptor", SUBJECT, limits, {
		clock,
		budgets: new StreamBudgets(limits, clock),
		survival: undefined,
	});
	const shares = new SendBudget({ connectionWindowBytes: 16_777_216, severalPeers: false });
	exchange.accept(() => ({ wire, shares, acks: new AckSchedule(clock) }), { limit: 64 * KiB, messageBytes: 1_024 * KiB });
	assert.ok(sending.trySend(new Uint8Array(60 * KiB)));
	assert.ok(!sending.trySend(new Uint8Array(10 * KiB)));
	assert.ok(!sending.trySend(new Uint8Array(10 * KiB)), "and it is asked for once");
	assert.ok(!sending.trySend(new Uint8Array(256 * KiB)));
	assert.deepEqual(log, [
		["urgent", FRAME.RESUMABLE],
		["write", FRAME.DATA],
		["write", FRAME.BLOCKED],
		["urgent", FRAME.BLOCKED],
	]);
});

test("stream asking: a send that is aborted gives up its place in the budget of the connection", async () => {
	const clock = createVirtualClock();
	const limits = resolveLimits();
	const shares = new SendBudget({ connectionWindowBytes: 4_194_304, severalPeers: false });
	const wire: LegWire = { write: () => 0, writeFrames: () => 0, queuedBytes: 0, ...{ finish() {}, reset() {}, stop() {}, consumed() {} } };
	const make = (): StreamShell => {
		const shell = new StreamShell("acceptor", SUBJECT, limits, { clock, budgets: new StreamBudgets(limits, clock) });
		shell.exchange.accept(() => ({ wire, shares, acks: new AckSchedule(clock) }), { limit: 2 ** 40, messageBytes: 1_024 * KiB });
		return shell;
	};
	const [aborted, other] = [make(), make()];
	// Little is left of three quarters.
	shares.open("bob", false, () => {}).wrote(3_145_728 - 64 * KiB);
	const abort = new AbortController();
	const waiting = aborted.sending.send(new Uint8Array(1_024 * KiB), abort.signal);
	assert.ok(!other.sending.trySend(new Uint8Array(KiB)), "the long one holds it up");
	abort.abort();
	await assert.rejects(waiting, { name: "AbortError" });
	assert.ok(other.sending.trySend(new Uint8Array(KiB)));
});
