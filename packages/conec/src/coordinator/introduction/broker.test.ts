import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { Broker, type BrokeredAttempt } from "./broker.ts";

const LIMITS = { attemptsPerClient: 3, attemptsPerMinute: 5, requestTimeoutMs: 10_000 };
const token = (): string => randomBytes(16).toString("hex");

function begin(broker: Broker<string>, requester: string, target: string, request: number, now = 0): BrokeredAttempt<string, undefined> {
	const asked = broker.ask({ requester, target, request, details: undefined, token: token() }, now);
	assert.equal(asked.type, "asked");
	return (asked as { attempt: BrokeredAttempt<string, undefined> }).attempt;
}

test("broker: only the target answers, once, and in time", () => {
	const broker = new Broker<string>(LIMITS);
	const attempt = begin(broker, "a", "b", 1);
	for (const other of ["a", "c"]) assert.equal(broker.answered(attempt.token, other, 1), undefined);
	for (let i = 0; i < 10_000; i++) assert.equal(broker.answered(token(), "b", 1), undefined);
	assert.equal(broker.answered(attempt.token, "b", 10_000), undefined, "too late");
	assert.equal(broker.answered(attempt.token, "b", 9_999), attempt);
	broker.go(attempt, 9_999, 1, false);
	assert.equal(broker.answered(attempt.token, "b", 9_999), undefined, "twice");
});

test("broker: reports are taken from the two, once each, and only after both were told to begin", () => {
	const broker = new Broker<string>(LIMITS);
	const attempt = begin(broker, "a", "b", 1);
	assert.equal(broker.report(attempt.token, "a"), undefined);
	broker.go(attempt, 0, 5_000, false);
	assert.equal(broker.report(attempt.token, "c"), undefined);
	assert.equal(broker.report(token(), "a"), undefined);
	assert.equal(broker.report(attempt.token, "a"), attempt);
	assert.equal(broker.report(attempt.token, "a"), undefined);
	assert.equal(broker.size, 1);
	assert.equal(broker.report(attempt.token, "b"), attempt);
	assert.equal(broker.size, 0);
	assert.equal(broker.report(attempt.token, "b"), undefined);
});

test("broker: one attempt of a pair in one direction, until it is over for the requester", () => {
	const broker = new Broker<string>(LIMITS);
	const first = begin(broker, "a", "b", 1);
	const again = { requester: "a", target: "b", request: 2, details: undefined, token: token() };
	assert.equal(broker.ask(again, 0).type, "refused");
	assert.deepEqual([broker.isLive("a", 1), broker.isLive("a", 2), broker.isLive("b", 1)], [true, false, false]);
	begin(broker, "b", "a", 1);
	broker.go(first, 0, 5_000, false);
	broker.report(first.token, "a");
	const second = begin(broker, "a", "b", 2);
	assert.equal(broker.report(first.token, "b"), undefined, "the older one touches nothing newer");
	assert.equal(broker.cancel("a", 1), undefined);
	assert.equal(broker.cancel("a", 2), second);
	assert.equal(broker.cancel("a", 2), undefined);
	assert.equal(broker.size, 1);
});

test("broker: as many at once as the limit says, as requester and as target", () => {
	const broker = new Broker<string>(LIMITS);
	for (const [i, target] of ["b", "c", "d"].entries()) begin(broker, "a", target, i + 1);
	const over = broker.ask({ requester: "a", target: "e", request: 9, details: undefined, token: token() }, 0);
	assert.deepEqual([over.type, "code" in over && over.code], ["refused", "LIMIT_EXCEEDED"]);
	for (const requester of ["x", "y"]) begin(broker, requester, "b", 1);
	const busy = broker.ask({ requester: "z", target: "b", request: 1, details: undefined, token: token() }, 0);
	assert.deepEqual([busy.type, "code" in busy && busy.code], ["refused", "PEER_BUSY"]);
	assert.equal(broker.size, 5);
});

test("broker: as many within any minute as the limit says", () => {
	const broker = new Broker<string>(LIMITS);
	const admitted: number[] = [];
	for (let now = 0; now < 300_000; now += 1_997) {
		const waitMs = broker.refusedForMs("a", now);
		if (waitMs !== undefined) {
			assert.ok(waitMs > 0 && waitMs <= 60_000);
			continue;
		}
		const attempt = begin(broker, "a", "b", now + 1, now);
		broker.end(attempt);
		admitted.push(now);
	}
	assert.ok(admitted.length >= 20);
	for (const from of admitted) assert.ok(admitted.filter((at) => at >= from && at < from + 60_000).length <= 5);
	assert.equal(broker.refusedForMs("b", 0), undefined, "each has its own");
});

test("broker: requests for which nobody is asked are many more, and bounded too", () => {
	const broker = new Broker<string>(LIMITS);
	const answers = Array.from({ length: 200 }, (_, i) => broker.refusedForMs("a", i));
	assert.equal(answers.filter((answer) => answer === undefined).length, 50);
	assert.deepEqual([answers[50], answers[199]], [59_950, 59_801]);
	assert.equal(broker.refusedForMs("a", 60_000), undefined);
});

