/**
 * One machine whose peer sends whatever frames it likes, on whatever legs, from one seed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Random, seededRandom } from "../../src/base/random.ts";
import type { FurtherLeg, LegLink } from "../../src/stream/exchange/index.ts";
import type { StreamHandler } from "../../src/transport/transport.ts";
import { RESET_CODES } from "../../src/wire/codes.ts";
import { FRAME } from "../../src/wire/frames.ts";
import { encodeReject } from "../../src/wire/open.ts";
import { encodeAck, encodeCode, encodeCount, encodeResumable } from "../../src/wire/stream-frames.ts";
import { End, messageOf } from "./end.ts";
import { Line, type Side } from "./line.ts";
import { TestAcks, testShares } from "./windows.ts";

const TOKEN = "00112233445566778899aabbccddeeff";
const MESSAGE_BYTES = 100_000;

/** How a run ended, for a test that wants to have met all of them. */
export type HostileEnd = "closed" | "FRAME_INVALID" | "other";

/** Runs one from a seed to its end. Throws what went wrong. */
export function runHostile(seed: number): HostileEnd {
	const random = seededRandom(seed);
	const mine: Side = random.fraction() < 0.5 ? 0 : 1;
	let nowMs = 0;
	const resume = random.fraction() < 0.7 ? { token: TOKEN, forMs: 1_000 } : undefined;
	const end = new End(mine === 0 ? "opener" : "acceptor", {
		windowBytes: 65_536,
		messageBytes: MESSAGE_BYTES,
		keptBytes: 100_000,
		resume,
		now: () => nowMs,
		fraction: () => random.fraction(),
	});
	// What comes need not be numbered.
	Object.assign(end.receiving, {
		push: (message: Uint8Array): void => {
			end.received++;
			end.inbox.push(message);
		},
	});
	const acks = new TestAcks(() => nowMs, end.lent);
	const lines: Line[] = [];
	const link =
		(generation: number) =>
		(handler: StreamHandler): LegLink => {
			const line = new Line(generation, random.fraction() < 0.5, new Set());
			line.handlers[mine] = handler;
			lines.push(line);
			return { wire: line.wire(mine), shares: testShares(200_000, end.lent), acks };
		};
	end.onOpenLeg = (open: FurtherLeg, handler) => (random.fraction() < 0.9 ? link(open.generation)(handler) : undefined);
	if (mine === 0) end.exchange.open(link(0), 10_000);
	else end.exchange.accept(link(0), { limit: countOf(random), messageBytes: MESSAGE_BYTES });
	const pass = (ms: number): void => {
		nowMs += ms;
		if (end.wakeMs === undefined || end.wakeMs > nowMs) return;
		end.wakeMs = undefined;
		end.exchange.expired();
	};
	const polite = random.fraction() < 0.6;
	const answers = random.fraction() < 0.7;
	for (let act = 0; act < 300 && !end.isGone; act++) {
		const line = lines[Math.floor(random.fraction() * lines.length)] as Line;
		const wire = line.wire((1 - mine) as Side);
		const dice = random.fraction();
		if (act === 0 && mine === 0 && answers)
			wire.write(FRAME.RESUMABLE, encodeResumable({ received: 0, limit: 1_000_000, forMs: 1_000, messageBytes: MESSAGE_BYTES }));
		else if (dice < 0.5) {
			const [kind, payload] = polite ? politeFrame(random, end) : frameOf(random);
			wire.write(kind, payload);
		} else if (dice < 0.52) wire.finish();
		else if (dice < 0.53) wire.reset(codeOf(random));
		else if (dice < 0.54) wire.stop(codeOf(random));
		else if (dice < 0.6) end.send(random.fraction() < 0.5 ? 10 : 30_000);
		else if (dice < 0.65) end.read();
		else if (dice < 0.66) end.close();
		else if (dice < 0.67) end.exchange.resetLocally(1);
		else if (dice < 0.68) end.exchange.stopLocally(1, end.inbox.length);
		else if (dice < 0.7) end.exchange.move(random.fraction() < 0.5);
		else if (dice < 0.72 && mine === 1)
			end.exchange.offer({ token: TOKEN, generation: 1 + Math.floor(random.fraction() * 8), received: countOf(random), limit: countOf(random) }, link(99));
		else if (dice < 0.75) line.kill(["connection", "reset"]);
		else if (dice < 0.8) line.notice(mine);
		else if (dice < 0.83) pass(random.fraction() * 500);
		for (const each of lines) {
			for (const side of [0, 1] as const) while (each.sends(side));
			while (each.tell(mine) && random.fraction() < 0.9);
		}
		acks.run(nowMs);
		end.check();
		const held = end.inbox.reduce((sum, message) => sum + message.length + 64, 0);
		assert.ok(held <= 65_536 + MESSAGE_BYTES + 64, `${held} bytes are unread`);
		assert.ok(end.lent.keptBytes <= 100_000 + 30_064, `${end.lent.keptBytes} bytes are kept`);
	}
	// The peer says nothing more, its connections end, and time goes by.
	for (let round = 0; round < 1_000 && !end.isGone; round++) {
		for (const line of lines) {
			line.kill(["connection", "connection"]);
			line.notice(mine);
		}
		acks.run(nowMs + 25);
		if (end.wakeMs === undefined) break;
		pass(end.wakeMs - nowMs);
	}
	assert.ok(end.isGone, `it ends: ${end.told.join(", ")}`);
	return end.exchange.done ? "closed" : end.exchange.outcome.error?.code === "FRAME_INVALID" ? "FRAME_INVALID" : "other";
}

