import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../testing/memory/virtual-clock.ts";
import type { StreamHandler, TransportConnection } from "../transport/transport.ts";
import { CLOSE_CODES } from "../wire/codes.ts";
import { type ControlMessage, encodeControl } from "../wire/control.ts";
import { FRAME } from "../wire/frames.ts";
import { CHANNELS_LISTED } from "../wire/own-channels.ts";
import { COORDINATOR_DIALECT, type ControlStream, openControlStream } from "./control-stream.ts";

const limits = {
	controlQueueReplies: 256,
	controlQueueBytes: 262_144,
	controlMessagesPerSecond: 1_000_000,
	controlFrameTimeoutMs: 10_000,
	metadataBytes: 1_024,
};

/** As many as one message names. */
const CHANNELS = Array.from({ length: CHANNELS_LISTED }, () => ({
	token: "00112233445566778899aabbccddeeff",
	peer: "bob",
	fingerprint: `sha256:${"ab".repeat(32)}`,
}));

/** A control stream whose peer reads only when told to. */
function setup(changes: Partial<typeof limits> = {}) {
	const clock = createVirtualClock();
	const sent: Record<string, unknown>[] = [];
	const broken: [number, string][] = [];
	const heard: string[] = [];
	const slowed: number[] = [];
	/** `reads`: whatever is written goes at once. `takes`: it goes when QUIC is asked for all that was done before. */
	const state = { queued: 0, reads: false, takes: false, handler: undefined as StreamHandler | undefined, settled: Promise.resolve(), consumed: 0 };
	const stream = {
		connection: {
			settled: () => {
				if (state.takes) state.queued = 0;
				return state.settled;
			},
		} as TransportConnection,
		get queuedBytes() {
			return state.queued;
		},
		write(_kind: number, payload: Uint8Array) {
			sent.push(JSON.parse(Buffer.from(payload).toString()));
			if (state.reads) state.queued = 0;
			state.queued += payload.length + 4;
			return state.queued;
		},
		finish: () => sent.push({ fin: true }),
		reset: () => undefined,
		stop: () => undefined,
		consumed: (bytes: number) => {
			state.consumed += bytes;
		},
	};
	const connection = {
		openStream: (_header: unknown, handler: StreamHandler) => {
			state.handler = handler;
			return stream;
		},
	} as unknown as TransportConnection;
	const channel: ControlStream = openControlStream<ControlMessage>(
		COORDINATOR_DIALECT,
		connection,
		{ type: "hello", versions: [2], id: "a", key: "kept", capabilities: [] },
		{
			message: (message) => {
				heard.push(message.type);
				if (message.type === "peer-check") channel.send({ type: "peer-checked", request: message.request });
				if (message.type === "channel-list-wanted") channel.send({ type: "channel-list", channels: CHANNELS });
			},
			slowed: () => slowed.push(clock.now()),
			broken: (code, reason) => broken.push([code, reason]),
			finished: () => undefined,
		},
		{ ...limits, ...changes },
		clock,
	);
	const hear = (message: Parameters<typeof encodeControl>[0]): void => state.handler?.frame(FRAME.CONTROL, encodeControl(message));
	return { clock, channel, state, sent, broken, heard, slowed, hear };
}

/** Lets answers be sent that wait for nothing any more. */
function answers(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}

test("control channel: 256 answers may wait to be read, one more ends it, and nothing is answered after that", async () => {
	const { hear, sent, broken } = setup();
	for (let nonce = 0; nonce < 256; nonce++) hear({ type: "ping", nonce });
	await answers();
	assert.equal(broken.length, 0);
	hear({ type: "ping", nonce: 256 });
	await answers();
	assert.deepEqual(
		broken.map(([code]) => code),
		[CLOSE_CODES.LIMIT_EXCEEDED],
	);
	hear({ type: "ping", nonce: 257 });
	await answers();
	assert.equal(sent.length, 257);
	assert.equal(broken.length, 1);
});

