import assert from "node:assert/strict";
import { test } from "node:test";
import { messageOf } from "../../../testing/legs/end.ts";
import { MESSAGE_BYTES, Recorded, TOKEN } from "../../../testing/legs/recorded.ts";
import { ConecError } from "../../errors.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import { FRAME } from "../../wire/frames.ts";
import { encodeReject } from "../../wire/open.ts";
import { encodeAck, encodeCount, encodeResumable } from "../../wire/stream-frames.ts";
import { UNIT_COST_BYTES } from "../windows/index.ts";

const NOTHING = new Uint8Array(0);
const FOR_MS = 60_000;
const LOST = new ConecError("CONNECTION_LOST", "gone");

function answer(recorded: Recorded, received = 0, forMs = FOR_MS): void {
	recorded.legs.at(-1)?.frame(FRAME.RESUMABLE, encodeResumable({ received, limit: 65_536, forMs, messageBytes: MESSAGE_BYTES }));
	recorded.turn();
}

function frame(recorded: Recorded, kind: number, payload: Uint8Array = NOTHING, leg = -1): void {
	recorded.legs.at(leg)?.frame(kind, payload);
}

function ack(recorded: Recorded, received: number, leg = -1): void {
	frame(recorded, FRAME.ACK, encodeAck(received, 65_536), leg);
	recorded.turn();
}

function offer(recorded: Recorded, generation: number, received = 0): void {
	recorded.end.exchange.offer({ token: TOKEN, generation, received, limit: 65_536 }, (handler) => recorded.link(generation, handler));
	recorded.turn();
}

/** What was done since the last time. */
function did(recorded: Recorded): readonly string[] {
	return recorded.log.splice(0);
}

/** An opener whose first leg is up. */
function opened(): Recorded {
	const recorded = new Recorded("opener", FOR_MS);
	answer(recorded);
	did(recorded);
	return recorded;
}

/** An acceptor whose first leg is up. */
function accepted(): Recorded {
	const recorded = new Recorded("acceptor", FOR_MS);
	did(recorded);
	return recorded;
}

test("stream legs: an ACK answers RESUMABLE on every leg, though it says nothing new", () => {
	const recorded = new Recorded("opener", FOR_MS);
	answer(recorded);
	assert.deepEqual(did(recorded), ["0: ACK 0 65536"]);
	recorded.legs[0]?.lost(LOST);
	answer(recorded);
	assert.deepEqual(did(recorded), ["0: reset MOVED", "0: stop MOVED", "OPEN 1 0", "1: FROM 1", "1: ACK 0 65536"]);
});

test("stream legs: after a loss the opener tries at once, then after pauses that grow, and fails after its time", () => {
	const recorded = opened();
	recorded.pass(5_000);
	recorded.legs[0]?.lost(LOST);
	assert.deepEqual(did(recorded), ["0: reset MOVED", "0: stop MOVED", "OPEN 1 0"]);
	assert.equal(recorded.end.isSuspended, true);
	const pauses: number[] = [];
	for (let attempt = 0; attempt < 7; attempt++) {
		recorded.legs.at(-1)?.reset(RESET_CODES.PEER_LOST);
		const before = recorded.nowMs;
		recorded.pass((recorded.end.wakeMs ?? 0) - recorded.nowMs);
		pauses.push(recorded.nowMs - before);
	}
	// Half of the longest pause, as the dice say here.
	assert.deepEqual(pauses, [50, 100, 200, 400, 800, 1_000, 1_000]);
	recorded.way = false;
	while (!recorded.end.isGone) recorded.pass((recorded.end.wakeMs ?? 0) - recorded.nowMs);
	assert.equal(recorded.nowMs, 5_000 + FOR_MS);
	assert.deepEqual(recorded.end.info, { by: "error", code: "RESUME_EXPIRED" });
});

