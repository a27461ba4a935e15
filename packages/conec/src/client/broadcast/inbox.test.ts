import assert from "node:assert/strict";
import { test } from "node:test";
import type { BroadcastEvent } from "../../stream/broadcast-stream.ts";
import { Inbox } from "./inbox.ts";

const EPOCH = "0".repeat(16);

function stage() {
	const taken: number[] = [];
	const inbox = new Inbox({ describe: "broadcast", taken: (bytes) => taken.push(bytes), waits: () => undefined });
	inbox.begins({ epoch: EPOCH, seq: 1 });
	const message = (seq: number): void => inbox.push({ type: "message", sender: "ann", epoch: EPOCH, seq, data: new Uint8Array(10) }, EPOCH, 0);
	const reader = inbox.iterate();
	const next = async (): Promise<string> => {
		const { value } = await reader.next();
		return value === undefined ? "end" : brief(value);
	};
	return { inbox, message, taken, next };
}

function brief(event: BroadcastEvent): string {
	return event.type === "rejoined" ? `rejoined ${event.recovered}` : event.type === "gap" ? `gap to ${event.toSeq}` : `${event.type} ${event.seq}`;
}

test("inbox: what is unread stays at a loss, gives no credit to the next connection, and is not asked for again", async () => {
	const { inbox, message, taken, next } = stage();
	for (const seq of [2, 3]) message(seq);
	assert.equal(await next(), "message 2");
	assert.equal(taken.length, 1);
	inbox.cutOff();
	assert.deepEqual(inbox.position, { epoch: EPOCH, seq: 3 });
	inbox.rejoined(true, inbox.position);
	message(4);
	inbox.push({ type: "gap", lost: 2, fromSeq: 5, toSeq: 8 }, EPOCH, 70);
	assert.deepEqual([await next(), await next(), taken.length], ["message 3", "rejoined true", 1]);
	assert.deepEqual([await next(), await next(), taken.slice(2)], ["message 4", "gap to 8", [70]]);
	assert.deepEqual(inbox.position, { epoch: EPOCH, seq: 8 });
});

test("inbox: however many losses go unread, no more waits than before the first one and since the last one", async () => {
	const { inbox, message, next } = stage();
	for (const seq of [2, 3]) message(seq);
	for (let loss = 0; loss < 50; loss++) {
		inbox.cutOff();
		assert.deepEqual(inbox.position, { epoch: EPOCH, seq: 3 });
		assert.ok(inbox.length <= 3);
		inbox.rejoined(loss !== 7, inbox.position);
		for (const seq of [4, 5]) message(seq);
		assert.equal(inbox.length, 5);
	}
	const read = [await next(), await next(), await next(), await next()];
	assert.deepEqual(read, ["message 2", "message 3", "rejoined false", "message 4"], "one of the losses was not recovered");
	inbox.cutOff();
	inbox.rejoined(true, inbox.position);
	assert.deepEqual([await next(), await next()], ["message 5", "rejoined true"]);
});

test("inbox: a reader that waits gets what comes at once, and an attempt that fails leaves nothing", async () => {
	const { inbox, message, taken, next } = stage();
	const waiting = next();
	inbox.cutOff();
	inbox.cutOff();
	assert.equal(inbox.waiting, true);
	inbox.rejoined(false, { epoch: "1".repeat(16), seq: 9 });
	assert.equal(await waiting, "rejoined false");
	assert.deepEqual([taken.length, inbox.length], [0, 0]);
	message(2);
	assert.equal(await next(), "message 2");
	assert.equal(taken.length, 1);
	message(3);
	inbox.discard();
	assert.deepEqual([await next(), inbox.length], ["end", 0]);
});
