import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock, type VirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { NearStream } from "../../../testing/near-stream.ts";
import { ConecError } from "../../errors.ts";
import { FRAME } from "../../wire/frames.ts";
import { encodeText } from "../../wire/json.ts";
import { changeText, encodePeerChanges, encodePeersPage, peerText } from "../../wire/presence.ts";
import { encodeCode } from "../../wire/stream-frames.ts";
import { PresenceWatch } from "./watch.ts";

/** A Coordinator that says what the test wants. */
class Stage {
	readonly clock: VirtualClock = createVirtualClock();
	readonly far: NearStream = new NearStream(this.clock);
	/** `open` and `release`. */
	readonly calls: string[] = [];
	readonly watch: PresenceWatch;

	constructor(requestTimeoutMs = 10_000) {
		this.watch = new PresenceWatch({
			limits: { presencePeers: 3, presenceQueueBytes: 16_384, requestTimeoutMs },
			clock: this.clock,
			open: (_watch, _resume, handler) => {
				this.calls.push("open");
				return { link: this.far.attach(handler), release: () => this.calls.push("release") };
			},
		});
	}

	says(kind: number, payload: Uint8Array | string = ""): this {
		this.far.says(kind, typeof payload === "string" ? encodeText(payload) : payload);
		return this;
	}

	accept(): this {
		this.far.accept();
		return this;
	}

	/** Answers one who leaves. */
	lets(): this {
		this.says(FRAME.RESET, encodeCode(0));
		this.far.acknowledge();
		return this;
	}
}

const peer = (id: string): string => peerText({ id, fingerprint: `sha256:${"a".repeat(64)}` });
const page = (seq: number, ...ids: string[]): Uint8Array => encodePeersPage({ epoch: "e", seq, first: true, more: false }, ids.map(peer));
const joins = (seq: number, ...ids: string[]): Uint8Array =>
	encodePeerChanges(
		seq,
		ids.map((id) => changeText("join", peer(id))),
	);

test("presence watch: nothing is opened before the first read; more may come as it is read", async () => {
	const stage = new Stage();
	const { far } = stage;
	assert.deepEqual(stage.calls, []);
	const first = stage.watch.next();
	assert.deepEqual(stage.calls, ["open"]);
	stage.accept().says(FRAME.CONTROL, page(1, "a"));
	assert.equal((await first).value?.type, "members");
	// The early bytes of every stream come first: 65,536.
	for (let seq = 2; seq < 600; seq++) stage.says(FRAME.CONTROL, joins(seq, "b"));
	await stage.clock.advance(30);
	assert.deepEqual(far.take().slice(-2), ["reset 6", "stop 6"], "more than it lets come");
	const other = new Stage();
	const members = other.watch.next();
	other.accept().says(FRAME.CONTROL, page(1, "a"));
	await members;
	let cost = page(1, "a").length + 64;
	let last = 1;
	for (; cost + joins(last + 1, "b").length + 64 <= 65_536; last++) {
		other.says(FRAME.CONTROL, joins(last + 1, "b"));
		cost += joins(last + 1, "b").length + 64;
	}
	await other.clock.advance(30);
	assert.deepEqual([other.far.take().at(-1), other.far.limit], [`ACK ${last}`, 65_536]);
	for (let seq = 2; seq <= last; seq++) assert.equal((await other.watch.next()).value?.seq, seq);
	await other.clock.advance(30);
	assert.equal(other.far.limit, cost + 16_448);
});

test("presence watch: who leaves drops what still comes, and has left when the Coordinator says so", async () => {
	const stage = new Stage();
	const { far } = stage;
	const first = stage.watch.next();
	stage
		.accept()
		.says(FRAME.CONTROL, page(1, "a"))
		.says(FRAME.CONTROL, joins(2, "b", "c"));
	assert.equal((await first).value?.type, "members");
	assert.equal((await stage.watch.next()).value?.type, "join");
	const pending = [stage.watch.next(), stage.watch.next()];
	assert.equal((await pending[0])?.value?.type, "join");
	far.take();
	const left = stage.watch.return();
	assert.deepEqual(await pending[1], { done: true, value: undefined });
	assert.deepEqual(far.take(), ["STOP 0", "END"]);
	stage.says(FRAME.CONTROL, joins(4, "d"));
	assert.deepEqual(await stage.watch.next(), { done: true, value: undefined });
	assert.deepEqual(stage.calls, ["open"]);
	stage.lets();
	await left;
	assert.deepEqual(stage.calls, ["open", "release"]);
	assert.deepEqual(far.take(), ["ACK 4", "finish"]);
	assert.deepEqual(await stage.watch.next(), { done: true, value: undefined });
});

