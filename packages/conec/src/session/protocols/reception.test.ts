import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createVirtualClock, type VirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { accept, connectEnds } from "../../../testing/stream-fixture.ts";
import { ConecError, isConecError } from "../../errors.ts";
import { type Limits, resolveLimits } from "../../limits.ts";
import type { FramedStream } from "../../stream/framed-stream.ts";
import { openMessageStream } from "../../stream/open-stream.ts";
import { EARLY_BYTES, UNIT_COST_BYTES } from "../../stream/windows/index.ts";
import type { TransportStream } from "../../transport/transport.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import { FRAME } from "../../wire/frames.ts";
import { isProtocol } from "../../wire/ids.ts";
import { decodeOpenDirect, encodeOpen } from "../../wire/open.ts";
import { encodeAck, encodeCode, encodeCount } from "../../wire/stream-frames.ts";
import { checkHandlers, type HandlerFailed, type ProtocolHandler } from "./handler.ts";
import { Reception } from "./reception.ts";

const closed = new ConecError("CLIENT_CLOSED", "Cannot continue: the Client is closed");
const never: ProtocolHandler = () => new Promise(() => undefined);

interface Raw {
	readonly stream: TransportStream;
	/** Of the frames that came. */
	readonly kinds: readonly number[];
	/** Of resets and stops. */
	readonly codes: readonly number[];
}

interface Scene {
	readonly clock: VirtualClock;
	readonly reception: Reception;
	readonly told: HandlerFailed[];
	/** A stream of that protocol, which the reception has taken. */
	readonly send: (protocol?: string) => Promise<{ near: FramedStream; far: FramedStream }>;
	/** Opens a stream that arrives at the reception. `peer`: whose it is there. */
	readonly open: (protocol?: string, peer?: string) => Promise<FramedStream>;
	/** The same, while time passes. */
	readonly opened: (protocol?: string, peer?: string) => Promise<FramedStream>;
	/** The same with `early`, so that messages go before the answer. */
	readonly openEarly: (peer: string) => Promise<FramedStream>;
	/** A stream whose frames the test writes itself, with what it hears. */
	readonly openRaw: (peer: string) => Raw;
	/** The error of an opening. */
	readonly outcome: (opening: Promise<unknown>) => Promise<ConecError>;
	/** The peer ends the connection. */
	readonly lose: () => void;
	/** Everything that can go on without time has gone on. */
	readonly settle: () => Promise<void>;
}

async function scene(t: TestContext, limits: Partial<Limits> = {}, handlers: Record<string, ProtocolHandler> = {}): Promise<Scene> {
	const clock = createVirtualClock();
	const settle = async (): Promise<void> => {
		for (let turn = 0; turn < 4; turn++) await clock.advance(0);
	};
	const ends = await connectEnds({ clock, step: settle });
	t.after(async () => {
		const closing = ends.close();
		await clock.advance(1_000);
		await closing;
	});
	const told: HandlerFailed[] = [];
	const reception = new Reception({
		owner: "the peer",
		limits: resolveLimits(limits),
		clock,
		handlers: checkHandlers(handlers, 10),
		failed: (failure) => told.push(failure),
	});
	const expected: { readonly peer: string; readonly protocol: string | undefined }[] = [];
	const expect = (peer: string, protocol?: string): void => {
		expected.push({ peer, protocol });
		ends.far.onStream = (incoming) => {
			const open = decodeOpenDirect(incoming.header.payload);
			assert.ok(open.ok);
			reception.arrive({ incoming, init: ends.init(expected.shift()), resume: open.value.resume, accepted: () => undefined, legCame: () => undefined });
		};
	};
	const start = (early: boolean, protocol?: string, peer = "alice"): Promise<FramedStream> => {
		expect(peer, protocol);
		const opening = openMessageStream(ends.near, { id: 1, protocol }, ends.init({ protocol }), { early });
		opening.catch(() => undefined);
		return opening;
	};
	return {
		clock,
		reception,
		told,
		settle,
		lose: () => ends.near.close(3, "gone"),
		open: (protocol, peer) => start(false, protocol, peer),
		opened: (protocol, peer) => clock.until(start(false, protocol, peer), 1_000),
		openEarly: (peer) => start(true, undefined, peer),
		openRaw(peer) {
			expect(peer);
			const kinds: number[] = [];
			const codes: number[] = [];
			const told = (code: number): void => void codes.push(code);
			const header = { kind: FRAME.OPEN, payload: encodeOpen({ id: 1, resume: { limit: EARLY_BYTES, messageBytes: 1_000 } }) };
			const stream = ends.near.openStream(header, {
				...{ end() {}, drained() {}, finished() {}, lost() {}, reset: told, stopped: told },
				frame: (kind) => void kinds.push(kind),
			});
			return { stream, kinds, codes };
		},
		async outcome(opening) {
			const error = opening.then(
				() => assert.fail("it was opened"),
				(reason: unknown) => reason,
			);
			await settle();
			return (await error) as ConecError;
		},
		async send(protocol) {
			const opening = openMessageStream(ends.near, { id: 1, protocol }, ends.init({ protocol }));
			opening.catch(() => undefined);
			await settle();
			const far = accept(await ends.incoming(), ends.init({ peer: "alice", protocol }));
			reception.take(far);
			await settle();
			return { near: await opening, far };
		},
	};
}

