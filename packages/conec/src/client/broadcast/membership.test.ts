import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock, type VirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { NearStream } from "../../../testing/near-stream.ts";
import { type ClientLimits, DEFAULT_LIMITS } from "../../limits.ts";
import { fixedWindows } from "../../stream/windows/index.ts";
import type { BroadcastOpen, BroadcastPeer } from "../../wire/broadcast.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import { FRAME } from "../../wire/frames.ts";
import { encodeCode } from "../../wire/stream-frames.ts";
import { Membership } from "./membership.ts";

const WINDOW_BYTES = 65_536;
const EPOCH = "0".repeat(16);

/** A member whose Coordinator is the test. */
class Stage {
	readonly clock: VirtualClock = createVirtualClock();
	readonly far: NearStream = new NearStream(this.clock);
	readonly member: Membership;

	/** `limit`: how much it may send. */
	constructor(options: Partial<BroadcastOpen> = {}, limits: Partial<ClientLimits> = {}, limit?: number) {
		this.member = new Membership({
			open: { name: "news", mode: "receive", slowReader: "drop-oldest", bufferBytes: 65_536, presence: true, ...options },
			limits: { ...DEFAULT_LIMITS, ...limits },
			messageBytes: 1_048_576,
			clock: this.clock,
			windows: fixedWindows(WINDOW_BYTES),
		});
		this.member.start((handler) => this.far.attach(handler), 10_000);
		this.far.accept(limit);
	}

	/** Whose joining is complete. */
	static async joined(options: Partial<BroadcastOpen> = {}, limits: Partial<ClientLimits> = {}): Promise<Stage> {
		const stage = new Stage(options, limits);
		stage.control({ type: "joined", epoch: EPOCH, seq: 1, senders: 0, receivers: 1 });
		await stage.member.joined;
		await stage.turn();
		stage.far.take();
		return stage;
	}

	control(message: object): this {
		this.far.says(FRAME.CONTROL, JSON.stringify(message));
		return this;
	}

	/** What is due now is written. */
	async turn(): Promise<void> {
		await this.clock.advance(0);
	}

	/** What is due soon is written too. */
	async pause(): Promise<string[]> {
		await this.clock.advance(30);
		return this.far.take();
	}
}

const peers = (from: number, count: number): BroadcastPeer[] =>
	Array.from({ length: count }, (_, i) => ({ id: `p${from + i}`, fingerprint: `sha256:${"00".repeat(32)}` }));

test("a list of members is one event; its last part counts until it is read", async () => {
	const stage = await Stage.joined();
	const { member, far } = stage;
	const list = (from: number, count: number, more: boolean): void => void stage.control({ type: "members", seq: 1, members: peers(from, count), more });
	for (let i = 0; i < 600; i++) list(i, 1, true);
	assert.deepEqual((await stage.pause()).at(-1), "ACK 601");
	const before = far.limit;
	assert.ok(before > 600 * 100 + WINDOW_BYTES, "parts of a list that is not complete do not hold it up");
	list(600, 1, false);
	await stage.pause();
	assert.equal(far.limit, before);
	const { value } = await member[Symbol.asyncIterator]().next();
	assert.deepEqual(value, { type: "members", seq: 1, members: peers(0, 601) });
	await stage.pause();
	assert.ok(far.limit > before);
});

test("a list of members that does not end is LIMIT_EXCEEDED", async () => {
	const stage = await Stage.joined({}, { presencePeers: 250 });
	const { member, far } = stage;
	for (let i = 0; i < 250; i += 50) stage.control({ type: "members", seq: 1, members: peers(i, 50), more: true });
	assert.deepEqual(
		far.take().filter((call) => call.startsWith("reset")),
		[],
	);
	stage.control({ type: "members", seq: 1, members: peers(250, 1), more: true });
	assert.deepEqual(far.take().slice(-2), [`reset ${RESET_CODES.CANCELLED}`, `stop ${RESET_CODES.CANCELLED}`]);
	await assert.rejects(member[Symbol.asyncIterator]().next(), { code: "LIMIT_EXCEEDED" });
	assert.deepEqual(await member.closed, { by: "error", code: "LIMIT_EXCEEDED" });
});

