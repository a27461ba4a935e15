import assert from "node:assert/strict";
import { test } from "node:test";
import { messageOf } from "../../../testing/legs/end.ts";
import { MESSAGE_BYTES, Recorded, TOKEN } from "../../../testing/legs/recorded.ts";
import { ConecError, type ConecErrorCode } from "../../errors.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import { FRAME } from "../../wire/frames.ts";
import { encodeReject } from "../../wire/open.ts";
import { encodeAck, encodeCode, encodeCount, encodeResumable } from "../../wire/stream-frames.ts";

type Role = "opener" | "acceptor";
type Step = (recorded: Recorded) => void;

const NOTHING = new Uint8Array(0);
const beyond = Uint8Array.of(0, 0x20, 0, 0, 0, 0, 0, 0);

const frame =
	(kind: number, payload: Uint8Array = NOTHING, leg = -1): Step =>
	(recorded) =>
		recorded.legs.at(leg)?.frame(kind, payload);
const resumable = (received = 0, limit = 65_536, forMs = 60_000): Step =>
	frame(FRAME.RESUMABLE, encodeResumable({ received, limit, forMs, messageBytes: MESSAGE_BYTES }));
const data: Step = frame(FRAME.DATA, messageOf(0, 4));
const end: Step = frame(FRAME.END);
const ack = (received: number, limit = 65_536): Step => frame(FRAME.ACK, encodeAck(received, limit));
const from = (first: number): Step => frame(FRAME.FROM, encodeCount(first));
const reset =
	(code: number): Step =>
	(recorded) =>
		recorded.legs.at(-1)?.reset(code);
const stopped =
	(code: number): Step =>
	(recorded) =>
		recorded.legs.at(-1)?.stopped(code);
const fin: Step = (recorded) => recorded.legs.at(-1)?.end();
const send: Step = (recorded) => void recorded.end.send(4);
const close: Step = (recorded) => recorded.end.close();
const turn: Step = (recorded) => recorded.turn();
const lost: Step = (recorded) => recorded.legs.at(-1)?.lost(new ConecError("CONNECTION_LOST", "gone"));
const offer =
	(generation: number, received = 0): Step =>
	(recorded) => {
		const offered = recorded.end.exchange.offer({ token: TOKEN, generation, received, limit: 65_536 }, (handler) => recorded.link(generation, handler));
		if (offered !== "taken") recorded.log.push(`refuse ${Object.entries(RESET_CODES).find(([, value]) => value === offered.refuse)?.[0]}`);
	};

function after(role: Role, forMs: number, steps: readonly Step[]): Recorded {
	const recorded = new Recorded(role, forMs);
	for (const step of steps) step(recorded);
	return recorded;
}

/** The other leg of a stream, at either end. */
const another: Readonly<Record<Role, readonly Step[]>> = {
	opener: [resumable(), turn, lost, resumable()],
	acceptor: [lost, offer(1)],
};
const answered: Readonly<Record<Role, readonly Step[]>> = { opener: [resumable(), turn], acceptor: [] };