test("presence watch: who leaves has left, too, when nothing more can come from the Coordinator", async () => {
	const answers: [string, readonly string[], (stage: Stage) => unknown][] = [
		["the answer, and then that it left", ["STOP 0", "ACK 1", "finish"], (stage) => stage.accept().lets()],
		["what it asked for, and that it left", ["STOP 0", "ACK 2", "finish"], (stage) => stage.accept().says(FRAME.CONTROL, page(0, "a")).lets()],
		["REJECT and FIN", ["reset 10", "stop 10"], (stage) => stage.says(FRAME.REJECT, '{"code":"LIMIT_EXCEEDED"}').far.handler.end()],
		["a reset", ["reset 9"], (stage) => stage.far.handler.reset(0)],
		["the end of the connection", [], (stage) => stage.far.handler.lost(new ConecError("CONNECTION_LOST", "lost"))],
		["the loss of the Coordinator", ["reset 9", "stop 9"], (stage) => stage.watch.end(new ConecError("COORDINATOR_LOST", "lost"))],
		["the end of the Client", ["reset 9", "stop 9"], (stage) => stage.watch.end(new ConecError("CLIENT_CLOSED", "closed"))],
	];
	for (const [what, calls, act] of answers) {
		const stage = new Stage();
		const first = stage.watch.next();
		let left = 0;
		const leaving = [stage.watch.return(), stage.watch.return()].map((one) => one.then(() => left++));
		assert.deepEqual(await first, { done: true, value: undefined }, what);
		await stage.clock.advance(1);
		assert.deepEqual([left, stage.calls, stage.far.take()], [0, ["open"], ["END"]], what);
		act(stage);
		await Promise.all(leaving);
		assert.deepEqual(
			stage.far
				.take()
				.filter((call) => !call.startsWith("ACK") || calls.includes(call))
				.slice(0, calls.length),
			calls,
			what,
		);
		// Whatever comes after that.
		stage.far.handler.end();
		stage.watch.end(new ConecError("CLIENT_CLOSED", "closed"));
		assert.deepEqual(await stage.watch.return(), { done: true, value: undefined }, what);
		assert.deepEqual(stage.calls, ["open", "release"], what);
	}
	const silent = new Stage(10);
	void silent.watch.next();
	const left = silent.watch.return();
	await silent.clock.advance(10);
	await left;
	assert.deepEqual(silent.far.take(), ["END", "reset 9", "stop 9"], "a Coordinator that does not answer");
	assert.deepEqual(await new Stage().watch.return(), { done: true, value: undefined }, "one that was never begun");
});

test("presence watch: a Coordinator that breaks the protocol is found out, and the watch ends once", async () => {
	const cases: [string, string, (stage: Stage) => unknown][] = [
		["CONTROL before the answer", "PROTOCOL_ERROR", (stage) => stage.says(FRAME.CONTROL, page(1))],
		["the answer twice", "PROTOCOL_ERROR", (stage) => stage.accept().accept()],
		["DATA", "PROTOCOL_ERROR", (stage) => stage.accept().says(FRAME.DATA, "x")],
		["not JSON", "PROTOCOL_ERROR", (stage) => stage.accept().says(FRAME.CONTROL, "{")],
		["a change before the list", "PROTOCOL_ERROR", (stage) => stage.accept().says(FRAME.CONTROL, joins(1, "a"))],
		["more peers than may be", "LIMIT_EXCEEDED", (stage) => stage.accept().says(FRAME.CONTROL, page(1, "a", "b", "c", "d"))],
		["REJECT", "LIMIT_EXCEEDED", (stage) => stage.says(FRAME.REJECT, '{"code":"LIMIT_EXCEEDED"}')],
		["a REJECT that is none", "PROTOCOL_ERROR", (stage) => stage.says(FRAME.REJECT, "?")],
		["FIN", "STREAM_TRUNCATED", (stage) => stage.accept().far.handler.end()],
		["END", "STREAM_TRUNCATED", (stage) => stage.accept().says(FRAME.END)],
		["RESET", "STREAM_TRUNCATED", (stage) => stage.accept().says(FRAME.RESET, encodeCode(0))],
		["a reset", "COORDINATOR_CLOSED", (stage) => stage.far.handler.reset(3)],
		["a reset for no reason", "STREAM_RESET", (stage) => stage.far.handler.reset(0)],
		["a frame that is too long", "MESSAGE_TOO_LONG", (stage) => stage.far.handler.lost(new ConecError("MESSAGE_TOO_LONG", "too long"))],
	];
	for (const [what, code, act] of cases) {
		const stage = new Stage();
		const pending = stage.watch.next();
		act(stage);
		await assert.rejects(pending, { code }, what);
		stage.says(FRAME.CONTROL, page(9)).says(FRAME.DATA).far.handler.reset(1);
		assert.deepEqual(await stage.watch.next(), { done: true, value: undefined }, what);
		assert.equal(stage.calls.filter((call) => call === "release").length, 1, what);
	}
});

test("presence watch: what has come is read before the failure", async () => {
	const stage = new Stage();
	const first = stage.watch.next();
	stage.accept().says(0x80, "skipped").says(FRAME.CONTROL, page(0)).says(FRAME.CONTROL, joins(1, "a"));
	stage.far.handler.lost(new ConecError("CONNECTION_LOST", "lost"));
	stage.watch.end(new ConecError("COORDINATOR_LOST", "lost"));
	assert.equal((await first).value?.type, "members");
	assert.equal((await stage.watch.next()).value?.type, "join");
	await assert.rejects(stage.watch.next(), { code: "COORDINATOR_LOST" });
	assert.deepEqual(await stage.watch.next(), { done: true, value: undefined });
});

test("presence watch: no answer is PEER_TIMEOUT; a closed Client ends it without one", async () => {
	const silent = new Stage(10);
	const waiting = assert.rejects(silent.watch.next(), { code: "PEER_TIMEOUT" });
	await silent.clock.advance(10);
	await waiting;
	const closed = new Stage();
	const pending = closed.watch.next();
	closed.watch.end(new ConecError("CLIENT_CLOSED", "closed"));
	assert.deepEqual(await pending, { done: true, value: undefined });
	assert.deepEqual([closed.calls, closed.far.take()], [["open"], ["END"]]);
	closed.accept().lets();
	assert.deepEqual(closed.calls, ["open", "release"]);
});