test("control channel: pings are answered when all that came before them is delivered; those that wait hold their credit", async () => {
	const { hear, sent, broken, state } = setup();
	let settle = (): void => undefined;
	state.settled = new Promise((resolve) => {
		settle = resolve;
	});
	state.reads = true;
	hear({ type: "ping", nonce: 0 });
	state.consumed = 0;
	for (let nonce = 1; nonce < 1_000; nonce++) hear({ type: "ping", nonce });
	await answers();
	assert.deepEqual([sent.length, state.consumed], [0, 0]);
	hear({ type: "pong", nonce: 7 });
	assert.ok(state.consumed > 0, "other messages are read meanwhile");
	settle();
	await answers();
	assert.deepEqual(
		sent.map(({ nonce }) => nonce),
		Array.from({ length: 1_000 }, (_, nonce) => nonce),
	);
	assert.ok(state.consumed > 20_000);
	assert.deepEqual(broken, []);
});

test("control channel: a flush asks when all that was done before is on its way, asks itself though a ping is under way, and has a deadline", async () => {
	const { clock, channel, hear, sent, state } = setup();
	let settle = (): void => undefined;
	state.settled = new Promise((resolve) => {
		settle = resolve;
	});
	const ping = channel.ping(60_000);
	const flushed = channel.flush(60_000);
	await answers();
	assert.deepEqual(sent, [{ type: "ping", nonce: 1, urgent: true }]);
	settle();
	await answers();
	assert.deepEqual(sent.at(-1), { type: "ping", nonce: 2 });
	hear({ type: "pong", nonce: 1 });
	assert.equal(await ping, true);
	hear({ type: "pong", nonce: 2 });
	assert.equal(await flushed, true);
	state.settled = new Promise(() => undefined);
	assert.equal(await clock.until(channel.flush(1), 10), false, "what is not on its way in time is not asked about for ever");
	state.settled = Promise.resolve();
	const open = channel.flush(60_000);
	await answers();
	channel.end();
	assert.deepEqual([await open, await channel.flush(60_000)], [false, false]);
});

test("control channel: the bytes that wait are bounded too", () => {
	const { channel, broken, state } = setup({ controlQueueReplies: 65_536, controlQueueBytes: 16_384 });
	while (broken.length === 0) channel.send({ type: "close", reason: "x".repeat(200) });
	assert.equal(broken.at(0)?.at(0), CLOSE_CODES.LIMIT_EXCEEDED);
	assert.ok(state.queued > 16_384 && state.queued < 16_384 + 300, `${state.queued}`);
});

test("control channel: a peer that reads may ask as often as it likes", async () => {
	const { hear, sent, broken, state } = setup();
	state.reads = true;
	for (let nonce = 0; nonce < 10_000; nonce++) {
		hear({ type: "ping", nonce });
		if (nonce % 256 === 255) await answers();
	}
	await answers();
	assert.equal(sent.length, 10_000);
	assert.deepEqual(broken, []);
});

test("control channel: a peer that reads may send a thousand pings at once: answers that QUIC has not been given yet are none that it does not read", async () => {
	const { hear, sent, broken, state } = setup();
	state.takes = true;
	for (let nonce = 0; nonce < 1_000; nonce++) hear({ type: "ping", nonce });
	await answers();
	assert.deepEqual(broken, []);
	assert.deepEqual(
		sent.map(({ nonce }) => nonce),
		Array.from({ length: 1_000 }, (_, nonce) => nonce),
	);
	// Those that come while others are answered have their turn after them.
	hear({ type: "ping", nonce: 1_000 });
	await Promise.resolve();
	for (let nonce = 1_001; nonce < 2_000; nonce++) hear({ type: "ping", nonce });
	await answers();
	assert.deepEqual([sent.length, sent.at(-1)?.["nonce"], broken.length], [2_000, 1_999, 0]);
});

const QUESTIONS: Readonly<
	Record<string, { readonly ask: (number: number) => ControlMessage; readonly answered: (answer: Record<string, unknown>) => unknown }>
> = {
	ping: { ask: (nonce) => ({ type: "ping", nonce }), answered: ({ nonce }) => nonce },
	"urgent ping": { ask: (nonce) => ({ type: "ping", nonce, urgent: true }), answered: ({ nonce }) => nonce },
	"peer-check": { ask: (request) => ({ type: "peer-check", request, peer: "bob" }), answered: ({ request }) => request },
};

