import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Heard } from "../test/support/heard.ts";
import { type Ends, endpoint, ends, join, link, listening } from "../test/support/link.ts";
import type { StreamHandler } from "./index.ts";

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
	const heard: StreamHandler = Object.create(new Heard());
	heard.frame = (_, payload) => frame(payload);
	return heard;
}

const EMPTY = new Uint8Array(0);
const FIRST = { kind: 1, payload: EMPTY };

/** `count` clients of one server, each with one stream whose frames go to `frame`, with the number of the client. */
async function clients(t: TestContext, count: number, frame: (client: number, payload: Uint8Array) => void): Promise<Ends["near"][]> {
	const server = endpoint(t);
	server.listen(listening());
	const made: Ends["near"][] = [];
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
		made.push(dialled.openStream(new Heard(), { highWaterBytes: 1 << 20 }, FIRST));
		await arrived;
	}
	return made;
}

test("turns: between a question and its answer, 8 connections that flood tiny frames get no more than their turns", async (t) => {
	const FLOODS = 8;
	let flooded = 0;
	let asked: { readonly from: number; readonly resolve: (waited: number) => void } | undefined;
	const near = await clients(t, FLOODS + 1, (client) => {
		if (client < FLOODS) flooded++;
		else asked?.resolve(flooded - asked.from);
	});
	const honest = near.pop() as Ends["near"];
	let over = false;
	const flood = (): void => {
		if (over) return;
		for (const stream of near) for (let i = 0; i < 2_000 && stream.queuedBytes < 100_000; i++) stream.write(0, EMPTY);
		setImmediate(flood);
	};
	flood();
	while (flooded < 20_000) await round();
	for (let question = 0; question < 10; question++) {
		sleep(20); // everything has piled up
		const waited = await new Promise<number>((resolve) => {
			honest.write(0, EMPTY);
			sleep(50); // the question is here, behind all the others
			asked = { from: flooded, resolve };
		});
		// One turn of each other connection, what was fetched before, and what comes before a busy machine has passed the question on.
		assert.ok(waited <= 4_000, `${waited} records`);
	}
	over = true;
	for (const stream of [...near, honest]) stream.reset(0);
});

test("turns: whatever handlers do, an immediate runs after few records", async (t) => {
	for (const where of ["handler", "promise"]) {
		let count = 0;
		const burn = (): void => {
			const end = performance.now() + 1;
			while (performance.now() < end);
		};
		const [near] = await clients(t, 1, () => {
			count++;
			if (where === "handler") burn();
			else void Promise.resolve().then(burn);
		});
		for (let i = 0; i < 3_000; i++) near?.write(0, EMPTY);
		sleep(200);
		let most = 0;
		let before = 0;
		let turns = 0;
		while (count < 3_000) {
			await round();
			if (turns++ > 0) most = Math.max(most, count - before); // it learns from the first what promises cost
			before = count;
		}
		assert.ok(most <= (where === "handler" ? 16 : 128), `${where}: ${most} records in a turn`);
	}
});

test("turns: records that cost nothing come in hundreds and more", async (t) => {
	let count = 0;
	const [near] = await clients(t, 1, () => count++);
	for (let i = 0; i < 4_000; i++) near?.write(0, EMPTY);
	sleep(200);
	let most = 0;
	while (count < 4_000) {
		const before = count;
		await round();
		most = Math.max(most, count - before);
	}
	assert.ok(most >= 200, `${most}`);
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
	sleep(200);
	control.near.write(0, EMPTY);
	sleep(200);
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