test("stream legs: a way that comes up is used at once, and a leg without an answer is given up after 10 s", () => {
	const recorded = opened();
	recorded.pass(5_000);
	recorded.way = false;
	recorded.legs[0]?.lost(LOST);
	did(recorded);
	recorded.way = true;
	recorded.end.exchange.wayIsThere();
	assert.deepEqual(did(recorded), ["OPEN 1 0"]);
	recorded.pass(9_999);
	assert.deepEqual(did(recorded), []);
	recorded.pass(1);
	assert.deepEqual(did(recorded).slice(0, 2), ["1: reset MOVED", "1: stop MOVED"], "the acceptor may have accepted it");
	assert.equal(recorded.end.exchange.over, false);
});

test("stream legs: of a REJECT of another leg the fatal codes end the stream, the others the attempt", () => {
	for (const [code, over] of [
		["RESUME_UNKNOWN", true],
		["CLIENT_CLOSED", true],
		["PROTOCOL_ERROR", true],
		["PEER_UNKNOWN", false],
		["PEER_BUSY", false],
		["LIMIT_EXCEEDED", false],
	] as const) {
		const recorded = opened();
		recorded.legs[0]?.lost(LOST);
		frame(recorded, FRAME.REJECT, encodeReject({ code }));
		assert.equal(recorded.end.isGone, over, code);
		if (over) assert.deepEqual(recorded.end.info, { by: "error", code });
		// While another leg is up, none of them does.
		const moving = opened();
		assert.equal(moving.end.exchange.move(false), true);
		frame(moving, FRAME.REJECT, encodeReject({ code }));
		assert.equal(moving.end.exchange.over, false, code);
	}
});

test("stream legs: a first leg that is lost before the answer is the error, when the acceptor does not know the stream", () => {
	const recorded = new Recorded("opener", FOR_MS);
	recorded.legs[0]?.lost(LOST);
	frame(recorded, FRAME.REJECT, encodeReject({ code: "RESUME_UNKNOWN" }));
	assert.deepEqual(recorded.end.info, { by: "error", code: "PEER_LOST" });
	assert.deepEqual(recorded.end.told, ["refused", "reading is over", "sends fail", "over"]);
});

test("stream legs: what is not acknowledged goes again, from the number that FROM says", () => {
	const recorded = opened();
	for (let i = 0; i < 3; i++) recorded.end.send(10);
	recorded.end.close();
	ack(recorded, 1);
	recorded.legs[0]?.lost(LOST);
	recorded.pass(100);
	did(recorded);
	answer(recorded, 2);
	assert.deepEqual(did(recorded), ["1: FROM 3", `1: again ${14 + 4}`, "1: ACK 0 65536"]);
	ack(recorded, 4);
	assert.ok(recorded.end.told.includes("acknowledged"));
});

test("stream legs: short units are counted as kept ahead, and what was not used goes back with the leg and with the last acknowledgement", () => {
	const recorded = opened();
	const { lent } = recorded.end;
	const costBytes = 10 + UNIT_COST_BYTES;
	for (let i = 0; i < 3; i++) recorded.end.send(10);
	assert.ok(lent.keptBytes > 3 * costBytes, "it is booked ahead");
	assert.equal(lent.keptBytes, lent.sendBytes);
	recorded.legs[0]?.lost(LOST);
	assert.equal(lent.keptBytes, 3 * costBytes, "only what is kept counts");
	answer(recorded);
	did(recorded);
	for (let i = 0; i < 3; i++) recorded.end.send(10);
	ack(recorded, 5);
	assert.ok(lent.keptBytes > costBytes);
	recorded.legs[1]?.lost(LOST);
	assert.equal(lent.keptBytes, costBytes);
	recorded.pass(2_000);
	answer(recorded, 5);
	assert.deepEqual(did(recorded).slice(-3), ["2: FROM 6", `2: again ${10 + 4}`, "2: ACK 0 65536"]);
	recorded.end.send(10);
	ack(recorded, 7);
	assert.deepEqual([lent.keptBytes, lent.sendBytes], [0, 0]);
});

