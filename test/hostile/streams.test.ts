/**
 * Streams whose other side breaks the rules, proxied to a Client and to the Coordinator itself.
 *
 * | bad input                                           | the application sees             | the offender sees            |
 * |-----------------------------------------------------|----------------------------------|------------------------------|
 * | FIN without END, inside a frame or before RESUMABLE | STREAM_TRUNCATED                 | RESET 8                      |
 * | reset before END                                    | STREAM_RESET                     | -                            |
 * | a connection that dies                              | PEER_LOST                        | -                            |
 * | DATA declared one byte over the limit, or 16 MiB    | MESSAGE_TOO_LONG                 | RESET and STOP 7             |
 * | any other kind over 16 KiB                          | MESSAGE_TOO_LONG                 | RESET and STOP 7             |
 * | an unknown kind below 0x80, or one not allowed there | FRAME_INVALID                   | RESET and STOP 6             |
 * | a kind from 0x80                                    | nothing: it is skipped           | nothing                      |
 * | DATA, END or RESET after END, ACK of what was not sent | FRAME_INVALID                    | RESET and STOP 6             |
 * | RESUMABLE twice, DATA or END before RESUMABLE       | FRAME_INVALID                    | RESET and STOP 6             |
 * | REJECT with a code that is not known, or that is not understood | PROTOCOL_ERROR       | nothing                      |
 * | no answer to OPEN                                   | PEER_TIMEOUT                     | RESET and STOP 9             |
 * | ACK that never comes                                | `close` waits for its signal; FIN instead: STREAM_TRUNCATED | - |
 * | OPEN that never comes, or drop by drop              | nothing                          | RESET and STOP 4 in time     |
 * | OPEN cut short, too long, or another kind           | nothing                          | RESET and STOP 5             |
 * | OPEN that is not understood                         | nothing                          | REJECT PROTOCOL_ERROR        |
 * | a message longer than the limit, at the sender      | MESSAGE_TOO_LONG; nothing queued | nothing                      |
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Client, MessageStream } from "../../packages/conec/src/index.ts";
import { FRAME } from "../../packages/conec/src/wire/frames.ts";
import { encodeCode, encodeCount } from "../../packages/conec/src/wire/stream-frames.ts";
import type { RawStream } from "./raw-stream.ts";
import { declare, next, readAll, Stage, soon, text } from "./stage.ts";

const LIMIT = 65_536;
const limits = { messageBytes: LIMIT };

/** What one side does once the stream is open, what the application at the other side reads, and what the offender is told. */
type Case = readonly [what: string, act: (raw: RawStream) => unknown, reads: readonly string[], told: readonly string[]];

const INVALID = ["RESET 6", "STOP 6"];
const TOO_LONG = ["RESET 7", "STOP 7"];
/** Its own direction has ended: there is nothing to stop. */
const CUT = ["RESET 8"];
const HI = Buffer.from("hi");