test("reading once more after the end is the end, and after an error that error, whoever was waiting for it", async () => {
	const { member: ended, far } = await Stage.joined();
	const reading = (async () => {
		for await (const event of ended) assert.fail(event.type);
	})();
	await Promise.resolve();
	far.says(FRAME.END);
	await reading;
	for await (const event of ended) assert.fail(event.type);
	const stage = await Stage.joined({}, { presencePeers: 1 });
	const failing = stage.member[Symbol.asyncIterator]().next();
	stage.control({ type: "members", seq: 1, members: peers(0, 2), more: true });
	await assert.rejects(failing, { code: "LIMIT_EXCEEDED" });
	await assert.rejects(stage.member[Symbol.asyncIterator]().next(), { code: "LIMIT_EXCEEDED" });
});

test("more may come when events are read or dropped, and not before", async () => {
	const stage = await Stage.joined();
	const { member, far } = stage;
	const join = (seq: number): void => void stage.control({ type: "join", seq, peer: { ...peers(seq, 1)[0], metadata: "x".repeat(900) } });
	for (let seq = 2; seq < 52; seq++) join(seq);
	await stage.pause();
	const before = far.limit;
	const reader = member[Symbol.asyncIterator]();
	for (let i = 0; i < 10; i++) assert.equal((await reader.next()).done, false);
	await stage.pause();
	const taken = far.limit - before;
	assert.ok(taken === 0 || taken > 9_000, `${taken} bytes`);
	for (let i = 0; i < 10; i++) assert.equal((await reader.next()).done, false);
	await stage.pause();
	assert.ok(far.limit > before);
	member.close().catch(() => undefined);
	await stage.pause();
	assert.ok(far.limit > WINDOW_BYTES + 50 * 1_000, "what was dropped is as good as read");
	assert.equal((await reader.next()).done, true);
});

test("closing: END and STOP go, what still comes is dropped, and it is over when both are answered", async () => {
	const stage = await Stage.joined({ mode: "both" });
	const { member, far } = stage;
	await member.send("hello");
	let left = false;
	const closing = member.close().then(() => {
		left = true;
	});
	assert.deepEqual(far.take(), ["DATA 5", "STOP 0", "END"]);
	stage.control({ type: "join", seq: 2, peer: peers(2, 1)[0] });
	far.says(FRAME.RESET, encodeCode(0));
	await stage.turn();
	assert.deepEqual(far.take(), ["ACK 3", "finish"]);
	assert.equal(left, false, "its messages may have no number yet");
	far.acknowledge();
	await closing;
	assert.deepEqual(await member.closed, { by: "local" });
	await member.finish();
	await assert.rejects(member.send("late"), { code: "STREAM_CLOSED" });
	assert.deepEqual(far.take(), []);
});

test("finishing: END goes after what waits, and resolves when everything has its number; one that only sends then leaves", async () => {
	for (const mode of ["both", "send"] as const) {
		const stage = new Stage({ mode, presence: false }, {}, 70_000);
		const { member, far } = stage;
		stage.control({ type: "joined", epoch: EPOCH, seq: 1, senders: 1, receivers: 1, lagging: [] });
		await member.joined;
		far.take();
		const long = new Uint8Array(60_000);
		for (let i = 0; i < 3; i++) void member.send(long);
		const finishing = member.finish();
		assert.deepEqual(
			far.take().filter((call) => !call.startsWith("BLOCKED")),
			["DATA 60000"],
		);
		far.acknowledge();
		assert.deepEqual(far.take(), ["DATA 60000", "DATA 60000", "END"]);
		far.acknowledge();
		await finishing;
		assert.deepEqual(far.take(), mode === "send" ? ["STOP 0"] : []);
		await assert.rejects(member.send("more"), { code: "STREAM_CLOSED" });
		if (mode === "both") continue;
		far.says(FRAME.RESET, encodeCode(0));
		assert.deepEqual(await member.closed, { by: "peer" });
	}
});