test("stream legs: a planned move waits until the older leg's messages are acknowledged, or stand still, or their leg is lost", () => {
	for (const how of ["acknowledged", "still", "lost"] as const) {
		const recorded = opened();
		recorded.end.send(10);
		assert.equal(recorded.end.exchange.move(false), true);
		assert.equal(recorded.end.exchange.move(false), false, "one after the other");
		did(recorded);
		answer(recorded);
		recorded.end.send(10);
		assert.deepEqual(did(recorded), ["0: FIN", "1: ACK 0 65536"], how);
		if (how === "acknowledged") ack(recorded, 1, 0);
		else if (how === "lost") recorded.legs[0]?.lost(LOST);
		else {
			recorded.pass(249);
			assert.deepEqual(did(recorded), []);
			recorded.pass(1);
		}
		const log = did(recorded).filter((line) => line.startsWith("1:"));
		assert.deepEqual(log, how === "acknowledged" ? ["1: FROM 2", "1: DATA"] : ["1: FROM 1", "1: again 14", "1: DATA"], how);
		// The leg that was left is read until FIN, 5 s at most, and its end is no loss.
		recorded.legs[0]?.end();
		assert.equal(recorded.end.isSuspended, false);
	}
});

test("stream legs: the acceptor writes on another leg when the opener has, or when no other is up", () => {
	const recorded = accepted();
	offer(recorded, 1);
	assert.deepEqual(did(recorded), [`1: RESUMABLE 0 65536 ${FOR_MS} ${MESSAGE_BYTES}`]);
	recorded.end.send(10);
	assert.deepEqual(did(recorded), ["0: DATA"], "not confirmed");
	frame(recorded, 0x80);
	ack(recorded, 1, 0);
	recorded.end.send(10);
	assert.deepEqual(did(recorded), ["1: FROM 2", "1: DATA"]);
	// FIN of the opener on the older leg is answered, and loses nothing.
	recorded.legs[0]?.end();
	assert.deepEqual(did(recorded), ["0: FIN"]);
	recorded.legs[1]?.lost(LOST);
	assert.equal(recorded.end.isSuspended, true);
	offer(recorded, 5, 1);
	assert.deepEqual(did(recorded).slice(2), [`5: RESUMABLE 0 65536 ${FOR_MS} ${MESSAGE_BYTES}`, "5: FROM 2", "5: again 14"]);
	recorded.legs.at(-1)?.lost(LOST);
	recorded.pass(FOR_MS + 19_999);
	assert.equal(recorded.end.exchange.over, false);
	recorded.pass(1);
	assert.deepEqual(recorded.end.info, { by: "error", code: "RESUME_EXPIRED" });
});

test("stream legs: an acceptor keeps two legs, and gives a leg up that is behind what came another way", () => {
	const recorded = accepted();
	recorded.end.send(10);
	offer(recorded, 1);
	offer(recorded, 2);
	assert.deepEqual(did(recorded).slice(2, 4), ["1: reset MOVED", "1: stop MOVED"]);
	frame(recorded, 0x80);
	ack(recorded, 1);
	recorded.end.send(10);
	ack(recorded, 2);
	did(recorded);
	// The opener acknowledges what went on leg 2, so it has left leg 0, where that has no place.
	recorded.legs.at(-1)?.lost(LOST);
	assert.deepEqual(did(recorded), ["2: reset MOVED", "2: stop MOVED", "0: reset MOVED", "0: stop MOVED"]);
	assert.equal(recorded.end.isSuspended, true);
});

test("stream legs: what is acknowledged while it goes again is replaced by empty messages, which the peer drops", () => {
	const recorded = accepted();
	for (let i = 0; i < 4; i++) recorded.end.send(10);
	offer(recorded, 1);
	recorded.legs[0]?.lost(LOST);
	did(recorded);
	// The wire is full after the first two.
	recorded.queuedBytes = 1_000_000;
	frame(recorded, 0x80);
	recorded.end.exchange.sending.pump();
	did(recorded);
	ack(recorded, 4);
	recorded.queuedBytes = 0;
	recorded.legs.at(-1)?.drained();
	recorded.end.send(10);
	const { sending } = recorded.end.exchange;
	assert.deepEqual([sending.sent, sending.acked, recorded.end.exchange.legs.current?.wrote], [5, 4, 5]);
});