test("reception: streams without a protocol wait in the queue, those with one go to its handler", async (t) => {
	const got: unknown[] = [];
	const { reception, send } = await scene(t, { incomingStreams: 1 }, { "a/1": (stream) => void got.push(["a", stream]) });
	reception.handle("b/1", (stream) => void got.push(["b", stream]));
	const [a, b, plain] = [await send("a/1"), await send("b/1"), await send()];
	assert.deepEqual(got, [
		["a", a.far],
		["b", b.far],
	]);
	assert.equal(reception.incoming.length, 1);
	for await (const stream of reception.incoming) {
		assert.equal(stream, plain.far);
		break;
	}
});

test("reception: rejects at once what nobody handles, and says why", async (t) => {
	const { reception, open, opened, outcome } = await scene(t, { incomingStreams: 0 }, { "a/1": never });
	const handling = reception.handle("a/2", never);
	handling.close();
	for (const name of ["a/2", "constructor", "tostring", "__proto__"].filter(isProtocol)) {
		const error = await outcome(open(name));
		assert.equal(error.code, "PROTOCOL_UNHANDLED");
		assert.ok(error.message.includes(`it handles no protocol "${name}" (check the name, `), error.message);
	}
	assert.match((await outcome(open())).message, /it takes no streams without a protocol/);
	assert.equal(reception.waiting, 0);
	// A reader that waits for a stream is a place for one.
	const taken = reception.incoming[Symbol.asyncIterator]().next();
	const stream = await opened();
	assert.equal((await taken).value?.peer, "alice");
	assert.equal(stream.protocol, undefined);
});

test("reception: streams wait for a place in the queue and for a handler that may run, each kind by itself", async (t) => {
	const ends: (() => void)[] = [];
	const { reception, open, settle } = await scene(
		t,
		{ incomingStreams: 1, runningHandlers: 1 },
		{ "a/1": () => new Promise<void>((resolve) => void ends.push(resolve)) },
	);
	const opened: string[] = [];
	for (const what of ["plain 1", "plain 2", "a/1 1", "a/1 2"]) void open(what.startsWith("a") ? "a/1" : undefined).then(() => opened.push(what));
	await settle();
	assert.deepEqual([opened, reception.waiting], [["plain 1", "a/1 1"], 2]);
	ends[0]?.();
	await settle();
	assert.deepEqual([opened.at(-1), reception.waiting, reception.running], ["a/1 2", 1, 1]);
	await reception.incoming[Symbol.asyncIterator]().next();
	await settle();
	assert.deepEqual([opened.at(-1), reception.waiting, reception.incoming.length], ["plain 2", 0, 1]);
});

test("reception: a stream that waits keeps what has come on it, until it is accepted or its opener gives it up", async (t) => {
	const { reception, openEarly, settle } = await scene(t, { incomingStreams: 1 });
	const streams = [openEarly("alice"), openEarly("alice"), openEarly("alice")];
	for (const [index, stream] of streams.entries()) {
		await (await stream).send(`hello ${index}`);
		if (index === 2) (await stream).close().catch(() => undefined);
	}
	await settle();
	assert.equal(reception.waiting, 2);
	const given = await streams[1];
	given?.destroy(closed, RESET_CODES.CANCELLED);
	await settle();
	assert.equal(reception.waiting, 1);
	const taken: string[] = [];
	const incoming = reception.incoming[Symbol.asyncIterator]();
	for (let count = 0; count < 2; count++) {
		const { value } = await incoming.next();
		assert.ok(value !== undefined);
		taken.push(new TextDecoder().decode((await value.receive()) ?? new Uint8Array()));
		if (count === 1) assert.equal(await value.receive(), null);
		else value.reset();
		value.stop();
	}
	assert.deepEqual([taken, reception.waiting, reception.incoming.length], [["hello 0", "hello 2"], 0, 0]);
});