test("sending: no more goes than the Coordinator lets come, and what waits goes when it lets more come", async () => {
	const stage = new Stage({ mode: "both" }, {}, 70_000);
	const { member, far } = stage;
	stage.control({ type: "joined", epoch: EPOCH, seq: 1, senders: 1, receivers: 1, lagging: [] });
	far.take();
	const message = new Uint8Array(30_000);
	const sends = [0, 1, 2].map(() => member.send(message));
	let sent = 0;
	for (const one of sends) void one.then(() => sent++);
	await stage.turn();
	assert.deepEqual([sent, member.trySend(message)], [2, false]);
	assert.deepEqual(
		far.take().filter((call) => !call.startsWith("ACK")),
		["DATA 30000", "DATA 30000", `BLOCKED ${3 * 30_064}`],
	);
	far.acknowledge(3 * 30_064);
	await Promise.all(sends);
	assert.deepEqual(far.take(), ["DATA 30000"]);
});

test("a Coordinator that breaks the protocol ends the membership with FRAME_INVALID", async () => {
	const tagged = new Uint8Array(30);
	const cases: [string, (stage: Stage) => unknown][] = [
		["a message before joined", ({ far }) => far.says(FRAME.TAGGED, tagged)],
		["DATA", ({ far }) => far.says(FRAME.DATA, "x")],
		["another joined", (stage) => [0, 1].forEach(() => void stage.control({ type: "joined", epoch: EPOCH, seq: 1, senders: 0, receivers: 1 }))],
		["a list before joined", (stage) => stage.control({ type: "members", seq: 1, members: [], more: false })],
		["an unknown message", (stage) => stage.control({ type: "what" })],
		["more than it may", ({ far }) => Array.from({ length: 10 }, () => far.says(0x05, new Uint8Array(20_000)))],
		["an ACK of what was not sent", (stage) => stage.far.says(FRAME.ACK, new Uint8Array(16).fill(1))],
	];
	for (const [what, act] of cases) {
		const stage = new Stage();
		stage.far.take();
		act(stage);
		assert.deepEqual(stage.far.take().slice(-2), [`reset ${RESET_CODES.FRAME_INVALID}`, `stop ${RESET_CODES.FRAME_INVALID}`], what);
		assert.equal((await stage.member.closed).code, "FRAME_INVALID", what);
	}
});

test("REJECT, and an end of the connection, are told as what they are", async () => {
	const clock = createVirtualClock();
	const far = new NearStream(clock);
	const open: BroadcastOpen = { name: "news", mode: "receive", slowReader: "drop-oldest", bufferBytes: 65_536 };
	const member = new Membership({ open, limits: DEFAULT_LIMITS, messageBytes: 1_000, clock, windows: fixedWindows(WINDOW_BYTES) });
	member.start((handler) => far.attach(handler), 10_000);
	far.says(FRAME.REJECT, `{"code":"LIMIT_EXCEEDED","message":"there are too many"}`);
	await assert.rejects(member.joined, { code: "LIMIT_EXCEEDED", message: 'Cannot join broadcast "news": there are too many' });
	assert.deepEqual(await member.closed, { by: "peer", code: "LIMIT_EXCEEDED" });
	const lagged = await Stage.joined();
	lagged.far.handler.reset(RESET_CODES.LAGGED);
	await assert.rejects(lagged.member[Symbol.asyncIterator]().next(), { code: "LAGGED" });
	assert.deepEqual(await lagged.member.closed, { by: "peer", code: "LAGGED" });
});