/** The same whoever opened the stream. */
const OPEN_STREAM_CASES: readonly Case[] = [
	["FIN without END", (raw) => raw.frame(FRAME.DATA, "hi").fin(), ["hi", "STREAM_TRUNCATED"], CUT],
	["FIN alone", (raw) => raw.fin(), ["STREAM_TRUNCATED"], CUT],
	["FIN inside a frame header", (raw) => raw.frame(FRAME.DATA, "hi").bytes(Uint8Array.of(0, 0)).fin(), ["hi", "STREAM_TRUNCATED"], CUT],
	["FIN inside DATA", (raw) => raw.bytes(declare(FRAME.DATA, 100), HI).fin(), ["STREAM_TRUNCATED"], CUT],
	["FIN inside a large DATA", (raw) => raw.bytes(declare(FRAME.DATA, LIMIT), new Uint8Array(LIMIT - 1)).fin(), ["STREAM_TRUNCATED"], CUT],
	["FIN inside a skipped frame", (raw) => raw.bytes(declare(0x90, 10), HI).fin(), ["STREAM_TRUNCATED"], CUT],
	["reset", (raw) => raw.frame(FRAME.DATA, "hi").reset(0x4000_0007), ["STREAM_RESET"], []],
	["reset with a code of the future", (raw) => raw.reset(0x3fff_ffff), ["STREAM_RESET"], []],
	["reset with the greatest code", (raw) => raw.reset(2 ** 53 - 1), ["STREAM_RESET"], []],
	["DATA of exactly the limit, and the end", (raw) => raw.frame(FRAME.DATA, new Uint8Array(LIMIT)).frame(FRAME.END), [`${LIMIT} bytes`, "end"], ["ACK"]],
	["DATA declared one byte over the limit", (raw) => raw.frame(FRAME.DATA, "hi").bytes(declare(FRAME.DATA, LIMIT + 1)), ["hi", "MESSAGE_TOO_LONG"], TOO_LONG],
	["DATA declared 16 MiB", (raw) => raw.bytes(declare(FRAME.DATA, 0xff_ff_ff)), ["MESSAGE_TOO_LONG"], TOO_LONG],
	["END declared 16 KiB + 1", (raw) => raw.bytes(declare(FRAME.END, 16_385)), ["MESSAGE_TOO_LONG"], TOO_LONG],
	["a skipped kind declared 16 KiB + 1", (raw) => raw.bytes(declare(0xff, 16_385)), ["MESSAGE_TOO_LONG"], TOO_LONG],
	[
		"skipped kinds, empty and of 16 KiB, between messages",
		(raw) => raw.frame(0x80).frame(FRAME.DATA, "hi").frame(0xff, new Uint8Array(16_384)).frame(FRAME.DATA, "ho").frame(0x80).frame(FRAME.END),
		["hi", "ho", "end"],
		["ACK"],
	],
	["payload in END", (raw) => raw.frame(FRAME.END, "ignored"), ["end"], ["ACK"]],
	["an unknown kind", (raw) => raw.frame(FRAME.DATA, "hi").frame(0x08), ["hi", "FRAME_INVALID"], INVALID],
	["a kind kept for later", (raw) => raw.frame(0x14), ["FRAME_INVALID"], INVALID],
	["the last kind that ends a stream", (raw) => raw.frame(0x7f), ["FRAME_INVALID"], INVALID],
	["OPEN again", (raw) => raw.frame(FRAME.OPEN, '{"id":7}'), ["FRAME_INVALID"], INVALID],
	["RESUMABLE that is not due", (raw) => raw.answer(), ["FRAME_INVALID"], INVALID],
	["FROM on the first leg", (raw) => raw.frame(FRAME.FROM, encodeCount(1)), ["FRAME_INVALID"], INVALID],
	["BLOCKED cut short", (raw) => raw.frame(FRAME.BLOCKED, "abc"), ["FRAME_INVALID"], INVALID],
	["STOP cut short", (raw) => raw.frame(FRAME.STOP), ["FRAME_INVALID"], INVALID],
	["RESET cut short", (raw) => raw.frame(FRAME.RESET), ["FRAME_INVALID"], INVALID],
	["ACK cut short", (raw) => raw.frame(FRAME.ACK, "abc"), ["FRAME_INVALID"], INVALID],
	["REJECT that is not due", (raw) => raw.frame(FRAME.REJECT, '{"code":"PEER_BUSY"}'), ["FRAME_INVALID"], INVALID],
	["CONTROL", (raw) => raw.frame(FRAME.CONTROL, '{"type":"ping","nonce":1}'), ["FRAME_INVALID"], INVALID],
	["TAGGED", (raw) => raw.frame(FRAME.TAGGED, "a"), ["FRAME_INVALID"], INVALID],
	["ACK of what was not sent", (raw) => raw.ack(1), ["FRAME_INVALID"], INVALID],
	["random bytes", (raw) => raw.bytes(Uint8Array.of(0x42, 0, 0, 3, 1, 2, 3, 0x99)), ["FRAME_INVALID"], INVALID],
];