test("reception: openers have their turn, and one may have a quarter of what waits", async (t) => {
	const { reception, open, opened, outcome, settle } = await scene(t, { incomingStreams: 1, waitingOpens: 16 });
	await opened();
	const order: string[] = [];
	for (const peer of ["ann", "ann", "ann", "ann", "ben", "ben"]) void open(undefined, peer).then(() => order.push(peer));
	await settle();
	assert.equal(reception.waiting, 6);
	assert.equal((await outcome(open(undefined, "ann"))).code, "PEER_BUSY");
	const incoming = reception.incoming[Symbol.asyncIterator]();
	for (let taken = 0; taken < 6; taken++) {
		await incoming.next();
		await settle();
	}
	assert.deepEqual(order, ["ann", "ben", "ann", "ben", "ann", "ann"]);
});

test("reception: what comes early on streams of one opener that wait is bounded, and others are not concerned", async (t) => {
	const { reception, opened, openEarly, openRaw, settle } = await scene(t, { incomingStreams: 1 });
	await opened();
	const light = await openEarly("dora");
	light.trySend("light");
	const heavy: Raw[] = [];
	for (let count = 0; count < 75; count++) {
		const raw = openRaw("cleo");
		heavy.push(raw);
		// An opener that keeps the rules has 1 MiB on all its streams.
		for (let sent = 0; sent < 2; sent++) raw.stream.write(FRAME.DATA, new Uint8Array(30_000));
		await settle();
	}
	const rejected = (): number => heavy.filter(({ kinds }) => kinds.includes(FRAME.REJECT)).length;
	// 69 of them have 4,148,832 bytes, and each further one passes 4 MiB.
	assert.deepEqual([rejected(), reception.waiting], [6, 70]);
	assert.ok(!light.over);
	// What was kept of one that leaves does not count any more.
	heavy[0]?.stream.reset(RESET_CODES.CANCELLED);
	heavy[0]?.stream.stop(RESET_CODES.CANCELLED);
	await settle();
	const next = openRaw("cleo");
	next.stream.write(FRAME.DATA, new Uint8Array(60_000));
	await settle();
	assert.deepEqual([next.kinds, rejected(), reception.waiting], [[], 6, 70]);
});

test("reception: on a stream that waits only the early messages and END may come, and it keeps no more than these", async (t) => {
	const { reception, opened, openRaw, settle } = await scene(t, { incomingStreams: 1 });
	await opened();
	const most = new Uint8Array(EARLY_BYTES - UNIT_COST_BYTES);
	const empty = new Uint8Array(0);
	const wrong: readonly (readonly [string, readonly (readonly [number, Uint8Array])[]])[] = [
		["a byte too much", [[FRAME.DATA, new Uint8Array(most.length + 1)]]],
		[
			"an empty message too much",
			[
				[FRAME.DATA, most],
				[FRAME.DATA, empty],
			],
		],
		[
			"a message after END",
			[
				[FRAME.END, empty],
				[FRAME.DATA, empty],
			],
		],
		[
			"END twice",
			[
				[FRAME.END, empty],
				[FRAME.END, empty],
			],
		],
		["STOP", [[FRAME.STOP, encodeCode(0)]]],
		["ACK", [[FRAME.ACK, encodeAck(0, 65_536)]]],
	];
	for (const [what, frames] of wrong) {
		const raw = openRaw("mallory");
		for (const [kind, payload] of frames) raw.stream.write(kind, payload);
		await settle();
		assert.deepEqual([what, raw.codes, raw.kinds, reception.waiting], [what, [RESET_CODES.FRAME_INVALID, RESET_CODES.FRAME_INVALID], [], 0]);
	}
	// As much as may come, with a flood of questions: only the newest is kept. The stream is as good as any.
	const good = openRaw("ann");
	good.stream.write(FRAME.DATA, most);
	for (let count = 1; count <= 1_000; count++) good.stream.write(FRAME.BLOCKED, encodeCount(EARLY_BYTES + 64 * count));
	for (let count = 0; count < 100; count++) good.stream.write(0x90, new Uint8Array(100));
	good.stream.write(FRAME.END, empty);
	await settle();
	assert.deepEqual([good.codes, reception.waiting], [[], 1]);
	const incoming = reception.incoming[Symbol.asyncIterator]();
	await incoming.next();
	const { value } = await incoming.next();
	assert.equal((await value?.receive())?.length, most.length);
	assert.equal(await value?.receive(), null);
});

