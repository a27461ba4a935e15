/**
 * Members of broadcasts that are cut off inside a frame, or declare more than may be; what can be done with whole frames is in
 * `test/broadcast-hostile-suite.ts`.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { FRAME } from "../../packages/conec/src/wire/frames.ts";
import type { RawStream } from "./raw-stream.ts";
import { declare, type RawPeer, Stage, soon, until } from "./stage.ts";

const LIMIT = 65_536;

async function member(peer: RawPeer, id: number): Promise<RawStream> {
	const broadcast = { name: "news", mode: "both", slowReader: "drop-oldest", bufferBytes: 1_048_576, keepOpen: true };
	return await peer
		.stream()
		.frame(FRAME.OPEN, JSON.stringify({ broadcast, id, resume: { limit: 2 ** 50, messageBytes: LIMIT } }))
		.until("CONTROL joined");
}

test("hostile: a member that is cut off inside a frame, or declares too much, is out; what it began is not given to anybody", async (t) => {
	const stage = await Stage.set(t, { limits: { messageBytes: LIMIT } });
	const alice = await stage.connect("alice");
	const news = await alice.joinBroadcast("news", { keepOpen: true });
	const heard: string[] = [];
	void (async () => {
		for await (const event of news) if (event.type === "message") heard.push(Buffer.from(event.data).toString());
	})().catch(() => undefined);
	const peer = await stage.enter("mallory", {}, ["broadcast"]);
	const cases: [(raw: RawStream) => unknown, string[]][] = [
		[(raw) => raw.frame(FRAME.DATA, "whole").bytes(declare(FRAME.DATA, 10), Buffer.from("half")).fin(), ["RESET 8"]],
		[(raw) => raw.bytes(Uint8Array.of(FRAME.DATA, 0)).fin(), ["RESET 8"]],
		[(raw) => raw.bytes(declare(FRAME.DATA, LIMIT + 1)), ["RESET 7", "STOP 7"]],
		[(raw) => raw.bytes(declare(FRAME.DATA, 0xff_ff_ff)), ["RESET 7", "STOP 7"]],
		[(raw) => raw.bytes(declare(FRAME.CONTROL, 20_000)), ["RESET 7", "STOP 7"]],
		[(raw) => raw.bytes(declare(0x42, 1), Uint8Array.of(1)), ["RESET 6", "STOP 6"]],
		[(raw) => raw.bytes(declare(FRAME.DATA, 10), Buffer.from("half")).reset(5), ["RESET 9"]],
	];
	for (const [i, [act, told]] of cases.entries()) {
		const raw = await member(peer, i);
		act(raw);
		await raw.until(...told);
	}
	await until(() => heard.includes("whole"), "what came whole is given out");
	assert.deepEqual(await alice.countBroadcast("news"), { senders: 1, receivers: 1 });
	// A kind that must be skipped is skipped.
	const fine = await member(peer, 100);
	fine.frame(0x90, "what is this").frame(FRAME.DATA, "after it");
	await until(() => heard.includes("after it"), "the message after it");
	// Its whole connection dies in the middle of a frame.
	fine.bytes(declare(FRAME.DATA, 1_000), Buffer.from("half"));
	peer.connection.close(0, "gone");
	await soon(peer.connection.closed, "the end");
	await until(() => stage.coordinator.clientCount === 3, "it is gone");
	assert.deepEqual(await alice.countBroadcast("news"), { senders: 1, receivers: 1 });
	await news.send("on");
	await until(() => heard.includes("on"), "the others go on");
	assert.deepEqual(heard, ["whole", "after it", "on"]);
	await stage.unharmed();
});