/** What is wrong only after END: the application has its end, and the error is the stream's. */
const AFTER_END_CASES: readonly Case[] = [
	["DATA after END", (raw) => raw.frame(FRAME.DATA, "hi").frame(FRAME.END).frame(FRAME.DATA, "ho"), ["hi", "end"], INVALID],
	["END twice", (raw) => raw.frame(FRAME.END).frame(FRAME.END), ["end"], INVALID],
	["an unknown kind after END", (raw) => raw.frame(FRAME.END).frame(0x20), ["end"], INVALID],
	["RESET after END", (raw) => raw.frame(FRAME.END).frame(FRAME.RESET, encodeCode(1)), ["end"], INVALID],
	["ACK of what was not sent after END", (raw) => raw.frame(FRAME.END).ack(1), ["end"], INVALID],
];

/** The application's side of a stream that a raw peer opened. */
interface Target {
	readonly name: string;
	readonly to: string | undefined;
	readonly streams: AsyncIterable<MessageStream>;
}

async function targets(stage: Stage): Promise<{ cleo: Client; list: Target[] }> {
	const cleo = await stage.connect("cleo", { limits });
	return {
		cleo,
		list: [
			{ name: "proxied", to: "cleo", streams: cleo.incomingStreams },
			{ name: "to the Coordinator", to: undefined, streams: stage.coordinator.incomingStreams },
		],
	};
}

test("streams: an opener that breaks the rules gets its code, the application another, and the connection lives on", async (t) => {
	const stage = await Stage.set(t, { limits });
	const { list } = await targets(stage);
	const mallory = await stage.enter("mallory");
	for (const { name, to, streams } of list) {
		for (const [what, act, reads, told] of [...OPEN_STREAM_CASES, ...AFTER_END_CASES]) {
			const about = `${name}: ${what}`;
			const raw = mallory.open(to);
			const [stream] = await Promise.all([next(streams), raw.until("RESUMABLE")]);
			act(raw);
			assert.deepEqual(await soon(readAll(stream), about), reads, about);
			await raw.until(...told).catch((error) => assert.fail(`${about}: ${error.message}`));
			if (told === INVALID || told === TOO_LONG || told === CUT) {
				const expected = told === INVALID ? "FRAME_INVALID" : told === TOO_LONG ? "MESSAGE_TOO_LONG" : "STREAM_TRUNCATED";
				assert.equal((await soon(stream.closed, about)).code, expected, about);
				await assert.rejects(stream.send("too late"), { code: expected }, about);
			}
			stream.reset();
			stream.stop();
		}
	}
	await mallory.open("nobody").until("REJECT PEER_UNKNOWN");
	assert.equal(stage.coordinator.clientCount, 4);
});

test("streams: an acceptor that breaks the rules after RESUMABLE", async (t) => {
	const stage = await Stage.set(t, { limits });
	const cleo = await stage.connect("cleo", { limits });
	const mallory = await stage.enter("mallory");
	for (const [what, act, reads, told] of [...OPEN_STREAM_CASES, ...AFTER_END_CASES]) {
		const incoming = mallory.incoming();
		const opening = cleo.openStream("mallory");
		const raw = (await incoming).answer();
		const stream = await soon(opening, what);
		act(raw);
		assert.deepEqual(await soon(readAll(stream), what), reads, what);
		await raw.until(...told).catch((error) => assert.fail(`${what}: ${error.message}`));
		stream.reset();
		stream.stop();
	}
	assert.equal(stage.coordinator.clientCount, 4);
});