function countOf(random: Random): number {
	const dice = random.fraction();
	if (dice < 0.6) return Math.floor(random.fraction() * 4);
	return dice < 0.9 ? Math.floor(random.fraction() * 200_000) : Number.MAX_SAFE_INTEGER;
}

function codeOf(random: Random): number {
	const codes = [...Object.values(RESET_CODES), 0x4000_0007, 0x3fff_ffff];
	return codes[Math.floor(random.fraction() * codes.length)] as number;
}

/** A frame that an honest peer may send, though not there and not then. */
function politeFrame(random: Random, end: End): readonly [number, Uint8Array] {
	const dice = random.fraction();
	const { sending, incoming } = end.exchange;
	if (dice < 0.5) return [FRAME.DATA, messageOf(0, random.fraction() < 0.95 ? 4 : 9_000)];
	if (dice < 0.8) return [FRAME.ACK, encodeAck(Math.floor(random.fraction() * (sending.sent + 1)), countOf(random))];
	if (dice < 0.85) return [FRAME.BLOCKED, encodeCount(countOf(random))];
	if (dice < 0.86) return [FRAME.STOP, encodeCode(3)];
	if (dice < 0.87) return [FRAME.END, new Uint8Array(0)];
	if (dice < 0.9) return [FRAME.FROM, encodeCount(1 + Math.floor(random.fraction() * (incoming.received + 1)))];
	if (dice < 0.93) return [FRAME.RESUMABLE, encodeResumable({ received: 0, limit: 300_000, forMs: 1_000, messageBytes: 1_000 })];
	return [0x90, new Uint8Array(5)];
}

function frameOf(random: Random): readonly [number, Uint8Array] {
	const dice = Math.floor(random.fraction() * 22);
	if (dice < 8) return [FRAME.DATA, messageOf(0, random.fraction() < 0.7 ? 4 : 30_000)];
	if (dice < 12) return [FRAME.ACK, encodeAck(countOf(random), countOf(random))];
	if (dice < 14) return [FRAME.FROM, encodeCount(countOf(random))];
	if (dice < 15) return [FRAME.BLOCKED, encodeCount(countOf(random))];
	if (dice < 16) return [FRAME.STOP, encodeCode(3)];
	if (dice < 17)
		return [
			FRAME.RESUMABLE,
			encodeResumable({ received: countOf(random), limit: countOf(random), forMs: random.fraction() < 0.5 ? 0 : 5_000, messageBytes: 100 }),
		];
	if (dice < 18) return [FRAME.END, new Uint8Array(0)];
	if (dice < 19) return [FRAME.RESET, encodeCode(4)];
	if (dice < 20) return [FRAME.REJECT, encodeReject({ code: random.fraction() < 0.5 ? "PEER_BUSY" : "RESUME_UNKNOWN" })];
	if (dice < 21) return [0x80, new Uint8Array(3)];
	return [Math.floor(random.fraction() * 256), random.bytes(Math.floor(random.fraction() * 30))];
}