test("stream legs: the first message on another leg is told in time, whatever was not told on the leg before", () => {
	const recorded = accepted();
	// After the first of a flow, a slot hears only by steps.
	for (const number of [0, 1]) frame(recorded, FRAME.DATA, messageOf(number, 8));
	recorded.legs[0]?.lost(LOST);
	offer(recorded, 1);
	frame(recorded, FRAME.FROM, encodeCount(3));
	did(recorded);
	frame(recorded, FRAME.DATA, messageOf(2, 8));
	recorded.pass(25);
	assert.deepEqual(
		did(recorded).filter((what) => what.startsWith("1: ACK 3 ")),
		["1: ACK 3 65536"],
	);
});

test("stream legs: STOP and BLOCKED are said again on another leg", () => {
	const recorded = opened();
	recorded.end.exchange.stopLocally(3, 0);
	for (let i = 0; i < 4; i++) recorded.end.send(20_000);
	assert.ok(did(recorded).join().includes("0: STOP 3"));
	const before = opened();
	for (let i = 0; i < 4; i++) before.end.send(20_000);
	assert.ok(did(before).includes(`0: BLOCKED ${4 * 20_064}`));
	for (const each of [recorded, before]) {
		each.legs[0]?.lost(LOST);
		each.pass(100);
		answer(each);
	}
	assert.ok(did(recorded).join().includes("1: STOP 3"));
	assert.ok(did(before).includes(`1: BLOCKED ${4 * 20_064}`));
});

test("stream legs: BLOCKED is answered at once, as far as the limit rises, and again when it rises further", () => {
	const recorded = accepted();
	frame(recorded, FRAME.DATA, messageOf(0, 60_000));
	recorded.turn();
	did(recorded);
	frame(recorded, FRAME.BLOCKED, encodeCount(140_000));
	recorded.turn();
	assert.deepEqual(did(recorded), [`0: ACK 1 ${MESSAGE_BYTES + 64}`]);
	recorded.end.read();
	recorded.turn();
	assert.deepEqual(did(recorded), ["0: ACK 1 140000"]);
});

test("stream legs: both ends keep a stream that is done until the other has heard of it", () => {
	const opener = opened();
	opener.end.close();
	frame(opener, FRAME.END);
	ack(opener, 1);
	assert.deepEqual(did(opener), ["0: END", "0: ACK 1 65536", "0: FIN"]);
	assert.deepEqual([opener.end.exchange.over, opener.end.isGone], [true, false]);
	opener.pass(2_000);
	opener.legs[0]?.lost(LOST);
	assert.deepEqual(did(opener).at(-1), "OPEN 1 1", "it asks whether the peer has heard");
	answer(opener, 1);
	assert.deepEqual(did(opener), ["1: ACK 1 65536", "1: FIN"]);
	opener.legs[1]?.end();
	assert.equal(opener.end.isGone, true);

	const acceptor = accepted();
	acceptor.end.close();
	frame(acceptor, FRAME.END);
	ack(acceptor, 1);
	assert.deepEqual(did(acceptor), ["0: END", "0: ACK 1 65536", "0: FIN"]);
	acceptor.legs[0]?.lost(LOST);
	assert.equal(acceptor.end.isGone, false);
	offer(acceptor, 1, 1);
	assert.deepEqual(did(acceptor).slice(-2), [`1: RESUMABLE 1 65536 ${FOR_MS} ${MESSAGE_BYTES}`, "1: FIN"]);
	acceptor.legs[1]?.end();
	assert.equal(acceptor.end.isGone, true);

	const forgotten = accepted();
	forgotten.end.close();
	frame(forgotten, FRAME.END);
	ack(forgotten, 1);
	forgotten.pass(FOR_MS + 20_000);
	assert.deepEqual([forgotten.end.isGone, forgotten.end.info], [true, { by: "local" }]);
});

test("stream legs: an opener that is refused time for its losses has an ordinary stream", () => {
	const recorded = new Recorded("opener", FOR_MS);
	recorded.end.send(10);
	answer(recorded, 0, 0);
	recorded.legs[0]?.lost(LOST);
	assert.deepEqual(recorded.end.info, { by: "error", code: "PEER_LOST" });
	assert.equal(recorded.end.isGone, true);
});