test("streams: an acceptor that answers wrongly, or not at all", async (t) => {
	const stage = await Stage.set(t, { limits });
	const cleo = await stage.connect("cleo", { limits });
	// Those that are never answered are hers: whoever waits for an answer that comes must not give up before, however slow the machine.
	const hasty = await stage.connect("hasty", { limits: { ...limits, requestTimeoutMs: 2_000 } });
	const mallory = await stage.enter("mallory");
	const cases: [string, (raw: RawStream) => unknown, string, readonly string[]][] = [
		["no answer", () => undefined, "PEER_TIMEOUT", ["RESET 9", "STOP 9"]],
		["half of one", (raw) => raw.bytes(Uint8Array.of(FRAME.RESUMABLE, 0)), "PEER_TIMEOUT", ["RESET 9", "STOP 9"]],
		["only what is skipped", (raw) => raw.frame(0x80, "thinking"), "PEER_TIMEOUT", ["RESET 9", "STOP 9"]],
		["only STOP_SENDING", (raw) => raw.stop(0x0a), "PEER_TIMEOUT", ["STOP 9"]],
		["DATA first", (raw) => raw.frame(FRAME.DATA, "hi"), "FRAME_INVALID", INVALID],
		["END first", (raw) => raw.frame(FRAME.END), "FRAME_INVALID", INVALID],
		["OPEN first", (raw) => raw.frame(FRAME.OPEN, '{"id":1}'), "FRAME_INVALID", INVALID],
		["a kind unknown first", (raw) => raw.frame(0x3f), "FRAME_INVALID", INVALID],
		["FIN first", (raw) => raw.fin(), "STREAM_TRUNCATED", CUT],
		["FIN inside RESUMABLE", (raw) => raw.bytes(Uint8Array.of(FRAME.RESUMABLE, 0)).fin(), "STREAM_TRUNCATED", CUT],
		["reset first", (raw) => raw.reset(0x4000_0001), "STREAM_RESET", []],
		["16 MiB first", (raw) => raw.bytes(declare(FRAME.DATA, 0xff_ff_ff)), "MESSAGE_TOO_LONG", TOO_LONG],
		["REJECT", (raw) => raw.frame(FRAME.REJECT, '{"code":"PEER_BUSY"}').fin(), "PEER_BUSY", []],
		["REJECT with a code of the future", (raw) => raw.frame(FRAME.REJECT, '{"code":"TOO_LATE"}').fin(), "PROTOCOL_ERROR", []],
		["REJECT with a code of the prototype", (raw) => raw.frame(FRAME.REJECT, '{"code":"CONSTRUCTOR"}').fin(), "PROTOCOL_ERROR", []],
		["REJECT without a code", (raw) => raw.frame(FRAME.REJECT, "{}").fin(), "PROTOCOL_ERROR", []],
		["REJECT with a code that is an object", (raw) => raw.frame(FRAME.REJECT, '{"code":{}}').fin(), "PROTOCOL_ERROR", []],
		["REJECT that is not JSON", (raw) => raw.frame(FRAME.REJECT, "no").fin(), "PROTOCOL_ERROR", []],
		["REJECT without FIN", (raw) => raw.frame(FRAME.REJECT, '{"code":"PEER_BUSY"}'), "PEER_BUSY", []],
	];
	const waiting: Promise<unknown>[] = [];
	for (const [what, act, code, told] of cases) {
		const incoming = mallory.incoming();
		const refused = assert.rejects((code === "PEER_TIMEOUT" ? hasty : cleo).openStream("mallory"), { code, peer: "mallory" }, what);
		// One is opened after the other, so that each has its own stream; the answers are waited for together.
		const raw = await incoming;
		act(raw);
		waiting.push(
			soon(refused, what),
			raw.until(...told).catch((error) => assert.fail(`${what}: ${error.message}`)),
		);
	}
	await Promise.all(waiting);
	const incoming = mallory.incoming();
	const opening = cleo.openStream("mallory");
	(await incoming).frame(0x80, "skipped").answer().frame(FRAME.DATA, "hi");
	assert.equal(text(await (await opening).receive()), "hi");
});

test("streams: an END that is never acknowledged holds `close` only as long as its signal, and FIN in its place is STREAM_TRUNCATED", async (t) => {
	const stage = await Stage.set(t, { limits });
	const { list } = await targets(stage);
	const mallory = await stage.enter("mallory");
	for (const { name, to, streams } of list) {
		const raw = mallory.open(to);
		const stream = await soon(next(streams), name);
		const closing = stream.close();
		closing.catch(() => undefined);
		await raw.until("END");
		await assert.rejects(stream.close({ signal: AbortSignal.timeout(50) }), { name: "TimeoutError" }, name);
		raw.frame(FRAME.END).fin();
		await assert.rejects(soon(closing, name), { code: "STREAM_TRUNCATED" }, name);
		assert.equal((await soon(stream.closed, name)).code, "STREAM_TRUNCATED", name);
	}
	for (const { name, to, streams } of list) {
		const raw = mallory.open(to);
		const stream = await soon(next(streams), name);
		const closing = stream.close();
		await raw.until("END");
		raw.ack(1).ack(2);
		await soon(closing, name);
		await raw.until(...INVALID);
		assert.deepEqual(await readAll(stream), ["FRAME_INVALID"], `${name}: ACK of what was not sent`);
	}
});

