/**
 * Resumable streams that move between the direct and the proxied path, on virtual time: how long they pause, and what is sent twice.
 */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Client, censusOfClient } from "../packages/conec/src/client/client.ts";
import type { ClientOptions } from "../packages/conec/src/client/options.ts";
import type { MessageStream } from "../packages/conec/src/stream/message-stream.ts";
import { FRAME } from "../packages/conec/src/wire/frames.ts";
import { MemoryStream } from "../packages/conec/testing/memory/stream.ts";
import { type Machine, World } from "../packages/conec/testing/world.ts";

/** One way between any two machines. */
const DELAY_MS = 20;
const DIRECT_MS = 2 * DELAY_MS;
const PROXIED_MS = 4 * DELAY_MS;
/** What is allowed beside a round trip. */
const MORE_MS = 10;
/** A message every so often. */
const EVERY_MS = 2;

interface Scene {
	readonly world: World;
	readonly ann: Client;
	readonly ben: Client;
	readonly machines: { readonly ann: Machine; readonly ben: Machine; readonly coordinator: Machine };
	/** Opens a stream and takes it at the other side. */
	readonly pair: (options: Parameters<Client["openStream"]>[1]) => Promise<[MessageStream, MessageStream]>;
	/** Lets time pass until something is so. Fails after `withinMs`; gives how long it took. */
	readonly until: (condition: () => boolean, withinMs?: number) => Promise<number>;
}

async function scene(t: TestContext, options: { readonly ann?: Partial<ClientOptions>; readonly ben?: Partial<ClientOptions> } = {}): Promise<Scene> {
	const world = new World({ seed: 1, delayMs: DELAY_MS });
	const { clock } = world;
	await clock.until(world.listen(), 1_000);
	const machines = { ann: world.machine("ann"), ben: world.machine("ben"), coordinator: world.coordinatorMachine as Machine };
	const [ann, ben] = await clock.until(
		Promise.all([world.connect(machines.ann, "ann", { id: "ann", ...options.ann }), world.connect(machines.ben, "ben", { id: "ben", ...options.ben })]),
		1_000,
	);
	t.after(() => {
		for (const one of [ann, ben, world.coordinator]) one?.destroy();
	});
	const taken: MessageStream[] = [];
	void (async () => {
		for await (const stream of ben.incomingStreams) taken.push(stream);
	})().catch(() => undefined);
	const until: Scene["until"] = async (condition, withinMs = 30_000) => {
		const sinceMs = clock.now();
		while (!condition()) {
			assert.ok(clock.now() - sinceMs < withinMs, `not within ${withinMs} ms: ${condition}`);
			await clock.advance(1);
		}
		return clock.now() - sinceMs;
	};
	const pair: Scene["pair"] = async (how) => {
		const near = await clock.until(ann.openStream("ben", how), 10_000);
		await until(() => taken.length > 0);
		return [near, taken.shift() as MessageStream];
	};
	return { world, ann, ben, machines, pair, until };
}

/** Numbered messages that go one way all the time, and when they came. */
class Flow {
	sent = 0;
	received = 0;
	/** The longest time between two messages at the reader since the last {@link look}. */
	#longestMs = 0;
	#lastMs: number | undefined;
	#stopped = false;
	readonly #world: World;
	readonly #bytes: number;
	readonly #everyMs: number;

