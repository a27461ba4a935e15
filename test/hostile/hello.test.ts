/**
 * The first frame of a connection.
 *
 * | bad input                                   | who acts        | what it sees                                              |
 * |---------------------------------------------|-----------------|-----------------------------------------------------------|
 * | hello that never comes                      | the raw Client  | close code HELLO_TIMEOUT after `helloTimeoutMs`           |
 * | half a hello, then a byte at a time, PINGs  | the raw Client  | the same, not later                                       |
 * | hello cut short by FIN, reset, too long     | the raw Client  | close code PROTOCOL_ERROR at once, with a reason that says which |
 * | garbage, another kind, not JSON, wrong types | the raw Client | close code PROTOCOL_ERROR, with a reason                  |
 * | no version in common                        | the raw Client  | `refused VERSION_UNSUPPORTED`, close code REFUSED         |
 * | an id that is taken                         | the raw Client  | `refused ID_TAKEN`, close code REFUSED                    |
 * | a second hello, in the same packet or later | the raw Client  | close code PROTOCOL_ERROR; its id is free                 |
 * | a stream instead of the hello               | the raw Client  | close code PROTOCOL_ERROR                                 |
 * | a stream right behind the hello             | nobody          | it waits for the welcome, then works                      |
 */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { CLOSE_CODES } from "../../packages/conec/src/wire/codes.ts";
import { FRAME } from "../../packages/conec/src/wire/frames.ts";
import { unlessForgotten } from "../forgotten.ts";
import { declare, helloOf, Stage, sent, sleep, until } from "./stage.ts";

/** Long enough for the hello of a bystander on a slow machine; the default is 5 s. */
const limits = { helloTimeoutMs: 1_000, headerTimeoutMs: 1_000 };
const hello = (changes: Record<string, unknown> = {}): string => JSON.stringify({ ...helloOf("mallory"), ...changes });

test("hello: one that never comes is HELLO_TIMEOUT in time, and PINGs and drops of bytes do not put it off", async (t) => {
	const stage = await Stage.set(t, { limits });
	const whole = Buffer.from(hello());
	const halves = [
		[],
		// With what drips, the length is 8,224 bytes.
		[declare(FRAME.CONTROL, whole.length).subarray(0, 2)],
		[declare(FRAME.CONTROL, whole.length)],
		[declare(FRAME.CONTROL, whole.length), whole.subarray(0, 20)],
		[declare(FRAME.CONTROL, 16_384), whole],
	];
	await Promise.all(
		halves.map((parts, i) =>
			unlessForgotten(async () => {
				const peer = await stage.dial({ transport: { keepAliveIntervalMs: 50 } });
				const started = performance.now();
				const raw = peer.stream().bytes(...parts);
				const drip = setInterval(() => parts.length > 0 && raw.bytes(Uint8Array.of(0x20)), 60);
				const info = await peer.closed.finally(() => clearInterval(drip));
				const took = performance.now() - started;
				assert.equal(info.closeCode, CLOSE_CODES.HELLO_TIMEOUT, `case ${i}: ${info.reason}`);
				assert.ok(took < 4_000, `case ${i}: ${took} ms`);
			}),
		),
	);
	assert.equal(stage.coordinator.clientCount, 2);
});

test("hello: cut short, reset or too long, it is answered at once with PROTOCOL_ERROR and the reason", async (t) => {
	// Nothing here may wait for a deadline.
	const stage = await Stage.set(t, { limits: { helloTimeoutMs: 60_000, headerTimeoutMs: 60_000 } });
	const cases: [string, (peer: Awaited<ReturnType<Stage["dial"]>>) => unknown, RegExp][] = [
		["FIN at once", (peer) => peer.stream().fin(), /cut short/],
		["FIN inside the header", (peer) => peer.stream().bytes(Uint8Array.of(4, 0)).fin(), /cut short/],
		["FIN inside the hello", (peer) => peer.stream().bytes(declare(FRAME.CONTROL, 200), Buffer.from(hello())).fin(), /cut short/],
		["reset inside the hello", async (peer) => (await sent(peer.stream().bytes(declare(FRAME.CONTROL, 200)))).reset(0), /reset/],
		["one byte over the limit", (peer) => peer.stream().bytes(declare(FRAME.CONTROL, 16_385)), /too long/],
		["16 MiB", (peer) => peer.stream().bytes(declare(FRAME.CONTROL, 0xff_ff_ff)), /too long/],
		["1 MB", (peer) => peer.stream().frame(FRAME.CONTROL, new Uint8Array(1_000_000)), /too long/],
		["a frame to be skipped", (peer) => peer.stream().frame(0x80, "hello?"), /not the control stream/],
	];
	await Promise.all(
		cases.map(([what, act, reason]) =>
			unlessForgotten(async () => {
				const peer = await stage.dial();
				await act(peer);
				const info = await peer.closed;
				assert.equal(info.closeCode, CLOSE_CODES.PROTOCOL_ERROR, `${what}: ${info.closeCode} ${info.reason}`);
				assert.match(info.reason, reason, what);
			}),
		),
	);
	assert.equal(stage.coordinator.clientCount, 2);
});

