/**
 * The control stream after the welcome, from a Client and from a Coordinator that break the rules.
 *
 * | bad input                                         | who acts          | what it sees                                    |
 * |---------------------------------------------------|-------------------|-------------------------------------------------|
 * | not JSON, 1 MB, deep, `__proto__`, wrong types    | the raw Client    | close code PROTOCOL_ERROR, with a reason        |
 * | an unknown kind below 0x80, a frame cut short     | the raw Client    | close code PROTOCOL_ERROR                       |
 * | FIN, RESET_STREAM or STOP_SENDING                 | the raw Client    | close code PROTOCOL_ERROR                       |
 * | a kind from 0x80, a pong nobody asked for         | nobody            | it is skipped                                   |
 * | half a frame, and no more                         | the raw Client    | PROTOCOL_ERROR after `controlFrameTimeoutMs` (10 s) |
 * | pings without reading the answers                 | the raw Client    | close code LIMIT_EXCEEDED                       |
 * | any of these from the Coordinator, once welcome   | the application   | `closed`: PROTOCOL_ERROR or COORDINATOR_LOST    |
 * | the same instead of the welcome                   | who connects      | PROTOCOL_ERROR                                  |
 * | no welcome at all                                 | who connects      | COORDINATOR_UNREACHABLE after `requestTimeoutMs` |
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "../../packages/conec/src/index.ts";
import { CLOSE_CODES } from "../../packages/conec/src/wire/codes.ts";
import { FRAME } from "../../packages/conec/src/wire/frames.ts";
import { WELCOME } from "../../packages/conec/testing/odd-coordinator.ts";
import { RESUME } from "../../packages/conec/testing/stream-fixture.ts";
import { disconnects } from "../entities-world.ts";
import { asTold, orForgotten, unlessForgotten } from "../forgotten.ts";
import { impostor, welcome } from "./impostor.ts";
import { RawStream } from "./raw-stream.ts";
import { declare, helloOf, readAll, Stage, sleep, soon, until } from "./stage.ts";

type Case = readonly [what: string, act: (control: RawStream) => unknown];

const control = (payload: string | Uint8Array) => (raw: RawStream) => raw.frame(FRAME.CONTROL, payload);

const BROKEN: readonly Case[] = [
	["not JSON", control("{")],
	["empty", control("")],
	["not UTF-8", control(Uint8Array.of(0x22, 0xff, 0x22))],
	["16 KiB of nesting", control(`${"[".repeat(8_000)}${"]".repeat(8_000)}`)],
	["16 KiB of open brackets", control("[".repeat(16_384))],
	["an array", control("[]")],
	["null", control("null")],
	["a string", control('"ping"')],
	["no type", control("{}")],
	["a type by prototype only", control('{"__proto__":{"type":"ping","nonce":1}}')],
	["a type unknown", control('{"type":"greetings"}')],
	["a type that is an object", control('{"type":{"type":"ping"}}')],
	["a type every object has", control('{"type":"toString"}')],
	["hello again", control(JSON.stringify(helloOf("ben")))],
	["no nonce", control('{"type":"ping"}')],
	["a nonce that is text", control('{"type":"ping","nonce":"1"}')],
	["a nonce too large", control('{"type":"pong","nonce":1e300}')],
	["a negative nonce", control('{"type":"ping","nonce":-1}')],
	["a reason that is none", control('{"type":"close","reason":7}')],
	["1 MB", control(new Uint8Array(1_000_000))],
	["declared 16 KiB + 1", (raw) => raw.bytes(declare(FRAME.CONTROL, 16_385))],
	["declared 16 MiB", (raw) => raw.bytes(declare(FRAME.CONTROL, 0xff_ff_ff))],
	["a skipped kind declared 16 MiB", (raw) => raw.bytes(declare(0x80, 0xff_ff_ff))],
	["DATA", (raw) => raw.frame(FRAME.DATA, "x")],
	["DATA of 1 MiB", (raw) => raw.bytes(declare(FRAME.DATA, 1_048_576))],
	["OPEN", (raw) => raw.frame(FRAME.OPEN, '{"to":"ben","id":1}')],
	["END", (raw) => raw.frame(FRAME.END)],
	["a kind unknown", (raw) => raw.frame(0x1f)],
	["FIN", (raw) => raw.fin()],
	["FIN inside a frame", (raw) => raw.bytes(declare(FRAME.CONTROL, 9)).fin()],
	["RESET_STREAM", (raw) => raw.reset(0)],
	["STOP_SENDING", (raw) => raw.stop(0)],
];

test("control: what a Client must not say ends its connection with a reason, frees its id, and disturbs nobody", async (t) => {
	const stage = await Stage.set(t);
	const cases = [...BROKEN, ["welcome", control('{"type":"welcome"}')], ["refused", control('{"type":"refused","code":"ID_TAKEN"}')]] as Case[];
	await Promise.all(
		cases.map(([what, act], i) =>
			unlessForgotten(async () => {
				const peer = await stage.enter(`mallory-${i}`);
				act(peer.control);
				const info = await peer.closed;
				assert.equal(info.closeCode, CLOSE_CODES.PROTOCOL_ERROR, `${what}: ${info.closeCode} ${info.reason}`);
				assert.ok(info.reason !== "" && info.reason.length <= 256, `${what}: ${info.reason}`);
			}),
		),
	);
	await until(() => stage.coordinator.clientCount === 2, "all ids are free");
});

test("control: what may be said and means nothing is passed over; half a frame holds nobody up", async (t) => {
	const stage = await Stage.set(t);
	const peer = await stage.enter("mallory");
	peer.control
		.frame(0x80, new Uint8Array(16_384))
		.frame(0xff)
		.frame(FRAME.CONTROL, '{"type":"pong","nonce":9007199254740991}')
		.frame(FRAME.CONTROL, '{"type":"ping","nonce":7,"__proto__":null,"more":[[]]}');
	await peer.control.until("CONTROL pong");
	assert.equal(peer.control.last["nonce"], 7);
	peer.control.bytes(declare(FRAME.CONTROL, 16_384), new Uint8Array(16_000));
	await peer.open("nobody").until("REJECT PEER_UNKNOWN", "FIN");
	assert.equal(stage.coordinator.clientCount, 3);
});

test("control: a Client that says it leaves, and does not, is still served until it goes", async (t) => {
	const stage = await Stage.set(t);
	const peer = await stage.enter("mallory");
	peer.control.frame(FRAME.CONTROL, '{"type":"close","reason":"bye"}').frame(FRAME.CONTROL, '{"type":"ping","nonce":1}');
	await peer.control.until("CONTROL pong");
	peer.connection.close(0x07, "");
	await until(() => stage.coordinator.clientCount === 2, "the id is free");
});

test("control: a Client that asks and never reads is closed with LIMIT_EXCEEDED", async (t) => {
	const stage = await Stage.set(t);
	const told = disconnects(stage.coordinator);
	// It takes little: what its machine takes does not lie unread at the Coordinator, which reads a hundred of these questions a second.
	const peer = await stage.enter("mallory", { transport: { streamWindowBytes: 16_384 } }, [], { creditBytes: 1_024 });
	peer.control.reading = false;
	let over = false;
	const closed = peer.connection.closed.finally(() => {
		over = true;
	});
	for (let nonce = 0; !over; ) {
		for (let i = 0; i < 200 && peer.control.queuedBytes < 65_536; i++) peer.control.frame(FRAME.CONTROL, `{"type":"ping","nonce":${nonce++}}`);
		await sleep(0);
		assert.ok(nonce < 1_000_000, "it is closed before a million questions");
	}
	const info = await closed.then(asTold).catch(orForgotten);
	if (info !== undefined) assert.equal(info.closeCode, CLOSE_CODES.LIMIT_EXCEEDED);
	await until(() => told.has("mallory"), "it is told");
	assert.equal(told.get("mallory"), "LIMIT_EXCEEDED");
	await until(() => stage.coordinator.clientCount === 2, "the id is free");
});

test("control: an impostor's answers to hello are PROTOCOL_ERROR where one connects, or its own code, or COORDINATOR_UNREACHABLE in time", async (t) => {
	await Stage.set(t);
	const cases: [string, (raw: RawStream) => unknown, string][] = [
		...BROKEN.map(([what, act]): [string, (raw: RawStream) => unknown, string] => [what, act, "PROTOCOL_ERROR"]),
		["nothing", () => undefined, "COORDINATOR_UNREACHABLE"],
		["half a welcome", (raw) => raw.bytes(declare(FRAME.CONTROL, 300), Buffer.from("{")), "COORDINATOR_UNREACHABLE"],
		["pings only", control('{"type":"ping","nonce":1}'), "COORDINATOR_UNREACHABLE"],
		["a version not offered", welcome({ version: 1 }), "PROTOCOL_ERROR"],
		["limits of nothing", welcome({ limits: { ...WELCOME.limits, messageBytes: 0 } }), "PROTOCOL_ERROR"],
		["limits by prototype", control(`{"type":"welcome","__proto__":${JSON.stringify(WELCOME)}}`), "PROTOCOL_ERROR"],
		["an address that is none", welcome({ observedAddress: "127.0.0.1:1" }), "PROTOCOL_ERROR"],
		["close", control('{"type":"close","reason":""}'), "PROTOCOL_ERROR"],
		["refused", control('{"type":"refused","code":"ID_CONTENDED","retryAfterMs":70}'), "ID_CONTENDED"],
		["refused with a code of the future", control('{"type":"refused","code":"TOO_TALL"}'), "PROTOCOL_ERROR"],
	];
	await Promise.all(
		cases.map(async ([what, act, code]) => {
			const { where } = await impostor(t, act);
			const started = performance.now();
			// Who is answered must not give up before, however slow the machine.
			const limits = code === "COORDINATOR_UNREACHABLE" ? { requestTimeoutMs: 2_000 } : {};
			await assert.rejects(soon(Client.connect({ id: "cleo", ...where, limits }), what), { name: "ConecError", code }, what);
			// Without the limit it would be the default, 10 s.
			assert.ok(performance.now() - started < 8_000, what);
		}),
	);
});

test("control: an impostor that turns bad after the welcome loses the Client, which says why", async (t) => {
	await Stage.set(t);
	const cases: readonly Case[] = [...BROKEN, ["a second welcome", welcome()], ["refused", control('{"type":"refused","code":"ID_TAKEN"}')]];
	await Promise.all(
		cases.map(async ([what, act]) => {
			let speak: () => unknown = () => undefined;
			const { where } = await impostor(t, (raw) => {
				if (raw.words.length > 0) return;
				speak = () => act(raw);
				welcome()(raw);
			});
			const client = await soon(Client.connect({ id: "cleo", ...where, reconnect: false }), what);
			const status = readStatus(client);
			speak();
			const info = await soon(client.closed, what);
			assert.ok(info.code === "PROTOCOL_ERROR" || info.code === "COORDINATOR_LOST", `${what}: ${JSON.stringify(info)}`);
			assert.notEqual(info.reason ?? "", "", what);
			await assert.rejects(client.openStream("ben"), { code: "COORDINATOR_LOST" }, what);
			assert.deepEqual(await soon(status, what), ["connected", "disconnected"], what);
		}),
	);
});

test("control: an impostor's streams to a Client", async (t) => {
	await Stage.set(t);
	let open: () => RawStream = () => new RawStream();
	const { where } = await impostor(t, (control, connection) => {
		open = () => {
			const raw = new RawStream();
			return raw.attach(connection.openStream(raw.handler, { mode: "bytes" }));
		};
		welcome()(control);
	});
	const limits = { headerTimeoutMs: 1_000, incomingStreams: 2, waitingOpens: 1 };
	const client = await Client.connect({ id: "cleo", ...where, limits, reconnect: false });
	await open().bytes(Uint8Array.of(FRAME.OPEN)).until("RESET 4", "STOP 4");
	await open().bytes(declare(FRAME.OPEN, 20_000)).until("RESET 5", "STOP 5");
	await open().frame(FRAME.DATA, "hi").until("RESET 5", "STOP 5");
	await open().frame(FRAME.OPEN, '{"from":"Ben","id":1}').until("REJECT PROTOCOL_ERROR", "FIN");
	await open().frame(FRAME.OPEN, '{"from":{"x":1},"id":1}').until("REJECT PROTOCOL_ERROR", "FIN");
	// Streams that nobody has taken are bounded, others wait, and the rest is told so.
	const taken = [open(), open()].map((raw, i) => raw.frame(FRAME.OPEN, JSON.stringify({ from: "ben", id: i, resume: RESUME })));
	await Promise.all(taken.map((raw) => raw.until("RESUMABLE")));
	const waits = open()
		.frame(FRAME.OPEN, JSON.stringify({ from: "ben", id: 3, resume: RESUME }))
		.frame(FRAME.DATA, "early");
	await open()
		.frame(FRAME.OPEN, JSON.stringify({ from: "ben", id: 4, resume: RESUME }))
		.until("REJECT PEER_BUSY", "FIN");
	assert.deepEqual(waits.words, []);
	const iterator = client.incomingStreams[Symbol.asyncIterator]();
	const first = await soon(iterator.next(), "the first stream");
	assert.equal(first.value.peer, "ben");
	taken[first.value.id]?.frame(FRAME.DATA, "hi").fin();
	assert.deepEqual(await soon(readAll(first.value), "the first stream"), ["hi", "STREAM_TRUNCATED"]);
	await waits.until("RESUMABLE");
	await iterator.return?.();
	await soon(client.close(), "leaving");
});

async function readStatus(client: Client): Promise<string[]> {
	const types: string[] = [];
	for await (const event of client.status()) types.push(event.type);
	return types;
}