test("streams: a connection that dies in a message is PEER_LOST for its peer and for the Coordinator", async (t) => {
	const stage = await Stage.set(t, { limits });
	const { list } = await targets(stage);
	for (const { name, to, streams } of list) {
		const mallory = await stage.enter("mallory");
		const raw = mallory.open(to);
		const stream = await soon(next(streams), name);
		raw.frame(FRAME.DATA, "hi").bytes(declare(FRAME.DATA, 1000), HI);
		assert.equal(text(await stream.receive()), "hi");
		const waiting = stream.receive();
		mallory.connection.close(0x77, "no reason that anybody knows");
		await assert.rejects(soon(waiting, name), { code: "PEER_LOST", peer: "mallory" }, name);
		assert.equal((await stream.closed).code, "PEER_LOST", name);
	}
});

test("streams: a header that is late, in drops, cut short, too long or no OPEN", async (t) => {
	const stage = await Stage.set(t, { limits: { ...limits, headerTimeoutMs: 1_000 } });
	const mallory = await stage.enter("mallory", { transport: { keepAliveIntervalMs: 50 } });
	const open = '{"to":"ben","id":1}';
	const LATE = ["RESET 4", "STOP 4"];
	const WRONG = ["RESET 5", "STOP 5"];
	const CUT_WRONG = ["RESET 5"];
	const deep = `{"to":"ben","id":1,"metadata":${"[".repeat(7_000)}${"]".repeat(7_000)}}`;
	const cases: [string, (raw: RawStream) => unknown, readonly string[]][] = [
		["one byte", (raw) => raw.bytes(Uint8Array.of(FRAME.OPEN)), LATE],
		["no payload", (raw) => raw.bytes(declare(FRAME.OPEN, open.length)), LATE],
		["half a payload", (raw) => raw.bytes(declare(FRAME.OPEN, open.length), Buffer.from(open).subarray(0, 9)), LATE],
		["FIN at once", (raw) => raw.fin(), CUT_WRONG],
		["FIN inside the header", (raw) => raw.bytes(Uint8Array.of(FRAME.OPEN, 0)).fin(), CUT_WRONG],
		["FIN inside OPEN", (raw) => raw.bytes(declare(FRAME.OPEN, 100), Buffer.from(open)).fin(), CUT_WRONG],
		["16 KiB + 1", (raw) => raw.bytes(declare(FRAME.OPEN, 16_385)), WRONG],
		["16 MiB", (raw) => raw.bytes(declare(FRAME.OPEN, 0xff_ff_ff)), WRONG],
		["DATA", (raw) => raw.frame(FRAME.DATA, open), WRONG],
		["CONTROL", (raw) => raw.frame(FRAME.CONTROL, '{"type":"ping","nonce":1}'), WRONG],
		["RESUMABLE", (raw) => raw.answer(), WRONG],
		["a kind that is skipped elsewhere", (raw) => raw.frame(0x80).frame(FRAME.OPEN, open), WRONG],
		["not JSON", (raw) => raw.frame(FRAME.OPEN, "ben"), ["REJECT PROTOCOL_ERROR", "FIN"]],
		["empty", (raw) => raw.frame(FRAME.OPEN), ["REJECT PROTOCOL_ERROR", "FIN"]],
		["deep nesting", (raw) => raw.frame(FRAME.OPEN, deep), ["REJECT PROTOCOL_ERROR", "FIN"]],
		["__proto__ in metadata", (raw) => raw.frame(FRAME.OPEN, '{"to":"ben","id":1,"metadata":{"__proto__":1}}'), ["REJECT PROTOCOL_ERROR", "FIN"]],
		["to by prototype only", (raw) => raw.frame(FRAME.OPEN, '{"__proto__":{"to":"ben","id":1}}'), ["REJECT PROTOCOL_ERROR", "FIN"]],
		["a wrong name", (raw) => raw.frame(FRAME.OPEN, '{"to":"BEN","id":1}'), ["REJECT PROTOCOL_ERROR", "FIN"]],
		["a name that is an array", (raw) => raw.frame(FRAME.OPEN, '{"to":["ben"],"id":1}'), ["REJECT PROTOCOL_ERROR", "FIN"]],
		["null for a name", (raw) => raw.frame(FRAME.OPEN, '{"to":null,"id":1}'), ["REJECT PROTOCOL_ERROR", "FIN"]],
		["a negative number", (raw) => raw.frame(FRAME.OPEN, '{"to":"ben","id":-1}'), ["REJECT PROTOCOL_ERROR", "FIN"]],
		["a number too large", (raw) => raw.frame(FRAME.OPEN, '{"to":"ben","id":9007199254740992}'), ["REJECT PROTOCOL_ERROR", "FIN"]],
		["nobody there", (raw) => raw.frame(FRAME.OPEN, '{"to":"nobody","id":1}'), ["REJECT PEER_UNKNOWN", "FIN"]],
	];
	await Promise.all(
		cases.map(async ([what, act, told]) => {
			const started = performance.now();
			const raw = mallory.stream();
			act(raw);
			const drip = setInterval(() => told === LATE && what !== "one byte" && raw.bytes(Uint8Array.of(0)), 150);
			await raw
				.until(...told)
				.catch((error) => assert.fail(`${what}: ${error.message}`))
				.finally(() => clearInterval(drip));
			// Without the limit it would be the default, 5 s. That drops put nothing off shows in what is told: complete, they are another answer.
			assert.ok(performance.now() - started < 4_000, what);
		}),
	);
	assert.equal(stage.coordinator.clientCount, 3);
	assert.equal(({} as Record<string, unknown>)["to"], undefined);
});