test("hello: one of 16 KiB is welcome", async (t) => {
	const stage = await Stage.set(t);
	const peer = await stage.dial();
	const long = hello({ future: "" });
	await peer
		.stream()
		.frame(FRAME.CONTROL, long.replace('"future":""', `"future":"${"x".repeat(16_384 - long.length)}"`))
		.until("CONTROL welcome");
	assert.equal(stage.coordinator.clientCount, 3);
});

test("hello: what is none is PROTOCOL_ERROR with a reason", async (t) => {
	const stage = await Stage.set(t);
	const nested = `${'{"a":'.repeat(600)}1${"}".repeat(600)}`;
	const cases: [string, number, string | Uint8Array][] = [
		["nothing", FRAME.CONTROL, ""],
		["not JSON", FRAME.CONTROL, "hello!"],
		["not UTF-8", FRAME.CONTROL, Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d)],
		["random bytes", FRAME.CONTROL, randomBytes(4096)],
		["half of the JSON", FRAME.CONTROL, hello().slice(0, -1)],
		["two of them", FRAME.CONTROL, hello() + hello()],
		["two ids", FRAME.CONTROL, hello().replace("{", '{"\\u0069d":"ben",')],
		["a byte order mark", FRAME.CONTROL, `\ufeff${hello()}`],
		["half of a surrogate pair", FRAME.CONTROL, hello().replace("{", '{"future":"\\ud800",')],
		["the same in a key", FRAME.CONTROL, hello().replace("{", '{"\\udc00":1,')],
		["the same, raw", FRAME.CONTROL, Buffer.concat([Buffer.from('{"future":"'), Buffer.of(0xed, 0xa0, 0x80), Buffer.from('"}')])],
		["an integer that is not exact", FRAME.CONTROL, hello().replace("{", '{"future":9007199254740993,')],
		["a number that overflows", FRAME.CONTROL, hello().replace("{", '{"future":1e400,')],
		["an array", FRAME.CONTROL, `[${hello()}]`],
		["null", FRAME.CONTROL, "null"],
		["a number", FRAME.CONTROL, "1e999"],
		["ping", FRAME.CONTROL, '{"type":"ping","nonce":1}'],
		["welcome", FRAME.CONTROL, '{"type":"welcome","version":2}'],
		["close", FRAME.CONTROL, '{"type":"close","reason":""}'],
		["a type unknown", FRAME.CONTROL, '{"type":"constructor"}'],
		["no type", FRAME.CONTROL, '{"versions":[2],"id":"mallory","key":"kept","capabilities":[]}'],
		["only by prototype", FRAME.CONTROL, `{"__proto__":${hello()}}`],
		["no versions", FRAME.CONTROL, hello({ versions: [] })],
		["versions of another type", FRAME.CONTROL, hello({ versions: "1" })],
		["a fraction of a version", FRAME.CONTROL, hello({ versions: [1.5] })],
		["too many versions", FRAME.CONTROL, hello({ versions: new Array(17).fill(1) })],
		["no id", FRAME.CONTROL, hello({ id: undefined })],
		["an id in capitals", FRAME.CONTROL, hello({ id: "Mallory" })],
		["an id with a NUL", FRAME.CONTROL, hello({ id: "mallory\0" })],
		["an id in Cyrillic", FRAME.CONTROL, hello({ id: "mаllory" })],
		["an id that looks like an address", FRAME.CONTROL, hello({ id: "127.0.0.1" })],
		["an id of 64 bytes", FRAME.CONTROL, hello({ id: "m".repeat(64) })],
		["an id with a trailing dot", FRAME.CONTROL, hello({ id: "mallory." })],
		["an id that is an object", FRAME.CONTROL, hello({ id: { toString: "mallory" } })],
		["a key of no kind", FRAME.CONTROL, hello({ key: "borrowed" })],
		["capabilities that are none", FRAME.CONTROL, hello({ capabilities: [null] })],
		["too many capabilities", FRAME.CONTROL, hello({ capabilities: new Array(33).fill("a") })],
		["long metadata", FRAME.CONTROL, hello({ metadata: "x".repeat(1024) })],
		["deep metadata", FRAME.CONTROL, hello({ metadata: JSON.parse(`${"[".repeat(40)}${"]".repeat(40)}`) })],
		["deeper than the stack likes", FRAME.CONTROL, `{"metadata":${nested.slice(0, 3_000)}`],
		["__proto__ in metadata", FRAME.CONTROL, hello().replace("}", ',"metadata":{"__proto__":{"a":1}}}')],
		["OPEN", FRAME.OPEN, '{"id":1}'],
		["OPEN to a bystander", FRAME.OPEN, '{"to":"ben","id":1}'],
		["DATA", FRAME.DATA, "hi"],
		["END", FRAME.END, ""],
		["a kind unknown", 0x3f, hello()],
	];
	await Promise.all(
		cases.map(([what, kind, payload]) =>
			unlessForgotten(async () => {
				const peer = await stage.dial();
				peer.stream().frame(kind, payload);
				const info = await peer.closed;
				assert.equal(info.closeCode, CLOSE_CODES.PROTOCOL_ERROR, `${what}: ${info.closeCode} ${info.reason}`);
				assert.notEqual(info.reason, "", what);
				assert.ok(info.reason.length <= 256 && !info.reason.includes("\0"), `${what}: ${info.reason}`);
			}),
		),
	);
	assert.equal(stage.coordinator.clientCount, 2);
	assert.equal(({} as Record<string, unknown>)["a"], undefined, "the prototype of all objects is as it was");
});