	constructor(world: World, from: MessageStream, to: MessageStream, bytes = 1_000, everyMs = EVERY_MS) {
		this.#world = world;
		[this.#bytes, this.#everyMs] = [bytes, everyMs];
		void this.#write(from).catch(() => undefined);
		void this.#read(to).catch(() => undefined);
	}

	/** The longest time without a message until now, and since the last look. */
	look(): number {
		const longestMs = Math.max(this.#longestMs, this.#world.clock.now() - (this.#lastMs ?? this.#world.clock.now()));
		this.#longestMs = 0;
		return longestMs;
	}

	stop(): void {
		this.#stopped = true;
	}

	async #write(stream: MessageStream): Promise<void> {
		const { clock } = this.#world;
		while (!this.#stopped) {
			const message = new Uint8Array(this.#bytes);
			new DataView(message.buffer).setUint32(0, this.sent++);
			await stream.send(message);
			if (this.#everyMs > 0) await new Promise<void>((resolve) => clock.setTimeout(resolve, this.#everyMs));
		}
		await stream.close();
	}

	async #read(stream: MessageStream): Promise<void> {
		for await (const message of stream) {
			const nowMs = this.#world.clock.now();
			assert.equal(new DataView(message.buffer, message.byteOffset).getUint32(0), this.received, "messages come in order, none twice, none missing");
			this.received++;
			if (this.#lastMs !== undefined) this.#longestMs = Math.max(this.#longestMs, nowMs - this.#lastMs);
			this.#lastMs = nowMs;
		}
	}
}

/** Counts the messages that the ends of streams write, those that they write again too, until the end of the test. */
function countWrites(t: TestContext): { messages: number; replays: number } {
	const counts = { messages: 0, replays: 0 };
	const { write, writeFrames } = MemoryStream.prototype;
	MemoryStream.prototype.write = function (kind, payload) {
		if (kind === FRAME.DATA) counts.messages++;
		return write.call(this, kind, payload);
	};
	MemoryStream.prototype.writeFrames = function (frames) {
		counts.replays++;
		return writeFrames.call(this, frames);
	};
	t.after(() => Object.assign(MemoryStream.prototype, { write, writeFrames }));
	return counts;
}

const RESUMABLE = { resumable: true } as const;
const onBoth = (path: "direct" | "proxied", ...streams: readonly MessageStream[]): boolean => streams.every((stream) => stream.path === path);

for (const [what, options, reachable] of [
	["with a direct path", {}, true],
	["with a peer that takes no channels", { ben: { listen: false } }, true],
	["where nothing gets through directly", {}, false],
] as const) {
	test(`auto and resumable: opening takes one round trip over the Coordinator, ${what}`, async (t) => {
		const { world, ann, machines, pair, until } = await scene(t, options);
		if (!reachable) world.separate(machines.ann, machines.ben);
		for (let count = 0; count < 3; count++) {
			const sinceMs = world.clock.now();
			await world.clock.until(ann.openStream("ben", RESUMABLE), 10_000);
			const tookMs = world.clock.now() - sinceMs;
			assert.ok(tookMs <= PROXIED_MS + MORE_MS, `${tookMs} ms`);
			await world.clock.advance(count * 300);
		}
		const [near] = await pair(RESUMABLE);
		if ("ben" in options || !reachable) {
			await world.clock.advance(20_000);
			assert.equal(near.path, "proxied");
		} else {
			await until(() => near.path === "direct");
		}
	});
}

for (const [load, bytes, everyMs, forMs] of [
	["a message every 2 ms", 1_000, 2, 500],
	["as much as there is room for", 50_000, 0, 200],
] as const) {
	test(`auto and resumable: from the Coordinator to a channel and back under load (${load}), nothing is sent twice, and the reader waits one round trip of the new path`, async (t) => {
		const writes = countWrites(t);
		const { world, ann, ben, pair, until } = await scene(t);
		const [near, far] = await pair(RESUMABLE);
		assert.ok(onBoth("proxied", near, far));
		const flows = [new Flow(world, near, far, bytes, everyMs), new Flow(world, far, near, bytes, everyMs)];
		await until(() => onBoth("direct", near, far));
		await world.clock.advance(forMs);
		const pauses: Record<string, number[]> = { direct: [], proxied: [] };
		for (const flow of flows) pauses["direct"]?.push(flow.look());
		for (const closing of [ann, ben]) {
			// Whoever closes the channel, the opener moves its streams before it ends.
			void closing.channels()[0]?.close();
			await until(() => onBoth("proxied", near, far));
			await world.clock.advance(forMs);
			for (const flow of flows) pauses["proxied"]?.push(flow.look());
			const channel = ann.openChannel("ben");
			await world.clock.until(channel, 10_000);
			await until(() => onBoth("direct", near, far));
			await world.clock.advance(forMs);
			for (const flow of flows) pauses["direct"]?.push(flow.look());
		}
		for (const flow of flows) flow.stop();
		await world.clock.until(Promise.all([near.closed, far.closed]), 10_000);
		const [one, other] = flows as [Flow, Flow];
		assert.deepEqual([one.received, other.received], [one.sent, other.sent]);
		t.diagnostic(`pauses in ms: ${JSON.stringify(pauses)}; ${one.sent + other.sent} messages`);
		// Who fills the window of a stream waits for a round trip of its path anyway, and is looked at since the path before.
		const mostMs = everyMs > 0 ? DIRECT_MS : PROXIED_MS;
		for (const ms of pauses["direct"] ?? []) assert.ok(ms <= mostMs + MORE_MS, `to the direct path: ${ms} ms`);
		for (const ms of pauses["proxied"] ?? []) assert.ok(ms <= PROXIED_MS + MORE_MS, `to the Coordinator: ${ms} ms`);
		assert.deepEqual(writes, { messages: one.sent + other.sent, replays: 0 }, "nothing is sent twice");
	});
}

test("auto and resumable: a channel that carries nothing any more is left after a second, and streams come back when it answers", async (t) => {
	const { world, machines, pair, until } = await scene(t);
	const [near, far] = await pair(RESUMABLE);
	const flows = [new Flow(world, near, far), new Flow(world, far, near)];
	await until(() => onBoth("direct", near, far));
	await world.clock.advance(500);
	for (const flow of flows) flow.look();
	const meet = world.separate(machines.ann, machines.ben);
	await until(() => onBoth("proxied", near, far));
	await world.clock.advance(1_000);
	const pauses = flows.map((flow) => flow.look());
	t.diagnostic(`pauses in ms: ${pauses.join(", ")}`);
	// A second without an answer, two looks, and the move. The accepting side waits a quarter of a second for what it has sent.
	for (const ms of pauses) assert.ok(ms <= 1_000 + 400 + 250 + 2 * PROXIED_MS, `${ms} ms`);
	assert.deepEqual([near.suspended, far.suspended], [false, false]);
	await world.clock.advance(4_000);
	meet();
	const backMs = await until(() => onBoth("direct", near, far));
	// It has failed soon after it was there, so there is a pause.
	assert.ok(backMs <= 5_000, `${backMs} ms`);
	for (const flow of flows) flow.stop();
	await world.clock.until(Promise.all([near.closed, far.closed]), 10_000);
	for (const flow of flows) assert.equal(flow.received, flow.sent);
});

test("auto and resumable: a side that only reads notices a dead channel, too", async (t) => {
	const { world, machines, pair, until } = await scene(t);
	const [near, far] = await pair(RESUMABLE);
	const flow = new Flow(world, far, near);
	await until(() => onBoth("direct", near, far));
	await world.clock.advance(500);
	flow.look();
	world.separate(machines.ann, machines.ben);
	await until(() => onBoth("proxied", near, far), 5_000);
	await world.clock.advance(1_000);
	const ms = flow.look();
	t.diagnostic(`pause: ${ms} ms`);
	// A second of silence before it asks, and a second without an answer.
	assert.ok(ms <= 2_000 + 800 + 2 * PROXIED_MS, `${ms} ms`);
	flow.stop();
	await Promise.all([world.clock.until(near.close(), 10_000), world.clock.until(near.closed, 10_000)]);
	assert.equal(flow.received, flow.sent);
});

test("auto and resumable: a direct path that fails again and again is taken less and less often", async (t) => {
	const { world, ann, machines, pair, until } = await scene(t);
	const [near, far] = await pair(RESUMABLE);
	await until(() => onBoth("direct", near, far));
	const waits: number[] = [];
	for (let count = 0; count < 4; count++) {
		await world.clock.advance(1_000);
		world.cut(machines.ann, machines.ben);
		await until(() => onBoth("proxied", near, far));
		const sinceMs = world.clock.now();
		// Somebody makes a channel each time.
		await world.clock.until(ann.openChannel("ben"), 10_000);
		await until(() => onBoth("direct", near, far), 120_000);
		waits.push(Math.round((world.clock.now() - sinceMs) / 1_000));
	}
	assert.deepEqual(waits, [5, 10, 20, 40]);
});

test("resumable: a stream on one path only stays there, also while it is suspended", async (t) => {
	const { world, ann, machines, pair, until } = await scene(t);
	const [direct] = await pair({ ...RESUMABLE, path: "direct" });
	const [proxied, atBen] = await pair({ ...RESUMABLE, path: "proxied" });
	assert.equal(ann.channels().length, 1);
	const meet = world.separate(machines.ann, machines.ben);
	const waitedMs = await until(() => direct.suspended, 30_000);
	assert.ok(waitedMs <= 16_000, `${waitedMs} ms`);
	let sent = false;
	void direct.send("for later").then(() => {
		sent = true;
	});
	await world.clock.advance(10_000);
	assert.deepEqual([sent, direct.suspended, direct.path, proxied.path, proxied.suspended], [false, true, "direct", "proxied", false]);
	meet();
	// The Client makes a channel again by itself.
	await until(() => !direct.suspended, 60_000);
	assert.deepEqual([direct.path, proxied.path, atBen.path], ["direct", "proxied", "proxied"]);
	await until(() => sent);
});

test("resumable: a peer that was restarted does not go on with its streams", async (t) => {
	const { world, ben, machines, pair } = await scene(t);
	const [near, far] = await pair(RESUMABLE);
	await world.clock.until(near.send("has it come?"), 1_000);
	world.kill(machines.ben);
	await world.clock.advance(500);
	const machine = world.machine("ben");
	const again = await world.clock.until(world.connect(machine, "ben", { id: "ben" }), 20_000);
	t.after(() => again.destroy());
	const { code } = await world.clock.until(near.closed, 60_000);
	assert.equal(code, "RESUME_UNKNOWN");
	await assert.rejects(near.close(), { code: "RESUME_UNKNOWN" });
	await assert.rejects(world.clock.until(near.receive(), 1_000), { code: "RESUME_UNKNOWN", peer: "ben" });
	ben.destroy();
	assert.ok((await far.closed).code !== undefined);
});

test("resumable: both ends fail with a code when no connection comes in time, the opener first", async (t) => {
	const { world, machines, pair, until } = await scene(t);
	const [near, far] = await pair({ resumable: { forMs: 5_000 }, path: "direct" });
	world.separate(machines.ann, machines.ben);
	await until(() => near.suspended && far.suspended, 80_000);
	const sinceMs = world.clock.now();
	const waiting = assert.rejects(near.receive(), { code: "RESUME_EXPIRED" });
	assert.equal((await world.clock.until(near.closed, 10_000)).code, "RESUME_EXPIRED");
	await waiting;
	assert.equal((await world.clock.until(far.closed, 30_000)).code, "RESUME_EXPIRED");
	assert.ok(world.clock.now() - sinceMs <= 26_000);
});

test("resumable: of 1,000 streams without a connection as many are kept as there may be, and the others fail with a code at both ends", async (t) => {
	const { world, ann, ben, machines, until } = await scene(t, {
		ann: { limits: { suspendedStreams: 400 } },
		ben: { limits: { suspendedStreams: 800, incomingStreams: 1_000 } },
	});
	const { clock } = world;
	const codes = new Map<string, number>();
	const open: MessageStream[] = [];
	await clock.until(ann.openChannel("ben"), 10_000);
	for (let count = 0; count < 1_000; count += 100) {
		const some = await clock.until(Promise.all(Array.from({ length: 100 }, () => ann.openStream("ben", { resumable: true, path: "direct" }))), 10_000);
		open.push(...some);
	}
	for (const stream of open) void stream.closed.then(({ code = "none" }) => codes.set(code, (codes.get(code) ?? 0) + 1));
	world.separate(machines.ann, machines.ben);
	await until(() => open.filter(({ suspended }) => suspended).length === 100, 40_000);
	// A quarter of what there is room for may be one peer's.
	assert.deepEqual([...codes], [["RESUME_EXPIRED", 900]]);
	// Of those that have failed, a quarter of `doneStreams` is kept to tell the peer so if it comes back in time.
	assert.equal(censusOfClient(ann).survivors, 100 + 256);
	await until(() => censusOfClient(ben).survivors === 200, 80_000);
	await clock.advance(90_000);
	assert.deepEqual([...codes, censusOfClient(ann).survivors, censusOfClient(ben).survivors], [["RESUME_EXPIRED", 1_000], 0, 0]);
});