test("reception: streams that wait for a handler are rejected when it goes, and all when the reception closes", async (t) => {
	const { reception, open, opened, outcome, settle } = await scene(t, { runningHandlers: 0, incomingStreams: 1 }, { "b/1": never });
	const handling = reception.handle("a/1", never);
	const [a, b] = [outcome(open("a/1")), outcome(open("b/1"))];
	await settle();
	assert.equal(reception.waiting, 2);
	handling.close();
	await settle();
	assert.equal((await a).code, "PROTOCOL_UNHANDLED");
	await opened();
	const plain = outcome(open());
	await settle();
	assert.equal(reception.waiting, 2);
	reception.close(closed, RESET_CODES.CLIENT_CLOSED);
	await settle();
	assert.deepEqual(
		[(await b).code, (await plain).code, (await outcome(open())).code, reception.waiting],
		["CLIENT_CLOSED", "CLIENT_CLOSED", "CLIENT_CLOSED", 0],
	);
});

test("reception: a stream whose handler has gone before it is handed over is reset, and nothing else happens", async (t) => {
	const { reception, send, told } = await scene(t);
	// The reset takes the answer along, which was on its way.
	await assert.rejects(send("a/1"), { code: "STREAM_RESET" });
	assert.deepEqual([reception.running, reception.waiting, told], [0, 0, []]);
});

test("reception: a handler is called after the turn that brought its stream, and not when the stream has broken by then", async (t) => {
	const calls: string[] = [];
	const { reception, send, settle } = await scene(t, {}, { "a/1": () => void calls.push("called") });
	const { far } = await send();
	Object.defineProperty(far, "protocol", { value: "a/1" });
	reception.take(far);
	assert.deepEqual([calls, reception.running], [[], 1]);
	await settle();
	assert.deepEqual([calls, reception.running], [["called"], 0]);
	reception.take(far);
	far.destroy(closed);
	await settle();
	assert.deepEqual([calls.length, reception.running], [1, 0]);
});

test("reception: each way to fail is told once, with what was thrown", async (t) => {
	const errors = [new Error("at once"), "a word", undefined, new ConecError("PEER_LOST", "of another stream")];
	const [thrown, rejected, nothing, foreign] = errors;
	const { told, send, reception } = await scene(
		t,
		{},
		{
			"throws/1": () => {
				throw thrown;
			},
			"rejects/1": () => Promise.reject(rejected),
			"nothing/1": () => Promise.reject(nothing),
			"foreign/1": () => Promise.reject(foreign),
			// biome-ignore lint/suspicious/noThenProperty: a promise of another library
			"thenable/1": () => ({ then: (_: unknown, reject: (error: unknown) => void) => reject(thrown) }) as unknown as Promise<void>,
		},
	);
	for (const [protocol, error] of [
		["throws/1", thrown],
		["rejects/1", rejected],
		["nothing/1", nothing],
		["foreign/1", foreign],
		["thenable/1", thrown],
	] as const) {
		const { near, far } = await send(protocol);
		assert.deepEqual(told.splice(0), [{ type: "handler-failed", protocol, peer: "alice", error }]);
		await assert.rejects(near.receive(), { code: "STREAM_RESET", closeCode: 0 });
		assert.deepEqual([await far.closed, reception.running], [{ by: "local", closeCode: 0 }, 0]);
	}
});

test("reception: a stream that its handler has closed already is not touched again", async (t) => {
	const { send, told } = await scene(t, {}, { "a/1": async (stream) => stream.close() });
	const { near, far } = await send("a/1");
	assert.equal(await near.receive(), null);
	near.close().catch(() => undefined);
	await Promise.all([near.closed, far.closed]);
	assert.deepEqual(told, []);
});