for (const [what, { ask, answered }] of Object.entries(QUESTIONS)) {
	test(`control channel: ${what}: thousands at once of a peer that reads are answered in their order, none waits for more than QUIC, and those that wait hold their credit`, async () => {
		const { hear, sent, broken, state } = setup();
		state.takes = true;
		let mostQueued = 0;
		const ended = [];
		for (let number = 0; number < 2_000; number++) {
			hear(ask(number));
			mostQueued = Math.max(mostQueued, sent.length);
			ended.push(number);
		}
		assert.ok(mostQueued <= 128, `${mostQueued}`);
		assert.ok(state.consumed < 200 * 60, `${state.consumed}`);
		await answers();
		assert.deepEqual(broken, []);
		assert.deepEqual(sent.map(answered), ended);
		assert.ok(state.consumed > 2_000 * 20);
	});

	test(`control channel: ${what}: a peer that reads no answers is closed after as many as may wait, whatever it asks at once`, async () => {
		for (const [limit, most] of [
			[256, 257],
			[16, 17],
			[1, 2],
		] as const) {
			const { hear, sent, broken, state } = setup({ controlQueueReplies: limit });
			for (let number = 0; number < 2_000; number++) hear(ask(number));
			await answers();
			assert.deepEqual(
				broken.map(([code]) => code),
				[CLOSE_CODES.LIMIT_EXCEEDED],
			);
			assert.equal(sent.length, most);
			assert.ok(state.queued < 100 * most);
		}
	});
}

test("control channel: a peer that reads is never closed where few answers may wait", async () => {
	for (const controlQueueReplies of [4, 7, 16, 64]) {
		const { hear, sent, broken, state } = setup({ controlQueueReplies });
		state.takes = true;
		for (let number = 0; number < 1_000; number++) for (const { ask } of Object.values(QUESTIONS)) hear(ask(number));
		await answers();
		assert.deepEqual([broken, sent.length], [[], 3_000], `${controlQueueReplies}`);
	}
});

test("control channel: a peer that reads is never closed for long answers, and one that reads none is, when their bytes are too many", async () => {
	const { hear, sent, broken, state } = setup();
	state.takes = true;
	for (let i = 0; i < 500; i++) hear({ type: "channel-list-wanted" });
	await answers();
	assert.deepEqual([broken, sent.length], [[], 500]);
	const deaf = setup();
	for (let i = 0; i < 500; i++) deaf.hear({ type: "channel-list-wanted" });
	await answers();
	assert.deepEqual(
		deaf.broken.map(([code]) => code),
		[CLOSE_CODES.LIMIT_EXCEEDED],
	);
	assert.ok(deaf.state.queued < limits.controlQueueBytes + 16_384);
});

test("control channel: the end forgets questions that wait for QUIC", async () => {
	const { channel, hear, sent, state } = setup();
	state.settled = new Promise(() => undefined);
	for (let number = 0; number < 2_000; number++) hear({ type: "peer-check", request: number, peer: "bob" });
	const before = sent.length;
	channel.end();
	await answers();
	assert.equal(sent.length, before);
});

test("control channel: pings at the same time share one question; only its own answer counts; the end answers no", async () => {
	const { clock, channel, hear, sent } = setup();
	const both = [channel.ping(10_000), channel.ping(10_000)];
	assert.deepEqual(sent, [{ type: "ping", nonce: 1, urgent: true }]);
	hear({ type: "pong", nonce: 7 });
	hear({ type: "pong", nonce: 1 });
	assert.deepEqual(await Promise.all(both), [true, true]);
	assert.equal(await clock.until(channel.ping(1), 10), false, "in time");
	const open = channel.ping(60_000);
	channel.end();
	assert.equal(await open, false);
	assert.equal(await channel.ping(60_000), false);
});