test("hello: refused with a word where the rules allow no more", async (t) => {
	const stage = await Stage.set(t);
	const versions = await stage.dial();
	const asked = versions.stream().frame(FRAME.CONTROL, hello({ versions: [2, 65_535] }));
	assert.equal((await versions.closed).closeCode, CLOSE_CODES.REFUSED);
	await asked.until("CONTROL refused");
	assert.equal(asked.last["code"], "VERSION_UNSUPPORTED");
	assert.deepEqual(asked.last["versions"], [2]);

	const squatter = await stage.dial();
	const taken = squatter.stream().frame(FRAME.CONTROL, JSON.stringify(helloOf("ben")));
	assert.equal((await squatter.closed).closeCode, CLOSE_CODES.REFUSED);
	await taken.until("CONTROL refused");
	assert.equal(taken.last["code"], "ID_TAKEN");
	assert.equal(stage.coordinator.clientCount, 2);
});

test("hello: fields that nobody knows are passed over, `__proto__` too", async (t) => {
	const stage = await Stage.set(t);
	const peer = await stage.dial();
	const odd = `{"__proto__":{"id":"ben"},"constructor":1,"future":[[[]]],${hello().slice(1)}`;
	await peer.stream().frame(FRAME.CONTROL, odd).until("CONTROL welcome");
	assert.deepEqual(
		stage.coordinator
			.clients()
			.map((client) => client.id)
			.sort(),
		["ann", "ben", "mallory"],
	);
});

test("hello: a second one, at once or later, ends the connection and frees the id", async (t) => {
	const stage = await Stage.set(t);
	for (const wait of [false, true]) {
		const peer = await stage.dial();
		const control = peer.stream().frame(FRAME.CONTROL, hello());
		if (wait) await control.until("CONTROL welcome");
		control.frame(FRAME.CONTROL, hello({ id: wait ? "ben" : "mallory" }));
		const info = await peer.closed;
		assert.equal(info.closeCode, CLOSE_CODES.PROTOCOL_ERROR, info.reason);
		await until(() => stage.coordinator.clientCount === 2, "the id is free");
	}
});

test("hello: a control stream that ends with it ends the connection", async (t) => {
	const stage = await Stage.set(t, { limits });
	for (const end of ["fin", "reset"] as const) {
		const peer = await stage.dial();
		const control = peer.stream().frame(FRAME.CONTROL, hello());
		if (end === "fin") control.fin();
		else control.reset(0);
		const info = await peer.closed;
		assert.ok(info.closeCode === CLOSE_CODES.PROTOCOL_ERROR || info.closeCode === CLOSE_CODES.HELLO_TIMEOUT, `${end}: ${info.closeCode}`);
	}
	await until(() => stage.coordinator.clientCount === 2, "the id is free");
});

test("hello: streams right behind it wait for the welcome, and then work", async (t) => {
	const stage = await Stage.set(t);
	const peer = await stage.dial();
	const control = peer.stream().frame(FRAME.CONTROL, hello());
	const streams = Array.from({ length: 20 }, () => peer.open("nobody"));
	await control.until("CONTROL welcome");
	await Promise.all(streams.map((stream) => stream.until("REJECT PEER_UNKNOWN", "FIN", "STOP 10")));
	await sleep(0);
	assert.equal(stage.coordinator.clientCount, 3);
});
