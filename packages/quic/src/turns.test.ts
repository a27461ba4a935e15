import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Heard } from "../test/support/heard.ts";
import { type Ends, endpoint, ends, join, link, listening } from "../test/support/link.ts";
import type { Connection, Stream, StreamHandler } from "./index.ts";

/** Lets the event loop go round once. */
function round(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}

/** This thread sleeps, while its I/O thread sends and receives. */
function sleep(ms: number): void {
	Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** What `far` hears, with what `frame` does for each. */
function handler(frame: (payload: Uint8Array) => void): StreamHandler {
	const heard = new Heard();
	heard.frame = (_, payload) => frame(payload);
	return heard;
}

const EMPTY = new Uint8Array(0);
const FIRST = { kind: 1, payload: EMPTY };

/** This thread sleeps until nothing more comes in: its I/O thread has it all. Where the machine wakes this thread late, it may not have run that one either. */
function sleepUntilQuiet(connections: readonly Connection[]): void {
	const end = performance.now() + 10_000;
	let before = -1;
	for (let quiet = 0; quiet < 3 && performance.now() < end; ) {
		const from = performance.now();
		sleep(40);
		const inTime = performance.now() - from < 60;
		const now = connections.reduce((sum, connection) => sum + connection.stats().receivedDatagrams, 0);
		quiet = now === before && inTime ? quiet + 1 : 0;
		before = now;
	}
}

interface Sender {
	readonly near: Stream;
	/** The server's side of its connection. */
	readonly accepted: Connection;
}

/** `count` clients of one server, each with one stream whose frames go to `frame`, with the number of the client. */
async function clients(t: TestContext, count: number, frame: (client: number, payload: Uint8Array) => void): Promise<Sender[]> {
	const server = endpoint(t);
	server.listen(listening());
	const made: Sender[] = [];
	for (let i = 0; i < count; i++) {
		const { dialled, accepted } = await join(endpoint(t), server);
		const arrived = new Promise<void>((resolve) => {
			accepted.onStream = (incoming) => {
				const far = incoming.accept(
					handler((payload) => {
						far.consumed(payload.length);
						frame(i, payload);
					}),
				);
				resolve();
			};
		});
		made.push({ near: dialled.openStream(new Heard(), { highWaterBytes: 1 << 20 }, FIRST), accepted });
		await arrived;
	}
	return made;
}

test("turns: between a question and its answer, 8 connections that flood tiny frames get no more than their turns", async (t) => {
	const FLOODS = 8;
	const FRAMES = 4_000;
	let flooded = 0;
	let answered: () => void = () => undefined;
	const all = await clients(t, FLOODS + 1, (client) => {
		if (client < FLOODS) flooded++;
		else answered();
	});
	const connections = all.map(({ accepted }) => accepted);
	const honest = all.pop() as Sender;
	const waited: number[] = [];
	for (let question = 1; question <= 5; question++) {
		for (const { near } of all) for (let i = 0; i < FRAMES; i++) near.write(0, EMPTY);
		await Promise.resolve(); // they leave at the end of the tick
		sleepUntilQuiet(connections); // they wait
		const from = flooded;
		const answer = new Promise<number>((resolve) => {
			answered = () => resolve(flooded - from);
		});
		const { receivedDatagrams } = honest.accepted.stats();
		honest.near.write(0, EMPTY);
		await Promise.resolve();
		while (honest.accepted.stats().receivedDatagrams === receivedDatagrams) sleep(10);
		sleepUntilQuiet(connections); // the question waits behind them
		waited.push(await answer);
		while (flooded < question * FLOODS * FRAMES) await round();
	}
	// One turn of each other connection, and what was fetched before. A machine that is busy may be late once with a question.
	const median = waited.sort((a, b) => a - b)[2] as number;
	assert.ok(median <= FLOODS * 64 + 2 * 512, `${waited} of ${FLOODS * FRAMES} records came first`);
});

test("turns: whatever handlers do, an immediate runs after few records", async (t) => {
	for (const where of ["handler", "promise"]) {
		let count = 0;
		const burn = (): void => {
			const end = performance.now() + 0.2;
			while (performance.now() < end);
		};
		const [sender] = await clients(t, 1, () => {
			count++;
			if (where === "handler") burn();
			else void Promise.resolve().then(burn);
		});
		for (let i = 0; i < 1_500; i++) sender?.near.write(0, EMPTY);
		await Promise.resolve();
		sleep(200);
		let most = 0;
		let before = 0;
		let turns = 0;
		while (count < 1_500) {
			await round();
			if (turns++ > 0) most = Math.max(most, count - before); // it learns from the first what promises cost
			before = count;
		}
		assert.ok(most <= (where === "handler" ? 64 : 128), `${where}: ${most} records in a turn`);
	}
});

test("turns: records that cost nothing come in hundreds and more", async (t) => {
	let count = 0;
	const [sender] = await clients(t, 1, () => count++);
	for (let i = 0; i < 4_000; i++) sender?.near.write(0, EMPTY);
	await Promise.resolve();
	sleep(200);
	let most = 0;
	while (count < 4_000) {
		const before = count;
		await round();
		most = Math.max(most, count - before);
	}
	assert.ok(most >= 200, `${most}`);
});

test("caught up: a timer that asks first runs behind what had come before, and 500 ms later at most where it never ends", async (t) => {
	let count = 0;
	const [sender] = await clients(t, 1, () => {
		count++;
		const end = performance.now() + 0.2;
		while (performance.now() < end);
	});
	const { near, accepted } = sender as Sender;
	const server = endpoint(t); // any one of this process
	for (const burst of [0, 100]) {
		for (let i = 0; i < burst; i++) near.write(0, EMPTY);
		await Promise.resolve();
		sleepUntilQuiet([accepted]); // they wait
		await server.caughtUp();
		assert.equal(count, burst);
	}
	let flooding = true;
	const flood = (): void => {
		for (let i = 0; i < 100; i++) near.write(0, EMPTY);
		if (flooding) setImmediate(flood);
	};
	flood();
	for (let i = 0; i < 20; i++) await round();
	const from = performance.now();
	await server.caughtUp();
	assert.ok(performance.now() - from < 20_000, "it ends");
	flooding = false;
});

test("control: what a control stream brings is delivered ahead of what waits on the connection's other streams", async (t) => {
	const { dialled, accepted } = await link(t);
	const order: string[] = [];
	const data = await ends(dialled, accepted, { far: { creditBytes: 1 << 20 } });
	const control = await ends(dialled, accepted, { near: { priority: 1 }, far: { control: true } });
	for (const [name, { farHeard }] of [
		["data", data],
		["control", control],
	] as const) {
		const frame = farHeard.frame.bind(farHeard);
		farHeard.frame = (kind, payload) => {
			order.push(name);
			frame(kind, payload);
		};
	}
	for (let i = 0; i < 3_000; i++) data.near.write(0, EMPTY);
	await Promise.resolve(); // they leave at the end of the tick
	sleepUntilQuiet([accepted]);
	control.near.write(0, EMPTY);
	await Promise.resolve();
	sleepUntilQuiet([accepted]);
	await Promise.all([data.farHeard.untilCount(3_000), control.farHeard.untilCount(1)]);
	assert.ok(order.indexOf("control") < 1_000, `${order.indexOf("control")}`);
});

test("control: streams of a connection keep their ends in order, and the connection's end comes last", async (t) => {
	const { dialled, accepted } = await link(t);
	const order: string[] = [];
	const data = await ends(dialled, accepted);
	const control = await ends(dialled, accepted, { far: { control: true } });
	for (const [name, { farHeard }] of [
		["data", data],
		["control", control],
	] as const) {
		const end = farHeard.end.bind(farHeard);
		farHeard.end = () => {
			order.push(`${name} ended after ${farHeard.count}`);
			end();
		};
	}
	void accepted.closed.then(() => order.push("closed"));
	for (let i = 0; i < 2_000; i++) data.near.write(0, EMPTY);
	control.near.write(0, EMPTY);
	data.near.finish();
	control.near.finish();
	await Promise.all([data.nearHeard.until("finished"), control.nearHeard.until("finished")]);
	dialled.close(0);
	sleep(200);
	await accepted.closed;
	assert.deepEqual(order.sort(), ["closed", "control ended after 1", "data ended after 2000"]);
});

test("flood: streams that had to wait because too much waited for JS go on, and nothing of them is lost", async (t) => {
	const STREAMS = 40;
	const FRAMES = 4_000;
	const { dialled, accepted } = await link(t);
	const all: Ends[] = [];
	for (let i = 0; i < STREAMS; i++) all.push(await ends(dialled, accepted));
	for (const { near, farHeard } of all) {
		farHeard.keep = false;
		for (let i = 0; i < FRAMES; i++) near.write(0, EMPTY);
		near.finish();
	}
	sleep(300);
	await Promise.all(all.map(({ farHeard }) => farHeard.until("end")));
	for (const { farHeard } of all) assert.equal(farHeard.count, FRAMES);
});