/** What ends a stream at either end, with the state before it: `first` is an answered leg 0, `another` a leg 1 that is up. */
const INVALID: readonly (readonly [what: string, where: "first" | "another" | "both", steps: readonly Step[]])[] = [
	["FROM on the first leg", "first", [from(1)]],
	["FROM with 0", "another", [from(0)]],
	["FROM with a gap", "another", [from(2)]],
	["FROM twice", "another", [from(1), from(1)]],
	["FROM cut short", "another", [frame(FRAME.FROM, new Uint8Array(7))]],
	["FROM beyond 2^53 - 1", "another", [frame(FRAME.FROM, beyond)]],
	["a message before FROM", "another", [data]],
	["END before FROM", "another", [end]],
	["RESET before FROM", "another", [frame(FRAME.RESET, encodeCode(1))]],
	["a message after END", "first", [end, data]],
	["END after END", "first", [end, end]],
	["RESET after END", "first", [end, frame(FRAME.RESET, encodeCode(1))]],
	["a message after RESET", "first", [frame(FRAME.RESET, encodeCode(1)), data]],
	["a message after END on another leg", "another", [from(1), end, data]],
	["a message beyond the limit", "first", [frame(FRAME.DATA, messageOf(0, 65_000)), frame(FRAME.DATA, messageOf(1, 1_000))]],
	["an empty message beyond the limit", "first", [frame(FRAME.DATA, messageOf(0, 65_472)), frame(FRAME.DATA, NOTHING)]],
	["ACK of what was not sent", "both", [ack(1)]],
	["ACK cut short", "both", [frame(FRAME.ACK, new Uint8Array(15))]],
	["ACK beyond 2^53 - 1", "both", [frame(FRAME.ACK, Uint8Array.from([...new Uint8Array(8), ...beyond]))]],
	["BLOCKED cut short", "both", [frame(FRAME.BLOCKED, new Uint8Array(3))]],
	["STOP cut short", "both", [frame(FRAME.STOP, new Uint8Array(3))]],
	["STOP with a code that is not the application's", "both", [frame(FRAME.STOP, Uint8Array.of(0x40, 0, 0, 0))]],
	["RESET cut short", "first", [frame(FRAME.RESET, new Uint8Array(3))]],
	["OPEN again", "both", [frame(FRAME.OPEN)]],
	["RESUMABLE twice, or from the opener", "both", [resumable()]],
	["REJECT after the answer, or from the opener", "both", [frame(FRAME.REJECT, encodeReject({ code: "PEER_BUSY" }))]],
	["CONTROL", "both", [frame(FRAME.CONTROL)]],
	["TAGGED", "both", [frame(FRAME.TAGGED)]],
	["a kind that is kept for later", "both", [frame(0x14)]],
];

for (const role of ["opener", "acceptor"] as const) {
	test(`stream faults: what is not allowed ends the stream at the ${role}, on all legs`, () => {
		for (const forMs of [0, 60_000]) {
			for (const [what, where, steps] of INVALID) {
				for (const on of ["first", "another"] as const) {
					if (where !== "both" && where !== on) continue;
					if (forMs === 0 && on === "another") continue;
					const recorded = after(role, forMs, on === "first" ? (role === "opener" ? [resumable(0, 65_536, forMs), turn] : []) : another[role]);
					recorded.log.length = 0;
					for (const step of steps) step(recorded);
					const leg = on === "first" ? 0 : 1;
					assert.deepEqual(recorded.log, [`${leg}: reset FRAME_INVALID`, `${leg}: stop FRAME_INVALID`], `${what}, forMs ${forMs}`);
					assert.equal(recorded.end.exchange.outcome.error?.code, "FRAME_INVALID", what);
					assert.equal(recorded.end.isGone, true, what);
				}
			}
		}
	});
}

test("stream faults: what the first answer may not be", () => {
	for (const [what, step] of [
		["a message", data],
		["END", end],
		["ACK", ack(0)],
		["FROM", from(1)],
		["STOP", frame(FRAME.STOP, encodeCode(1))],
		["BLOCKED", frame(FRAME.BLOCKED, encodeCount(1))],
		["RESUMABLE cut short", frame(FRAME.RESUMABLE, new Uint8Array(23))],
		["RESUMABLE of what was not sent", resumable(1)],
		["RESUMABLE beyond 2^53 - 1", frame(FRAME.RESUMABLE, Uint8Array.from([...beyond, ...new Uint8Array(16)]))],
		["a kind that is not known", frame(0x08)],
	] as const) {
		for (const forMs of [0, 60_000]) {
			const {
				end: { exchange, told },
				log,
			} = after("opener", forMs, [step]);
			assert.deepEqual([exchange.outcome.error?.code, log.at(-1)], ["FRAME_INVALID", "0: stop FRAME_INVALID"], what);
			assert.ok(told.includes("refused"), what);
		}
	}
	const skipped = after("opener", 0, [frame(0x80), frame(0xff), resumable(0, 65_536, 0)]);
	assert.deepEqual(skipped.end.told, ["opened"], "kinds that are skipped come at any time");
});

