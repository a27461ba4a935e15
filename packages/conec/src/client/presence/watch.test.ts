import assert from "node:assert/strict";
import { test } from "node:test";
import { ConecError } from "../../errors.ts";
import type { StreamHandler, TransportStream } from "../../transport/transport.ts";
import { FRAME } from "../../wire/frames.ts";
import { encodeText } from "../../wire/json.ts";
import { changeText, encodePeerChanges, encodePeersPage, peerText } from "../../wire/presence.ts";
import { PresenceWatch } from "./watch.ts";

/** A Coordinator that says what the test wants. */
class Stage {
	readonly calls: string[] = [];
	readonly watch: PresenceWatch;
	handler: StreamHandler | undefined;
	consumedBytes = 0;

	constructor(requestTimeoutMs = 10_000) {
		const stream: Partial<TransportStream> = {
			consumed: (bytes) => {
				this.consumedBytes += bytes;
			},
			finish: () => this.calls.push("finish"),
			reset: (code) => this.calls.push(`reset ${code}`),
			stop: (code) => this.calls.push(`stop ${code}`),
		};
		this.watch = new PresenceWatch({
			limits: { presencePeers: 3, presenceQueueBytes: 16_384, requestTimeoutMs },
			open: (_watch, handler) => {
				this.handler = handler;
				this.calls.push("open");
				return { stream: stream as TransportStream, release: () => this.calls.push("release") };
			},
		});
	}