test("streams: what an application asks for wrongly fails where it asks", async (t) => {
	const stage = await Stage.set(t, { limits });
	const cleo = await stage.connect("cleo", { limits });
	const dora = await stage.connect("dora", { limits });
	const [stream, far] = await Promise.all([cleo.openStream("dora"), next(dora.incomingStreams)]);
	await assert.rejects(stream.send(new Uint8Array(LIMIT + 1)), { code: "MESSAGE_TOO_LONG" });
	assert.throws(() => stream.trySend(new Uint8Array(LIMIT + 1)), { code: "MESSAGE_TOO_LONG" });
	await stream.send(new Uint8Array(LIMIT));
	await stream.send("");
	assert.equal((await far.receive())?.length, LIMIT);
	assert.equal((await far.receive())?.length, 0);
	await assert.rejects(cleo.openStream("nobody"), { code: "PEER_UNKNOWN", peer: "nobody" });
	await assert.rejects(cleo.openStream("Nobody"), { name: "TypeError", code: "ID_INVALID" });
	await assert.rejects(stage.coordinator.openStream("nobody"), { code: "PEER_UNKNOWN", peer: "nobody" });
});

test("streams: a Client that takes only shorter messages says so, and a longer one is refused at its sender", async (t) => {
	const stage = await Stage.set(t);
	const [cleo, small] = await Promise.all([stage.connect("cleo"), stage.connect("small", { limits: { messageBytes: 1000 } })]);
	for (const path of ["proxied", "direct"] as const) {
		const [stream, far] = await Promise.all([cleo.openStream("small", { path }), next(small.incomingStreams)]);
		await assert.rejects(stream.send(new Uint8Array(1001)), { code: "MESSAGE_TOO_LONG" });
		await stream.send(new Uint8Array(1000));
		assert.equal((await far.receive())?.length, 1000);
	}
	// What goes before the answer cannot know.
	const early = await cleo.openStream("small", { path: "proxied", early: true });
	assert.equal(early.trySend(new Uint8Array(1001)), true);
	const far = await next(small.incomingStreams);
	assert.deepEqual(await soon(readAll(far), "the reader"), ["MESSAGE_TOO_LONG"]);
	assert.deepEqual(await soon(readAll(early), "the writer"), ["MESSAGE_TOO_LONG"]);
});
