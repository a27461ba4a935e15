import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createVirtualClock } from "../../testing/memory/virtual-clock.ts";
import { ConecError } from "../errors.ts";
import { resolveLimits } from "../limits.ts";
import type { StreamHandler, TransportStream } from "../transport/transport.ts";
import { FRAME } from "../wire/frames.ts";
import { encodeAck, encodeCode, encodeResumable } from "../wire/stream-frames.ts";
import type { LegLink } from "./exchange/index.ts";
import { StreamBudgets } from "./flow.ts";
import { FramedStream } from "./framed-stream.ts";
import { StreamShell } from "./shell.ts";
import { AckSchedule, SendBudget } from "./windows/index.ts";

const LIMITS = resolveLimits({ sendHighWaterBytes: 1_024, waitingSends: 3, messageBytes: 700 });

/** A transport that writes down what it is told and checks that it may be told so. */
class Script {
	readonly written: number[] = [];
	queuedBytes = 0;
	creditReturned = 0;
	finished = false;
	over = false;

	readonly stream: TransportStream = {
		write: (kind, payload) => {
			assert.equal(this.finished, false, "nothing is written after FIN");
			if (this.over) {
				return -1;
			}
			if (kind === FRAME.DATA) {
				assert.ok(!this.written.includes(FRAME.END), "no message after END");
			} else if (kind !== FRAME.ACK && kind !== FRAME.BLOCKED) {
				assert.ok(!this.written.includes(kind), `kind ${kind} is written once`);
			}
			this.written.push(kind);
			this.queuedBytes += payload.length + 4;
			return this.queuedBytes;
		},
		writeUrgent: (kind, payload) => this.stream.write(kind, payload),
		writeFrames: () => assert.fail("a stream of messages has one frame at a time"),
		queuedBytes: 0,
		finish: () => {
			assert.equal(this.finished, false, "FIN once");
			assert.ok(this.over || this.written.includes(FRAME.END) || this.written.includes(FRAME.RESET), "FIN after the last message");
			this.finished = true;
		},
		reset: () => {
			this.over = true;
		},
		stop() {},
		consumed: (bytes) => {
			this.creditReturned += bytes;
		},
		get connection(): never {
			return assert.fail("not asked for");
		},
	};

	constructor() {
		Object.defineProperty(this.stream, "queuedBytes", { get: () => this.queuedBytes });
	}
}

type Step =
	| { readonly type: "frame"; readonly kind: number; readonly length: number }
	| { readonly type: "reset" | "stopped"; readonly code: number }
	| { readonly type: "end" | "drained" | "finished" | "close" | "receive" | "next" | "dispose" }
	| { readonly type: "send"; readonly length: number }
	| { readonly type: "localReset" | "localStop"; readonly code: number };

/** Often what that kind needs. */
function payloadOf(kind: number, length: number): Uint8Array {
	if (kind === FRAME.RESUMABLE) return encodeResumable({ received: 0, limit: 65_536, forMs: 0, messageBytes: 700 });
	if (kind === FRAME.ACK) return encodeAck(length % 4, 65_536 + length);
	if (kind === FRAME.STOP || kind === FRAME.RESET) return encodeCode(length);
	return new Uint8Array(length);
}

const code = fc.constantFrom(0, 1, 2, 7, 9, 10, 0x1234, 0x4000_0000, 0x4000_0009);
const step: fc.Arbitrary<Step> = fc.oneof(
	{
		weight: 6,
		arbitrary: fc.record({
			type: fc.constant("frame" as const),
			kind: fc.constantFrom(0, 0, 0, 3, 6, 0x10, 0x10, 0x11, 0x13, 0x15, 0x16, 4, 0x20, 0x90),
			length: fc.nat({ max: 60 }),
		}),
	},
	{ weight: 1, arbitrary: fc.record({ type: fc.constantFrom("reset" as const, "stopped" as const), code }) },
	{
		weight: 5,
		arbitrary: fc.record({
			type: fc.constantFrom("end" as const, "drained" as const, "finished" as const, "close" as const, "receive" as const, "next" as const),
		}),
	},
	{ weight: 4, arbitrary: fc.record({ type: fc.constant("send" as const), length: fc.nat({ max: 800 }) }) },
	{ weight: 1, arbitrary: fc.record({ type: fc.constantFrom("localReset" as const, "localStop" as const), code: fc.nat({ max: 99 }) }) },
);