test("stream faults: an OPEN that counts what was not sent ends the stream, one that is old only itself", () => {
	const wrong = after("acceptor", 60_000, [lost, offer(1, 1)]);
	assert.deepEqual([wrong.log.at(-1), wrong.end.exchange.outcome.error?.code], ["refuse FRAME_INVALID", "FRAME_INVALID"]);
	const old = after("acceptor", 60_000, [lost, offer(3), offer(3), offer(2)]);
	assert.deepEqual(old.log.slice(-2), ["refuse MOVED", "refuse MOVED"]);
	assert.equal(old.end.exchange.over, false);
	const ordinary = after("acceptor", 0, [offer(1)]);
	assert.deepEqual([ordinary.log.at(-1), ordinary.end.exchange.over], ["refuse RESUME_UNKNOWN", false]);
	const gone = after("acceptor", 60_000, [reset(RESET_CODES.CANCELLED), offer(1)]);
	assert.equal(gone.log.at(-1), "refuse RESUME_UNKNOWN");
});

test("stream faults: smaller counts and limits are no error, the greater ones count", () => {
	for (const role of ["opener", "acceptor"] as const) {
		const recorded = after(role, 60_000, [...answered[role], send, send, ack(2, 90_000), ack(1, 65_536), ack(0, 0)]);
		assert.deepEqual([recorded.end.exchange.sending.acked, recorded.end.exchange.over], [2, false]);
	}
});

const FATAL: readonly (readonly [number, ConecErrorCode])[] = [
	[RESET_CODES.FRAME_INVALID, "FRAME_INVALID"],
	[RESET_CODES.MESSAGE_TOO_LONG, "MESSAGE_TOO_LONG"],
	[RESET_CODES.CLIENT_CLOSED, "CLIENT_CLOSED"],
	[RESET_CODES.FORBIDDEN, "STREAM_RESET"],
	[RESET_CODES.SEAL_FAILED, "STREAM_RESET"],
	[RESET_CODES.RESUME_EXPIRED, "RESUME_EXPIRED"],
	[RESET_CODES.CANCELLED, "STREAM_RESET"],
];

test("stream faults: fatal codes end a stream on whatever leg they come, all others end the leg", () => {
	const fatal = new Set(FATAL.map(([code]) => code));
	const others = [...Object.values(RESET_CODES).filter((code) => !fatal.has(code)), 0x3f_ff_ff_ff, 0x4000_0000, 0x4000_0009];
	for (const role of ["opener", "acceptor"] as const) {
		for (const cut of [reset, stopped]) {
			for (const [code, error] of FATAL) {
				for (const before of [answered[role], another[role]]) {
					const recorded = after(role, 60_000, [...before, cut(code)]);
					assert.deepEqual([recorded.end.exchange.outcome.error?.code, recorded.end.isGone], [error, true], `${role} ${code}`);
					assert.deepEqual(recorded.end.info, { by: "peer", code: error });
				}
				assert.equal(after(role, 0, [...(role === "opener" ? [resumable(0, 65_536, 0)] : []), cut(code)]).end.exchange.outcome.error?.code, error);
			}
			for (const code of others) {
				const recorded = after(role, 60_000, [...answered[role], cut(code)]);
				assert.equal(recorded.end.exchange.over, false, `${role} ${code}`);
				assert.equal(recorded.end.isSuspended, true);
				assert.ok(recorded.log.includes("0: stop MOVED") || recorded.log.includes("0: reset MOVED"), recorded.log.join());
				// An ordinary stream ends with its leg.
				const ordinary = after(role, 0, [...(role === "opener" ? [resumable(0, 65_536, 0)] : []), cut(code)]);
				assert.equal(ordinary.end.isGone, true, `${role} ${code}`);
				if (code === RESET_CODES.MOVED) assert.equal(ordinary.end.exchange.outcome.error?.code, "PROTOCOL_ERROR");
			}
		}
	}
});

