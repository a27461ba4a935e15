/**
 * Members of broadcasts that break the rules: they hear of it, and nobody else does.
 */

import assert from "node:assert/strict";
import type { BroadcastEvent } from "../packages/conec/src/stream/broadcast-stream.ts";
import type { TransportConnection, TransportStream } from "../packages/conec/src/transport/transport.ts";
import { RESET_CODES } from "../packages/conec/src/wire/codes.ts";
import { FRAME } from "../packages/conec/src/wire/frames.ts";
import { decodeAck, decodeResumable, encodeAck, encodeCount } from "../packages/conec/src/wire/stream-frames.ts";
import { collect } from "./broadcast-suite.ts";
import { declare, type Fabric, handler, text, until, utf8, World } from "./entities-world.ts";
import { asTold, unlessForgotten } from "./forgotten.ts";

/** A member that says whatever it likes. */
interface Raw {
	readonly stream: TransportStream;
	/** What has come: "RESUMABLE", "REJECT CODE", "CONTROL type", "ACK 3", "kind 5", "end", "reset 7". */
	readonly log: string[];
}

/** It lets as much come as there is. */
const RESUME = { limit: 2 ** 50, messageBytes: 2_000_000 };

const OPEN = { name: "news", mode: "both", slowReader: "drop-oldest", bufferBytes: 1_048_576 };
const EPOCH = "0123456789abcdef";

function open(connection: TransportConnection, broadcast: object, id: number, resume: object | null = RESUME): Raw {
	const log: string[] = [];
	const stream: TransportStream = connection.openStream(
		{ kind: FRAME.OPEN, payload: utf8(JSON.stringify({ broadcast, id, resume })) },
		handler({
			frame: (kind, payload) => {
				stream.consumed(payload.length);
				if (kind === FRAME.RESUMABLE) log.push("RESUMABLE");
				else if (kind === FRAME.ACK) log.push(`ACK ${decodeAck(payload)?.received}`);
				else if (kind === FRAME.REJECT) log.push(`REJECT ${(JSON.parse(text(payload) ?? "") as { code: string }).code}`);
				else if (kind === FRAME.CONTROL) log.push(`CONTROL ${(JSON.parse(text(payload) ?? "") as { type: string }).type}`);
				else log.push(`kind ${kind}`);
			},
			end: () => log.push("end"),
			reset: (code) => log.push(`reset ${code}`),
		}),
		{ messageBytes: 2_000_000 },
	);
	return { stream, log };
}