test("reception: closing aborts the signals with its error, and what handlers do then is not told", async (t) => {
	const signals: AbortSignal[] = [];
	const { reception, send, told, settle } = await scene(
		t,
		{},
		{
			"waits/1": async (_, { signal }) => {
				signals.push(signal);
				await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
			},
			"fails/1": async (_, { signal }) => {
				await new Promise((resolve) => signal.addEventListener("abort", resolve));
				throw new Error("in the hurry");
			},
		},
	);
	const { near, far } = await send("waits/1");
	await send("fails/1");
	assert.deepEqual([signals[0]?.aborted, reception.running], [false, 2]);
	reception.close(closed, RESET_CODES.CLIENT_CLOSED);
	reception.destroy(new ConecError("COORDINATOR_LOST", "later"), RESET_CODES.NONE);
	assert.equal(signals[0]?.reason, closed);
	await Promise.all([reception.settled(), settle()]);
	assert.deepEqual([told, reception.running], [[], 0]);
	// It has passed on the reason of its signal, so its stream ends as closing ends streams, without waiting for it.
	assert.deepEqual(await far.closed, { by: "local", code: "CLIENT_CLOSED" });
	await assert.rejects(near.receive(), { code: "CLIENT_CLOSED" });
});

test("reception: settled waits for handlers with a live stream, at most lingerMs and two thirds of closeTimeoutMs", async (t) => {
	for (const [limits, ms] of [
		[{ lingerMs: 500, closeTimeoutMs: 3_000 }, 500],
		[{ lingerMs: 2_000, closeTimeoutMs: 900 }, 600],
	] as const) {
		const { reception, send, clock } = await scene(t, limits, { "never/1": never });
		await reception.settled();
		const { far } = await send("never/1");
		reception.close(closed, RESET_CODES.CLIENT_CLOSED);
		const since = clock.now();
		await clock.until(reception.settled(), 5_000);
		assert.equal(clock.now() - since, ms);
		far.destroy(closed);
		await clock.until(reception.settled(), 5_000);
		assert.equal(clock.now() - since, ms, "a handler whose stream is over is not waited for");
	}
});

test("reception: the signal aborts when the stream breaks, not when it ends well", async (t) => {
	const signals: AbortSignal[] = [];
	const { send, settle, clock } = await scene(
		t,
		{},
		{
			"a/1": (stream, { signal }) => {
				signals.push(signal);
				stream.close().catch(() => undefined);
				return never(stream, { signal });
			},
		},
	);
	const good = await send("a/1");
	await clock.until(good.near.close(), 1_000);
	await clock.until(good.far.closed, 1_000);
	const bad = await send("a/1");
	bad.near.reset(3);
	bad.near.stop(3);
	await clock.until(bad.far.closed, 1_000);
	await settle();
	assert.deepEqual(
		signals.map(({ aborted }) => aborted),
		[false, true],
	);
	const reason: unknown = signals[1]?.reason;
	assert.ok(isConecError(reason) && reason.code === "STREAM_RESET");
});

test("reception: a handler that passes on how either direction of its stream broke has not failed", async (t) => {
	const message = new Uint8Array(100_000);
	const sends: ProtocolHandler = async (stream) => {
		for (;;) await stream.send(message);
	};
	const receives: ProtocolHandler = async (stream) => {
		for (;;) await stream.receive();
	};
	const { send, settle, told, reception } = await scene(t, {}, { "sends/1": sends, "receives/1": receives });
	for (const protocol of ["sends/1", "receives/1"]) {
		for (const order of [["reset", "stop"] as const, ["stop", "reset"] as const]) {
			const { near } = await send(protocol);
			for (const how of order) near[how](3);
			await settle();
			assert.deepEqual([told, reception.running], [[], 0], `${protocol}, ${order.join(" then ")}`);
		}
	}
});

test("reception: a handler that wants no messages hears, too, that its stream has broken", async (t) => {
	const signals: AbortSignal[] = [];
	const { send, settle, told, reception, lose } = await scene(
		t,
		{},
		{
			"sends/1": async (stream, { signal }) => {
				signals.push(signal);
				stream.stop();
				for (;;) await stream.send(new Uint8Array(100_000));
			},
			"waits/1": async (stream, { signal }) => {
				signals.push(signal);
				stream.stop();
				await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
			},
		},
	);
	const { near } = await send("waits/1");
	near.stop(3);
	await settle();
	await send("sends/1");
	await send("waits/1");
	lose();
	await settle();
	assert.deepEqual(
		signals.map(({ reason }) => isConecError(reason) && reason.code),
		["STREAM_STOPPED", "CONNECTION_LOST", "CONNECTION_LOST"],
	);
	assert.deepEqual([told, reception.running], [[], 0]);
});

