import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createVirtualClock } from "../../testing/memory/virtual-clock.ts";
import { COORDINATOR_DEFAULT_LIMITS } from "../limits.ts";
import { TimedFrames } from "../transport/timed-frames.ts";
import type { IncomingStream, StreamHandler, TransportConnection } from "../transport/transport.ts";
import { COORDINATOR_DIALECT } from "./control-stream.ts";
import { answerHello } from "./greeting.ts";
import { createNatTestKeys } from "./nat-test-keys.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes of the heap that each of many keeps. What is made once for all of them is made before. */
function bytesOfEach(make: () => unknown): number {
	const [warm, kept] = [Array.from({ length: 100 }, make), new Array<unknown>(COUNT).fill(undefined)];
	collect();
	const before = process.memoryUsage().heapUsed;
	for (let index = 0; index < COUNT; index++) kept[index] = make();
	collect();
	const after = process.memoryUsage().heapUsed;
	assert.equal(warm.length + kept.length, 100 + COUNT);
	return (after - before) / COUNT;
}

const COUNT = 3_000;

test("idle cost: a control stream holds little until something waits on it", () => {
	const clock = createVirtualClock();
	const connection = { closed: new Promise(() => undefined) } as unknown as TransportConnection;
	const bytes = { queuedBytes: 0, write: () => 0, finish: () => undefined, reset: () => undefined, stop: () => undefined, consumed: () => undefined };
	const accept = (handler: StreamHandler) => new TimedFrames(handler, 5_000, clock).over(bytes, connection);
	const incoming = { connection, header: { kind: 0, payload: new Uint8Array(0) }, accept } as unknown as IncomingStream;
	const each = bytesOfEach(() => answerHello(incoming, COORDINATOR_DIALECT, COORDINATOR_DEFAULT_LIMITS, clock));
	// An object literal with a getter has a hidden class of its own each time. With those, and maps that stayed empty, it was 8,800.
	assert.ok(each < 2_300, `${each} bytes`);
});

test("idle cost: the keys of a session are one small object", () => {
	const each = bytesOfEach(() => createNatTestKeys("101112131415161718191a1b1c1d1e1f"));
	assert.ok(each < 500, `${each} bytes`);
});