/** Declares the tests. */
export function broadcastHostileSuite(fabric: Fabric): void {
	const it = declare(fabric);

	it("broadcast: who has not listed the capability is refused, and may do everything else", async (t) => {
		const world = await World.create(t, fabric);
		const { connection } = await world.enter("plain");
		const { log } = open(connection, OPEN, 1);
		await until(() => log.includes("end"));
		assert.deepEqual([log, world.coordinator.broadcastCount, world.coordinator.clientCount], [["REJECT PROTOCOL_ERROR", "end"], 0, 1]);
	});

	it("broadcast: a message as long as the limit passes; a byte more ends its sender's membership only", async (t) => {
		const world = await World.create(t, fabric, { limits: { messageBytes: 50_000 } });
		const [alice, bob] = await Promise.all([
			world.connect("a".repeat(63), { limits: { messageBytes: 50_000 } }),
			world.connect("bob", { limits: { messageBytes: 50_000 } }),
		]);
		const [sender, reader] = await Promise.all([alice.joinBroadcast("news"), bob.joinBroadcast("news", { mode: "receive", keepOpen: true })]);
		const { connection } = await world.enter("mallory", "ephemeral", ["broadcast"]);
		const mallory = open(connection, OPEN, 1);
		await until(() => mallory.log.includes("CONTROL joined"));
		mallory.stream.write(FRAME.DATA, new Uint8Array(50_001));
		await until(() => mallory.log.includes(`reset ${RESET_CODES.MESSAGE_TOO_LONG}`));
		await assert.rejects(sender.send(new Uint8Array(50_001)), { code: "MESSAGE_TOO_LONG" });
		await sender.send(new Uint8Array(50_000));
		const [event] = (await collect(reader, 1)) as [BroadcastEvent & { type: "message" }];
		assert.deepEqual([event.sender, event.data.length], [alice.id, 50_000]);
		assert.deepEqual(await alice.countBroadcast("news"), { senders: 1, receivers: 2 });
		assert.equal(world.coordinator.clientCount, 3);
	});

	it("broadcast: joining 2,000 names makes as many broadcasts as are allowed, and joining wrongly makes none", async (t) => {
		const world = await World.create(t, fabric, { limits: { broadcasts: 10 } });
		const bob = await world.connect("bob");
		const { connection } = await world.enter("mallory", "ephemeral", ["broadcast"]);
		const names = Array.from({ length: 2_000 }, (_, i) => open(connection, { ...OPEN, name: `name-${i}` }, i));
		await until(() => names.every(({ log }) => log.length >= 1));
		assert.equal(names.filter(({ log }) => log[0] === "RESUMABLE").length, 10);
		assert.equal(names.filter(({ log }) => log[0] === "REJECT LIMIT_EXCEEDED").length, 1_990);
		assert.equal(world.coordinator.broadcastCount, 10);
		const wrong = [
			{ ...OPEN, name: "News" },
			{ ...OPEN, name: "x".repeat(129) },
			{ ...OPEN, mode: "listen" },
			{ ...OPEN, slowReader: "wait" },
			{ ...OPEN, bufferBytes: 1e9 },
			{ ...OPEN, last: -1 },
			{ ...OPEN, last: 1e9 },
			{ ...OPEN, since: { epoch: EPOCH, seq: -1 } },
			{ ...OPEN, since: { epoch: "future", seq: 1 } },
			{ ...OPEN, since: { epoch: EPOCH, seq: 1 }, last: 1 },
			{ ...OPEN, presence: "yes" },
		].map((broadcast, i) => open(connection, broadcast, 2_000 + i));
		await until(() => wrong.every(({ log }) => log[0] === "REJECT PROTOCOL_ERROR"));
		for (const [resume, code] of [
			[undefined, "PROTOCOL_ERROR"],
			[{ limit: 0 }, "PROTOCOL_ERROR"],
			[{ limit: -1, messageBytes: 1 }, "PROTOCOL_ERROR"],
			[{ token: "0".repeat(32), generation: 1, received: 0, limit: 0 }, "RESUME_UNKNOWN"],
		] as const) {
			const { log } = open(connection, { ...OPEN, name: "name-1" }, 2_900, resume ?? null);
			await until(() => log[0] === `REJECT ${code}`).catch(() => assert.fail(`${JSON.stringify(resume)}: ${log}`));
		}
		const blocking = open(connection, { ...OPEN, name: "name-1", slowReader: "block" }, 3_000);
		await until(() => blocking.log[0] === "REJECT BROADCAST_REFUSED");
		// Its header is longer than any may be: 1 MB of "metadata".
		const large = open(connection, { ...OPEN, metadata: "x".repeat(1_000_000) }, 3_001);
		await until(() => large.log.length > 0);
		assert.deepEqual(large.log, [`reset ${RESET_CODES.HEADER_INVALID}`]);
		assert.deepEqual([world.coordinator.broadcastCount, world.coordinator.clientCount], [10, 2], "nobody is the worse for it");
		await assert.rejects(bob.countBroadcast("name-x"), { code: "BROADCAST_UNKNOWN" });
		connection.close(0, "");
		await until(() => world.coordinator.broadcastCount === 0);
	});

	it("broadcast: frames that are not allowed end the membership that sent them, and nothing else", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		const [sender, reader] = await Promise.all([alice.joinBroadcast("news", { mode: "send" }), bob.joinBroadcast("news", { mode: "receive" })]);
		const { connection } = await world.enter("mallory", "ephemeral", ["broadcast"]);
		const invalid = `reset ${RESET_CODES.FRAME_INVALID}`;
		const cases: [object, (stream: TransportStream) => void, string][] = [
			[{ mode: "receive" }, (stream) => stream.write(FRAME.DATA, utf8("x")), invalid],
			[{}, (stream) => stream.write(FRAME.TAGGED, new Uint8Array(100)), invalid],
			[{}, (stream) => stream.write(FRAME.CONTROL, utf8(`{"type":"joined"}`)), invalid],
			[{}, (stream) => stream.write(FRAME.OPEN, utf8("{}")), invalid],
			[{}, (stream) => [FRAME.END, FRAME.END].forEach((kind) => void stream.write(kind, new Uint8Array(0))), invalid],
			[{}, (stream) => [FRAME.END, FRAME.DATA].forEach((kind) => void stream.write(kind, new Uint8Array(0))), invalid],
			[{}, (stream) => [FRAME.RESET, FRAME.END].forEach((kind) => void stream.write(kind, new Uint8Array(4))), invalid],
			[{}, (stream) => stream.write(FRAME.RESET, new Uint8Array(3)), invalid],
			[{}, (stream) => stream.write(FRAME.RESUMABLE, new Uint8Array(24)), invalid],
			[{}, (stream) => stream.write(FRAME.REJECT, utf8(`{"code":"PEER_BUSY"}`)), invalid],
			[{}, (stream) => stream.write(FRAME.FROM, encodeCount(1)), invalid],
			[{}, (stream) => stream.write(FRAME.ACK, new Uint8Array(15)), invalid],
			[{}, (stream) => stream.write(FRAME.ACK, new Uint8Array(16).fill(255)), invalid],
			[{}, (stream) => stream.write(FRAME.ACK, encodeAck(1_000, 0)), invalid],
			[{}, (stream) => stream.write(FRAME.BLOCKED, new Uint8Array(7)), invalid],
			[{}, (stream) => stream.write(FRAME.STOP, new Uint8Array(3)), invalid],
			// More than it was allowed: 64 KiB, and the window that the answer named.
			[{}, (stream) => Array.from({ length: 3 }, () => stream.write(FRAME.DATA, new Uint8Array(1_000_000))), invalid],
			[{}, (stream) => stream.finish(), `reset ${RESET_CODES.STREAM_TRUNCATED}`],
			[{}, (stream) => stream.reset(RESET_CODES.NONE), `reset ${RESET_CODES.CANCELLED}`],
			[{}, (stream) => stream.reset(0x40_00_00_07), `reset ${RESET_CODES.CANCELLED}`],
		];
		for (const [i, [options, act, expected]] of cases.entries()) {
			const member = open(connection, { ...OPEN, ...options }, i);
			await until(() => member.log.includes("CONTROL joined"));
			act(member.stream);
			await until(() => member.log.includes(expected)).catch(() => assert.fail(`case ${i}: ${member.log}`));
			await until(() => world.coordinator.clients().find(({ id }) => id === "mallory")?.streams === 0);
		}
		await sender.send("fine");
		assert.equal((await collect(reader, 1)).length, 1);
		assert.deepEqual(await alice.countBroadcast("news"), { senders: 1, receivers: 1 });
	});

	it("broadcast: a member that floods and never reads hurts itself", async (t) => {
		const world = await World.create(t, fabric, { limits: { broadcastWaitMs: 200 } });
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		const [sender, reader] = await Promise.all([
			alice.joinBroadcast("news", { mode: "send" }),
			bob.joinBroadcast("news", { mode: "receive", bufferBytes: 4 * 1_024 * 1_024 }),
		]);
		const { connection } = await world.enter("mallory", "ephemeral", ["broadcast"]);
		// It sends as much as it may, and lets no more come than it must.
		let limit = 0;
		let cost = 0;
		const stream: TransportStream = connection.openStream(
			{ kind: FRAME.OPEN, payload: utf8(JSON.stringify({ broadcast: { ...OPEN, bufferBytes: 65_536 }, id: 1, resume: { limit: 0, messageBytes: 100_000 } })) },
			handler({
				frame: (kind, payload) => {
					stream.consumed(payload.length);
					if (kind === FRAME.RESUMABLE) limit = decodeResumable(payload)?.limit ?? 0;
					if (kind === FRAME.ACK) limit = decodeAck(payload)?.limit ?? 0;
				},
			}),
		);
		const junk = new Uint8Array(10_000);
		const own: number[] = [];
		const reading = (async () => {
			for await (const event of reader) {
				assert.notEqual(event.type, "gap");
				if (event.type === "message" && event.sender === "alice") own.push(Number(text(event.data)));
				if (own.length === 100) return;
			}
		})();
		for (let i = 0; i < 100; i++) {
			// Less in all than the buffer of the one who reads: on no machine is that one too slow.
			for (let j = 0; j < 4; j++)
				if (cost + junk.length + 64 <= limit) {
					stream.write(FRAME.DATA, junk);
					cost += junk.length + 64;
				}
			await sender.send(String(i));
			await new Promise((resolve) => setTimeout(resolve, 2));
		}
		await reading;
		assert.deepEqual(
			own,
			Array.from({ length: 100 }, (_, i) => i),
		);
		stream.reset(RESET_CODES.NONE);
		await until(() => world.coordinator.clients().find(({ id }) => id === "mallory")?.streams === 0);
	});

	it("broadcast: questions that are wrong, and answers to the Coordinator, end the connection", async (t) => {
		const world = await World.create(t, fabric);
		const closed = (message: object, capabilities: readonly string[]): Promise<void> =>
			unlessForgotten(async () => {
				const { connection, control } = await world.enter("mallory", "ephemeral", capabilities);
				control.write(FRAME.CONTROL, utf8(JSON.stringify(message)));
				assert.equal((await connection.closed.then(asTold)).closeCode, 1, `${JSON.stringify(message)}, ${capabilities}`);
			});
		for (const message of [
			{ type: "broadcast-count", request: 1, name: "News" },
			{ type: "broadcast-count", request: -1, name: "news" },
			{ type: "broadcast-counted", request: 1, senders: 1, receivers: 1 },
			{ type: "broadcast-unknown", request: 1 },
		]) {
			await closed(message, ["broadcast"]);
		}
		await closed({ type: "broadcast-count", request: 1, name: "news" }, []);
	});
}