test("broker: an attempt that is over for one of the two takes no place of it", () => {
	const broker = new Broker<string>(LIMITS);
	const attempts = ["b", "c", "d"].map((target, i) => begin(broker, "a", target, i + 1));
	for (const attempt of attempts) {
		broker.go(attempt, 0, 5_000, false);
		broker.report(attempt.token, "a");
	}
	for (const [i, target] of ["e", "f", "g"].entries()) begin(broker, "a", target, i + 10);
	const over = broker.ask({ requester: "a", target: "h", request: 20, details: undefined, token: token() }, 0);
	assert.deepEqual([over.type, "retryAfterMs" in over && over.retryAfterMs], ["refused", 500]);
});

test("broker: what is too old, or whose session is over, is over; nothing is left", () => {
	const broker = new Broker<string>(LIMITS);
	const [old, gone] = [begin(broker, "a", "b", 1), begin(broker, "a", "c", 2)];
	begin(broker, "c", "d", 1, 5_000);
	broker.go(gone, 9_000, 1_000, true);
	assert.deepEqual([broker.inBirthday("a"), broker.inBirthday("c"), broker.inBirthday("b")], [true, true, false]);
	assert.deepEqual(broker.expire(9_999), []);
	assert.deepEqual(broker.expire(10_000), [old]);
	assert.deepEqual(broker.expire(12_000), [gone], "reports have a little longer");
	assert.equal(broker.inBirthday("a"), false);
	assert.equal(broker.leave("c").length, 1);
	assert.deepEqual(broker.leave("c"), []);
	for (const session of ["a", "b", "d"]) broker.leave(session);
	assert.deepEqual([broker.size, broker.sessions], [0, 0]);
	begin(broker, "a", "b", 1);
	assert.equal(broker.clear().length, 1);
	assert.deepEqual([broker.size, broker.sessions], [0, 0]);
});

test("broker: requesters of one network leave places at a target for others, and those that are over for the target do not count", () => {
	const keysOf = (session: string): string[] => [
		session,
		session.startsWith("m") ? "192.0.2.1" : `host of ${session}`,
		session.startsWith("m") ? "192.0.2" : session,
	];
	const broker = new Broker<string>({ ...LIMITS, attemptsPerClient: 16 }, keysOf);
	const ask = (requester: string, request: number): ReturnType<typeof broker.ask> =>
		broker.ask({ requester, target: "victim", request, details: undefined, token: token() }, 0);
	const flood = Array.from({ length: 32 }, (_, i) => ask(`m${i}`, 1));
	const begun = flood.flatMap((asked) => (asked.type === "asked" ? [asked.attempt] : []));
	assert.equal(begun.length, 13);
	const [refused] = flood.slice(-1);
	assert.deepEqual([refused?.type, refused?.type === "refused" && [refused.code, refused.retryAfterMs]], ["refused", ["PEER_BUSY", 500]]);
	for (const other of ["ann", "ben", "cid"]) assert.equal(ask(other, 1).type, "asked", other);
	const late = ask("dan", 1);
	assert.equal(late.type === "refused" && late.code, "PEER_BUSY", "it is full");
	for (const attempt of begun.slice(0, 8)) {
		broker.go(attempt, 0, 5_000, false);
		broker.report(attempt.token, "victim");
	}
	assert.equal(ask("dan", 2).type, "asked");
	assert.equal(ask("m20", 2).type, "asked");
});

test("broker: at a full target, what has gone on for long makes way for who has nothing there, the oldest first", () => {
	const broker = new Broker<string>({ ...LIMITS, attemptsPerClient: 16 });
	const begun = Array.from({ length: 16 }, (_, i) => begin(broker, `m${i}`, "victim", 1));
	for (const attempt of begun.slice(1)) broker.go(attempt, 100 + begun.indexOf(attempt), 10_000, false);
	const ask = (requester: string, nowMs: number, request = 1): ReturnType<typeof broker.ask> =>
		broker.ask({ requester, target: "victim", request, details: undefined, token: token() }, nowMs);
	const early = ask("ann", 3_100);
	assert.equal(early.type === "refused" && early.code, "PEER_BUSY", "all are young");
	const first = ask("ann", 3_102);
	assert.equal(first.type === "asked" && first.madeWay, begun[1], "not the one that has not begun");
	assert.equal(broker.report(begun[1]?.token ?? "", "m1"), undefined, "it is over");
	const second = ask("ben", 3_103);
	assert.equal(second.type === "asked" && second.madeWay, begun[2]);
	const own = ask("m3", 4_000, 2);
	assert.equal(own.type === "refused" && own.code, "LIMIT_EXCEEDED", "who has one there gets no other one in its place");
	assert.equal(broker.size, 16);
});