test("control channel: frames of kinds to be skipped are, others than CONTROL and wrong ends break it, once", () => {
	const cases: [string, (handler: StreamHandler) => void][] = [
		["DATA", (handler) => handler.frame(FRAME.DATA, new Uint8Array())],
		["not JSON", (handler) => handler.frame(FRAME.CONTROL, Buffer.from("{"))],
		["unknown", (handler) => handler.frame(FRAME.CONTROL, Buffer.from('{"type":"join"}'))],
		["end", (handler) => handler.end()],
		["reset", (handler) => handler.reset(0)],
		["stopped", (handler) => handler.stopped(0)],
	];
	for (const [what, act] of cases) {
		const { state, broken, heard, hear } = setup();
		const handler = state.handler as StreamHandler;
		handler.frame(0x80, new Uint8Array(10));
		assert.deepEqual(broken, [], what);
		act(handler);
		act(handler);
		hear({ type: "close", reason: "" });
		assert.equal(broken.length, 1, what);
		assert.equal(broken[0]?.[0], CLOSE_CODES.PROTOCOL_ERROR, what);
		assert.deepEqual(heard, [], what);
	}
});

test("control channel: an urgent ping is answered at once, whatever is not delivered or waits for it", async () => {
	const { hear, sent, state } = setup();
	state.settled = new Promise(() => undefined);
	hear({ type: "ping", nonce: 1 });
	hear({ type: "ping", nonce: 2, urgent: true });
	assert.deepEqual(sent, [{ type: "pong", nonce: 2 }]);
	await answers();
	assert.equal(sent.length, 1, "the other one also says that all before it is taken in");
});

const FLOODS: Readonly<Record<string, ControlMessage>> = {
	ping: { type: "ping", nonce: 1, urgent: true },
	flush: { type: "ping", nonce: 1 },
	pong: { type: "pong", nonce: 1 },
	metadata: { type: "metadata", request: 1, metadata: "x" },
	"peer-check": { type: "peer-check", request: 1, peer: "bob" },
	"broadcast-count": { type: "broadcast-count", request: 1, name: "news" },
	"channel-list-wanted": { type: "channel-list-wanted" },
	close: { type: "close", reason: "" },
};

for (const [what, message] of Object.entries(FLOODS)) {
	test(`control channel: a flood of ${what}: a thousand at once, then 200 a second, none lost, and no credit for those that wait`, async () => {
		const { clock, hear, sent, heard, state, slowed, broken } = setup({ controlMessagesPerSecond: 200 });
		state.reads = true;
		const dealt = (): number =>
			what === "pong" ? state.consumed / encodeControl(message).length : what === "ping" || what === "flush" ? sent.length : heard.length;
		for (let i = 0; i < 1_500; i++) hear(message);
		await answers();
		assert.equal(dealt(), 1_000);
		assert.equal(state.consumed, 1_000 * encodeControl(message).length);
		for (let second = 1; second <= 2; second++) {
			await clock.advance(1_000);
			assert.ok(Math.abs(dealt() - 1_000 - 200 * second) <= 20, `${dealt()} after ${second} s`);
		}
		assert.deepEqual(slowed, [0, 1_000, 2_000], "told once a second while some wait");
		await clock.advance(1_000);
		assert.equal(dealt(), 1_500);
		assert.equal(clock.pending, 0);
		assert.deepEqual(broken, []);
	});
}

test("control channel: a long message counts once more for each KiB; what is wrong still breaks it in its turn; the end forgets what waits", () => {
	const long = setup({ controlMessagesPerSecond: 200 });
	for (let i = 0; i < 100; i++) long.state.handler?.frame(FRAME.CONTROL, Buffer.from(`{"type":"pong","nonce":1,"x":"${"x".repeat(16_000)}"}`));
	assert.ok(long.state.consumed > 60 * 16_000 && long.state.consumed < 64 * 16_050, `${long.state.consumed}`);
	const wrong = setup({ controlMessagesPerSecond: 1 });
	for (let i = 0; i < 10; i++) wrong.hear({ type: "pong", nonce: 1 });
	wrong.state.handler?.frame(FRAME.DATA, new Uint8Array());
	assert.deepEqual(wrong.broken, []);
	wrong.channel.end();
	assert.equal(wrong.clock.pending, 0);
});

test("control channel: a frame is heard when it comes, though it waits", () => {
	const { channel, state, hear } = setup({ controlMessagesPerSecond: 1 });
	for (let i = 0; i < 7; i++) hear({ type: "pong", nonce: 1 });
	assert.equal(state.consumed, 5 * encodeControl({ type: "pong", nonce: 1 }).length);
	assert.equal(channel.heardFrames, 7);
	channel.end();
});