test("stream faults: an ordinary stream that is cut off says so", () => {
	const up: readonly Step[] = [resumable(0, 65_536, 0), turn];
	const cases: readonly (readonly [string, readonly Step[], ConecErrorCode])[] = [
		["FIN before END", [...up, data, fin], "STREAM_TRUNCATED"],
		["FIN without an acknowledgement of END", [...up, send, close, end, turn, fin], "STREAM_TRUNCATED"],
		["loss", [...up, lost], "PEER_LOST"],
		["loss before the answer", [lost], "PEER_LOST"],
		["reset before the answer", [reset(RESET_CODES.PEER_LOST)], "PEER_LOST"],
		["REJECT", [frame(FRAME.REJECT, encodeReject({ code: "PEER_BUSY" }))], "PEER_BUSY"],
		["REJECT after the stop that overtook it", [stopped(RESET_CODES.REJECTED), frame(FRAME.REJECT, encodeReject({ code: "PEER_BUSY" }))], "PEER_BUSY"],
		["a stop before the answer, and then it", [stopped(RESET_CODES.PEER_LOST), resumable(0, 65_536, 0)], "PEER_LOST"],
		["a stop, and no REJECT", [stopped(RESET_CODES.REJECTED), (recorded) => recorded.pass(10_000)], "PEER_TIMEOUT"],
		["no answer", [(recorded) => recorded.pass(10_000)], "PEER_TIMEOUT"],
	];
	for (const [what, steps, code] of cases) {
		const {
			end: { exchange, isGone },
		} = after("opener", 0, steps);
		assert.deepEqual([exchange.outcome.error?.code, isGone], [code, true], what);
	}
});

test("stream faults: an ordinary stream that is done reads its leg until FIN, and whatever it brings changes nothing", () => {
	const done: readonly Step[] = [send, close, end, ack(2), turn];
	const recorded = after("acceptor", 0, done);
	assert.deepEqual(recorded.log.slice(1), ["0: DATA", "0: END", "0: ACK 1 65536", "0: FIN"]);
	assert.deepEqual([recorded.end.exchange.over, recorded.end.isGone, recorded.end.info], [true, false, { by: "local" }]);
	for (const step of [data, frame(FRAME.OPEN), ack(99), frame(0x14)]) step(recorded);
	assert.equal(recorded.end.isGone, false);
	fin(recorded);
	assert.equal(recorded.end.isGone, true);
	for (const step of [lost, reset(RESET_CODES.FRAME_INVALID), stopped(RESET_CODES.CANCELLED)]) {
		const ends = after("acceptor", 0, [...done, step]);
		assert.deepEqual([ends.end.isGone, ends.end.told.at(-1), ends.end.info], [true, "over", { by: "local" }]);
	}
	const late = after("acceptor", 0, done);
	late.pass(9_999);
	assert.equal(late.end.isGone, false);
	late.pass(1);
	assert.deepEqual([late.end.isGone, late.log.at(-1)], [true, "0: stop NONE"]);
});

test("stream faults: of what ended a stream otherwise than by END on both sides the first is told, else who sent END first", () => {
	const cases: readonly (readonly [readonly Step[], object])[] = [
		[[close, turn, ack(1), end, turn], { by: "local" }],
		[[end, turn, close, ack(1)], { by: "peer" }],
		[[frame(FRAME.RESET, encodeCode(9)), close, ack(1)], { by: "peer", code: "STREAM_RESET", closeCode: 9 }],
		[[({ end: each }) => each.exchange.resetLocally(9), ack(1), end], { by: "local", closeCode: 9 }],
		[[({ end: each }) => each.exchange.stopLocally(9, 0), close, ack(1), end], { by: "local", closeCode: 9 }],
		[[frame(FRAME.STOP, encodeCode(9)), ack(1), end], { by: "peer", code: "STREAM_STOPPED", closeCode: 9 }],
		[[frame(FRAME.RESET, encodeCode(9)), lost], { by: "peer", code: "STREAM_RESET", closeCode: 9 }],
		[[lost], { by: "error", code: "PEER_LOST" }],
		[[({ end: each }) => each.exchange.destroy(new ConecError("CLIENT_CLOSED", "x"), RESET_CODES.CLIENT_CLOSED)], { by: "local", code: "CLIENT_CLOSED" }],
		[[reset(RESET_CODES.PEER_LOST)], { by: "peer", code: "PEER_LOST" }],
	];
	for (const [steps, info] of cases) assert.deepEqual(after("acceptor", 0, steps).end.info, info);
});