	says(kind: number, payload: Uint8Array | string = ""): this {
		this.handler?.frame(kind, typeof payload === "string" ? encodeText(payload) : payload);
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

test("presence watch: nothing is opened before the first read; credit is given back as it is read", async () => {
	const stage = new Stage();
	assert.deepEqual(stage.calls, []);
	const first = stage.watch.next();
	assert.deepEqual(stage.calls, ["open"]);
	const [list, more] = [page(1, "a"), joins(2, "b", "c")];
	stage.says(FRAME.ACCEPT).says(FRAME.CONTROL, list).says(FRAME.CONTROL, more);
	assert.equal((await first).value?.type, "members");
	assert.equal(stage.consumedBytes, list.length, "what nobody has read still counts");
	assert.deepEqual(
		[(await stage.watch.next()).value, (await stage.watch.next()).value].map((event) => [event?.type, event?.seq]),
		[
			["join", 2],
			["join", 3],
		],
	);
	assert.equal(stage.consumedBytes, list.length + more.length);
	const pending = [stage.watch.next(), stage.watch.next()];
	const left = stage.watch.return();
	for (const one of pending) assert.deepEqual(await one, { done: true, value: undefined });
	assert.deepEqual(stage.calls, ["open", "finish"]);
	const late = joins(4, "d");
	stage.says(FRAME.CONTROL, late);
	assert.equal(stage.consumedBytes, list.length + more.length + late.length, "the end lies behind it");
	assert.deepEqual(await stage.watch.next(), { done: true, value: undefined });
	stage.handler?.end();
	await left;
	assert.deepEqual(stage.calls, ["open", "finish", "release"]);
	assert.deepEqual(await stage.watch.next(), { done: true, value: undefined });
});

test("presence watch: who leaves has left when the Coordinator says so, or when nothing more can come from it", async () => {
	const answers: [string, readonly string[], (stage: Stage) => unknown][] = [
		["FIN", ["release"], (stage) => stage.handler?.end()],
		["what it asked for, and FIN", ["release"], (stage) => stage.says(FRAME.ACCEPT).says(FRAME.CONTROL, page(0, "a")).handler?.end()],
		["REJECT and FIN", ["release"], (stage) => stage.says(FRAME.REJECT, '{"code":"LIMIT_EXCEEDED"}').handler?.end()],
		["a reset", ["release"], (stage) => stage.handler?.reset(0)],
		["the end of the connection", ["release"], (stage) => stage.handler?.lost(new ConecError("CONNECTION_LOST", "lost"))],
		["a frame that is too long", ["release"], (stage) => stage.handler?.lost(new ConecError("MESSAGE_TOO_LONG", "too long"))],
		["the loss of the Coordinator", ["reset 9", "stop 9", "release"], (stage) => stage.watch.end(new ConecError("COORDINATOR_LOST", "lost"))],
		["the end of the Client", ["reset 9", "stop 9", "release"], (stage) => stage.watch.end(new ConecError("CLIENT_CLOSED", "closed"))],
	];
	for (const [what, calls, act] of answers) {
		const stage = new Stage();
		const first = stage.watch.next();
		let left = 0;
		const leaving = [stage.watch.return(), stage.watch.return()].map((one) => one.then(() => left++));
		assert.deepEqual(await first, { done: true, value: undefined }, what);
		await new Promise((resolve) => setImmediate(resolve));
		assert.deepEqual([left, stage.calls], [0, ["open", "finish"]], what);
		act(stage);
		await Promise.all(leaving);
		assert.deepEqual(stage.calls, ["open", "finish", ...calls], what);
		// Whatever comes after that.
		stage.handler?.end();
		stage.watch.end(new ConecError("CLIENT_CLOSED", "closed"));
		assert.deepEqual(await stage.watch.return(), { done: true, value: undefined }, what);
		assert.equal(stage.calls.filter((call) => call === "release").length, 1, what);
	}
	const silent = new Stage(10);
	void silent.watch.next();
	await silent.watch.return();
	assert.deepEqual(silent.calls, ["open", "finish", "reset 9", "stop 9", "release"], "a Coordinator that does not answer");
	assert.deepEqual(await new Stage().watch.return(), { done: true, value: undefined }, "one that was never begun");
});

test("presence watch: a Coordinator that breaks the protocol is found out, and the watch ends once", async () => {
	const cases: [string, string, (stage: Stage) => unknown][] = [
		["CONTROL before ACCEPT", "PROTOCOL_ERROR", (stage) => stage.says(FRAME.CONTROL, page(1))],
		["ACCEPT twice", "PROTOCOL_ERROR", (stage) => stage.says(FRAME.ACCEPT).says(FRAME.ACCEPT)],
		["DATA", "PROTOCOL_ERROR", (stage) => stage.says(FRAME.ACCEPT).says(FRAME.DATA, "x")],
		["not JSON", "PROTOCOL_ERROR", (stage) => stage.says(FRAME.ACCEPT).says(FRAME.CONTROL, "{")],
		["a change before the list", "PROTOCOL_ERROR", (stage) => stage.says(FRAME.ACCEPT).says(FRAME.CONTROL, joins(1, "a"))],
		["more peers than may be", "LIMIT_EXCEEDED", (stage) => stage.says(FRAME.ACCEPT).says(FRAME.CONTROL, page(1, "a", "b", "c", "d"))],
		["REJECT", "LIMIT_EXCEEDED", (stage) => stage.says(FRAME.REJECT, '{"code":"LIMIT_EXCEEDED"}')],
		["a REJECT that is none", "PROTOCOL_ERROR", (stage) => stage.says(FRAME.REJECT, "?")],
		["FIN", "STREAM_TRUNCATED", (stage) => stage.says(FRAME.ACCEPT).handler?.end()],
		["a reset", "COORDINATOR_CLOSED", (stage) => stage.handler?.reset(3)],
		["a reset for no reason", "STREAM_RESET", (stage) => stage.handler?.reset(0)],
		["a frame that is too long", "MESSAGE_TOO_LONG", (stage) => stage.handler?.lost(new ConecError("MESSAGE_TOO_LONG", "too long"))],
	];
	for (const [what, code, act] of cases) {
		const stage = new Stage();
		const pending = stage.watch.next();
		act(stage);
		await assert.rejects(pending, { code }, what);
		stage.says(FRAME.CONTROL, page(9)).says(FRAME.DATA).handler?.reset(1);
		assert.deepEqual(await stage.watch.next(), { done: true, value: undefined }, what);
		assert.equal(stage.calls.filter((call) => call === "release").length, 1, what);
	}
});

test("presence watch: what has come is read before the failure", async () => {
	const stage = new Stage();
	const first = stage.watch.next();
	stage.says(FRAME.ACCEPT).says(0x80, "skipped").says(FRAME.CONTROL, page(0)).says(FRAME.CONTROL, joins(1, "a"));
	stage.handler?.lost(new ConecError("CONNECTION_LOST", "lost"));
	stage.watch.end(new ConecError("COORDINATOR_LOST", "lost"));
	assert.equal((await first).value?.type, "members");
	assert.equal((await stage.watch.next()).value?.type, "join");
	await assert.rejects(stage.watch.next(), { code: "COORDINATOR_LOST" });
	assert.deepEqual(await stage.watch.next(), { done: true, value: undefined });
});

test("presence watch: no answer is PEER_TIMEOUT; a closed Client ends it without one", async () => {
	const silent = new Stage(10);
	await assert.rejects(silent.watch.next(), { code: "PEER_TIMEOUT" });
	const closed = new Stage();
	const pending = closed.watch.next();
	closed.watch.end(new ConecError("CLIENT_CLOSED", "closed"));
	assert.deepEqual(await pending, { done: true, value: undefined });
	assert.deepEqual(closed.calls, ["open", "finish"]);
	closed.handler?.end();
	assert.deepEqual(closed.calls, ["open", "finish", "release"]);
});