test("stream state: whatever happens in whatever order, FIN comes last, frames keep their order, and each promise settles", async () => {
	await fc.assert(
		fc.asyncProperty(fc.boolean(), fc.array(step, { maxLength: 40 }), async (opening, steps) => {
			const script = new Script();
			const clock = createVirtualClock();
			const subject = { peer: "bob", describe: "stream 1", lostCode: "PEER_LOST" } as const;
			const shell = new StreamShell(opening ? "opener" : "acceptor", subject, LIMITS, {
				clock,
				budgets: new StreamBudgets(LIMITS, clock),
			});
			const { exchange } = shell;
			const shares = new SendBudget({ connectionWindowBytes: 10_000_000, severalPeers: false });
			const legs: StreamHandler[] = [];
			const attach = (handler: StreamHandler): LegLink => {
				legs.push(handler);
				return { wire: script.stream, shares, acks: new AckSchedule(clock) };
			};
			if (opening) exchange.open(attach, 1_000);
			else exchange.accept(attach, { limit: 65_536, messageBytes: 700 });
			const [state] = legs as [StreamHandler];
			const stream = new FramedStream({ peer: "bob", id: 1, path: "proxied", metadata: undefined, limits: LIMITS, describe: "stream 1" }, shell);
			const iterator = stream[Symbol.asyncIterator]();
			const promises: Promise<unknown>[] = [shell.accepted];
			let finReceived = false;
			let arrivedBytes = 0;
			for (const one of steps) {
				switch (one.type) {
					case "frame":
						if (!finReceived) {
							const payload = payloadOf(one.kind, one.length);
							arrivedBytes += payload.length;
							state.frame(one.kind, payload);
						}
						break;
					case "end":
						if (!finReceived) {
							finReceived = true;
							state.end();
						}
						break;
					case "reset":
						if (!finReceived) {
							finReceived = true;
							state.reset(one.code);
						}
						break;
					case "stopped":
						if (!script.over) {
							script.over = true;
							state.stopped(one.code);
						}
						break;
					case "drained":
						script.queuedBytes = 0;
						if (!script.over) {
							state.drained();
						}
						break;
					case "finished":
						if (script.finished && !script.over) {
							script.over = true;
							state.finished();
						}
						break;
					case "close":
						promises.push(stream.close());
						break;
					case "receive":
						promises.push(stream.receive());
						break;
					case "next":
						promises.push(iterator.next());
						break;
					case "send":
						promises.push(stream.send(new Uint8Array(one.length)));
						break;
					case "localReset":
						stream.reset(one.code);
						break;
					case "localStop":
						stream.stop(one.code);
						break;
					default:
						break;
				}
				assert.ok(script.creditReturned <= arrivedBytes);
				if (exchange.over) {
					assert.notEqual(await Promise.race([stream.closed, Promise.resolve(undefined)]), undefined, "closed has resolved");
				}
			}
			state.lost(new ConecError("CONNECTION_LOST", "gone"));
			assert.equal(exchange.gone, true);
			// The timer of ACKs goes when there are none.
			await Promise.resolve();
			assert.equal(clock.pending, 0);
			const info = await stream.closed;
			assert.ok(["local", "peer", "error"].includes(info.by));
			const outcomes = await Promise.allSettled(promises);
			for (const outcome of outcomes) {
				assert.ok(outcome.status === "fulfilled" || typeof outcome.reason.code === "string");
			}
			// What waits is delivered, then the end or the error; and again.
			while (stream.waitingMessages > 0) {
				await iterator.return?.();
				assert.notEqual(await stream.receive(), null);
			}
			await assert.doesNotReject(stream[Symbol.asyncDispose]());
			await assert.rejects(stream.send("x"));
		}),
		{ numRuns: 1_500 },
	);
});