test("reception: closing aborts the signal of a stream that its handler has kept, while that stream lives", async (t) => {
	const signals: AbortSignal[] = [];
	const { reception, send, settle } = await scene(t, {}, { "keeps/1": (_, { signal }) => void signals.push(signal) });
	const over = await send("keeps/1");
	over.near.reset();
	over.far.reset();
	await settle();
	await send("keeps/1");
	assert.equal(reception.running, 0);
	reception.close(closed, RESET_CODES.CLIENT_CLOSED);
	assert.deepEqual(
		signals.map((signal) => signal.reason === closed),
		[false, true],
	);
	await reception.settled();
});

test("reception: messages that came whole reach the handler, also when their stream breaks in the same turn", async (t) => {
	const got: unknown[] = [];
	const { reception, send, settle, told } = await scene(
		t,
		{},
		{
			"reads/1": async (stream) => {
				for await (const message of stream) got.push(new TextDecoder().decode(message));
			},
		},
	);
	const { near, far } = await send();
	await near.send("one");
	await near.send("two");
	await settle();
	Object.defineProperty(far, "protocol", { value: "reads/1" });
	reception.take(far);
	far.destroy(new ConecError("PEER_LOST", "gone"));
	await settle();
	assert.deepEqual([got, told, reception.running], [["one", "two"], [], 0]);
});

test("reception: peers have their turn at the application, also where one has filled the queue", async (t) => {
	const { reception, open, settle } = await scene(t, { incomingStreams: 8, waitingOpens: 64 });
	for (let count = 0; count < 20; count++) void open(undefined, "mallory").catch(() => undefined);
	await settle();
	void open(undefined, "ann");
	await settle();
	assert.deepEqual([reception.incoming.length, reception.waiting], [8, 13]);
	const incoming = reception.incoming[Symbol.asyncIterator]();
	const taken: (string | null | undefined)[] = [];
	for (let count = 0; count < 4; count++) {
		taken.push((await incoming.next()).value?.peer);
		await settle();
	}
	assert.deepEqual(taken, ["mallory", "mallory", "mallory", "ann"]);
});

test("reception: silent streams of eight peers cannot take all handlers that may run", async (t) => {
	const { reception, open, settle } = await scene(t, { runningHandlers: 100, waitingOpens: 100 }, { "a/1": () => new Promise<void>(() => {}) });
	for (let count = 0; count < 20; count++) for (let peer = 0; peer < 8; peer++) void open("a/1", `mallory-${peer}`).catch(() => undefined);
	await settle();
	assert.ok(reception.running >= 80 && reception.running < 100, `${reception.running} run`);
	assert.ok(reception.waiting > 0);
	const before = reception.running;
	const stream = open("a/1", "ann");
	await settle();
	assert.equal((await stream).protocol, "a/1");
	assert.equal(reception.running, before + 1);
});

test("reception: when all places to wait are taken, who has many loses a stream on which nothing has come, for one who has none", async (t) => {
	const { reception, opened, open, openEarly, settle } = await scene(t, { incomingStreams: 1, waitingOpens: 40 });
	await opened();
	const ends: string[] = [];
	const watch = (name: string, opening: Promise<unknown>): void => void opening.catch((error: ConecError) => ends.push(`${name} ${error.code}`));
	// One opener has a quarter; on one of its streams something has come.
	const speaks = await openEarly("mallory");
	await speaks.send("hello");
	await settle();
	for (let count = 0; count < 9; count++) watch("mallory", open(undefined, "mallory"));
	await settle();
	for (let peer = 0; reception.waiting < 40; peer++) {
		watch(`peer-${peer}`, open(undefined, `peer-${peer}`));
		await settle();
	}
	assert.deepEqual(ends, []);
	for (let count = 0; count < 3; count++) watch(`late-${count}`, open(undefined, `late-${count}`));
	await settle();
	assert.deepEqual([ends, reception.waiting], [["mallory PEER_BUSY", "mallory PEER_BUSY", "mallory PEER_BUSY"], 40]);
	assert.equal(speaks.over, false);
	watch("mallory again", open(undefined, "mallory"));
	await settle();
	assert.equal(ends.at(-1), "mallory again PEER_BUSY", "who has many takes nothing from anybody");
});
