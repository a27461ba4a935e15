import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import { CONEC_ERROR_CODES, ConecError, type ConecErrorCode } from "../../errors.ts";
import { type ReconnectAction, Reconnecting, type ReconnectingParts, type Setback } from "./reconnecting.ts";

const PARTS: ReconnectingParts = { maxDelayMs: 15_000, attemptMs: 10_000, fraction: () => 0.999 };
const error = (code: ConecErrorCode): ConecError => new ConecError(code, code);
const lost: Setback = { error: error("COORDINATOR_LOST") };
const unreachable: Setback = { error: error("COORDINATOR_UNREACHABLE") };
const words = (actions: readonly ReconnectAction[]): string => actions.map(({ type }) => type).join(" ");

/** A machine whose connection has lived for so long, and is lost at that time. */
function lostAfter(livedMs: number, parts: Partial<ReconnectingParts> = {}, setback: Setback = lost) {
	const machine = new Reconnecting({ ...PARTS, ...parts });
	machine.began(0);
	return { machine, actions: machine.lost(setback, livedMs), nowMs: livedMs };
}

/** Lets attempts fail, each after `tookMs`, and gives the pauses before them. */
function pauses(machine: Reconnecting, fromMs: number, count: number, tookMs = 0): { atMs: number; pauseMs: number }[] {
	const found = [];
	for (let nowMs = fromMs; found.length < count; ) {
		const atMs = machine.wakeAtMs;
		found.push({ atMs, pauseMs: atMs - nowMs });
		const [action] = machine.woken(atMs);
		assert.ok(action?.type === "dial");
		nowMs = atMs + tookMs;
		assert.equal(words(machine.failed(action.attempt, unreachable, nowMs)), "tell");
	}
	return found;
}

test("reconnecting: the first attempt after a connection that lived comes within 100 ms, and the pauses double", () => {
	const { machine, actions, nowMs } = lostAfter(60_000);
	assert.equal(words(actions), "tell");
	const delays = pauses(machine, nowMs, 8).map(({ pauseMs }) => Math.round(pauseMs));
	assert.deepEqual(delays, [100, 200, 400, 799, 1_598, 1_998, 1_998, 1_998]);
});

test("reconnecting: no pause is longer than 2 s for two minutes, and none longer than maxDelayMs afterwards", () => {
	const { machine, nowMs } = lostAfter(60_000);
	const all = pauses(machine, nowMs, 120);
	for (const { atMs, pauseMs } of all) assert.ok(pauseMs <= (atMs - pauseMs - nowMs < 120_000 ? 2_000 : 15_000), `${pauseMs} at ${atMs}`);
	assert.ok((all.at(-1)?.pauseMs ?? 0) > 14_000);
	const small = lostAfter(60_000, { maxDelayMs: 300 });
	for (const { pauseMs } of pauses(small.machine, small.nowMs, 50)) assert.ok(pauseMs <= 300);
});

test("reconnecting: the pauses take all of their length by chance", () => {
	const random = seededRandom(7);
	const first = Array.from({ length: 1_000 }, () => {
		const { machine, nowMs } = lostAfter(60_000, { fraction: () => random.fraction() });
		return pauses(machine, nowMs, 6).at(-1)?.pauseMs ?? 0;
	}).sort((a, b) => a - b);
	assert.ok((first[0] ?? 0) < 20 && (first.at(-1) ?? 0) > 1_500 && (first[500] ?? 0) > 900 && (first[500] ?? 0) < 1_100, `${first[500]}`);
});

test("reconnecting: only a connection that lasts 30 s makes earlier setbacks forgotten", () => {
	const machine = new Reconnecting(PARTS);
	machine.began(0);
	let nowMs = 60_000;
	machine.lost(lost, nowMs);
	/** The Coordinator comes and crashes again after so long. */
	const crash = (livedMs: number): number => {
		const atMs = machine.wakeAtMs;
		const pauseMs = atMs - nowMs;
		const [dial] = machine.woken(atMs);
		assert.ok(dial?.type === "dial" && machine.succeeded(dial.attempt, atMs));
		nowMs = atMs + livedMs;
		machine.lost(lost, nowMs);
		return pauseMs;
	};
	assert.ok(crash(1_000) <= 100);
	const soon = Array.from({ length: 8 }, () => crash(1_000));
	assert.ok((soon.at(-1) ?? 0) > 1_900, "it is not hammered");
	assert.ok(crash(12_000) > 1_900);
	assert.ok(crash(12_000) <= 100, "one that lived 10 s is tried at once");
	crash(30_000);
	assert.ok(
		pauses(machine, nowMs, 3).every(({ pauseMs }) => pauseMs <= 400),
		"all is forgotten",
	);
});

const NEVER_AGAIN = [...CONEC_ERROR_CODES.filter((code) => code.startsWith("CERTIFICATE_")), "PIN_MISMATCH", "VERSION_UNSUPPORTED", "PROTOCOL_UNSUPPORTED"];
for (const code of [...NEVER_AGAIN, "SUPERSEDED", "DISCONNECTED"] as ConecErrorCode[]) {
	test(`reconnecting: ${code} ends it, as a loss and as an answer`, () => {
		assert.equal(words(lostAfter(60_000, {}, { error: error(code) }).actions), "end");
		const { machine } = lostAfter(60_000);
		const [dial] = machine.woken(machine.wakeAtMs);
		assert.ok(dial?.type === "dial");
		const [end] = machine.failed(dial.attempt, { error: error(code) }, 60_200);
		assert.ok(end?.type === "end" && end.why.code === code);
		assert.deepEqual([machine.doing, machine.wakeAtMs], ["over", Number.POSITIVE_INFINITY]);
	});
}

test("reconnecting: every other code of reaching a Coordinator is followed by another attempt", () => {
	for (const code of [
		"COORDINATOR_LOST",
		"COORDINATOR_CLOSED",
		"CONNECTION_LOST",
		"LIMIT_EXCEEDED",
		"ID_TAKEN",
		"ID_CONTENDED",
		"HOST_UNRESOLVABLE",
		"PROTOCOL_ERROR",
	] as const)
		assert.equal(words(lostAfter(60_000, {}, { error: error(code) }).actions), "tell", code);
});

test("reconnecting: the Coordinator's word on when to come back is kept, spread by chance, and DISCONNECTED with it is no end", () => {
	for (const code of ["ID_TAKEN", "LIMIT_EXCEEDED", "COORDINATOR_CLOSED", "DISCONNECTED"] as const) {
		const early = lostAfter(60_000, { fraction: () => 0 }, { error: error(code), retryAfterMs: 7_000, spreadMs: 4_000 });
		assert.equal(early.machine.wakeAtMs - early.nowMs, 7_000, code);
		const late = lostAfter(60_000, { fraction: () => 0.5 }, { error: error(code), retryAfterMs: 7_000, spreadMs: 4_000 });
		assert.equal(late.machine.wakeAtMs - late.nowMs, 9_000, code);
	}
	const endless = lostAfter(60_000, {}, { error: error("ID_TAKEN"), retryAfterMs: Number.MAX_SAFE_INTEGER, spreadMs: Number.MAX_SAFE_INTEGER });
	assert.ok(endless.machine.wakeAtMs - endless.nowMs <= 2 * 3_600_000);
});

test("reconnecting: an attempt that neither succeeds nor fails is given up at its deadline, and its late outcome is passed over", () => {
	const { machine } = lostAfter(60_000);
	const [dial] = machine.woken(machine.wakeAtMs);
	assert.ok(dial?.type === "dial");
	assert.deepEqual(machine.woken(machine.wakeAtMs - 1), []);
	const deadlineMs = machine.wakeAtMs;
	const [abort, tell] = machine.woken(deadlineMs);
	assert.ok(abort?.type === "abort" && abort.attempt === dial.attempt && tell?.type === "tell");
	assert.equal(machine.succeeded(dial.attempt, deadlineMs), false);
	assert.deepEqual(machine.failed(dial.attempt, { error: error("PIN_MISMATCH") }, deadlineMs), []);
	assert.equal(machine.doing, "waiting");
	const [again] = machine.woken(machine.wakeAtMs);
	assert.ok(again?.type === "dial" && machine.succeeded(again.attempt, deadlineMs + 2_000));
});

test("reconnecting: an own attempt that was given up may supersede the next one, which is no end; another process is", () => {
	const { machine } = lostAfter(60_000);
	machine.woken(machine.wakeAtMs);
	machine.woken(machine.wakeAtMs);
	const startedMs = machine.wakeAtMs;
	const [dial] = machine.woken(startedMs);
	assert.ok(dial?.type === "dial" && machine.succeeded(dial.attempt, startedMs));
	assert.equal(words(machine.lost({ error: error("SUPERSEDED") }, startedMs + 500)), "tell");
	const [next] = machine.woken(machine.wakeAtMs);
	assert.ok(next?.type === "dial" && machine.succeeded(next.attempt, startedMs + 3_000));
	assert.equal(words(machine.lost({ error: error("SUPERSEDED") }, startedMs + 60_000)), "end");
});

test("reconnecting: it gives up when its time is over, while it waits and during an attempt", () => {
	const waiting = lostAfter(60_000, { giveUpAfterMs: 50 });
	assert.equal(waiting.machine.wakeAtMs, 60_050);
	const [end] = waiting.machine.woken(60_050);
	assert.ok(end?.type === "end" && end.why.code === "COORDINATOR_LOST");
	const trying = lostAfter(60_000, { giveUpAfterMs: 5_000 });
	trying.machine.woken(trying.machine.wakeAtMs);
	assert.equal(trying.machine.wakeAtMs, 65_000);
	assert.equal(words(trying.machine.woken(65_000)), "abort end");
	const back = lostAfter(60_000, { giveUpAfterMs: 5_000 });
	const [dial] = back.machine.woken(back.machine.wakeAtMs);
	assert.ok(dial?.type === "dial" && back.machine.succeeded(dial.attempt, 61_000));
	assert.equal(back.machine.wakeAtMs, Number.POSITIVE_INFINITY);
	back.machine.lost(lost, 200_000);
	assert.ok(back.machine.wakeAtMs <= 205_000, "each loss has its own time");
});

test("reconnecting: a hurry begins an attempt at once, replaces an old one, and makes few of them however often it is called", () => {
	const { machine, nowMs } = lostAfter(60_000);
	const late = pauses(machine, nowMs, 10).at(-1)?.atMs ?? 0;
	assert.equal(words(machine.hurry(late + 1_001)), "dial");
	assert.equal(words(machine.hurry(late + 1_002)), "");
	assert.equal(words(machine.hurry(late + 2_001)), "abort dial");
	let dials = 0;
	for (let ms = 0; ms < 10_000; ms++) {
		const now = late + 3_000 + ms;
		for (const action of [...machine.hurry(now), ...machine.woken(now)]) {
			if (action.type !== "dial") continue;
			dials++;
			for (const next of machine.failed(action.attempt, unreachable, now)) assert.equal(next.type, "tell");
		}
	}
	assert.ok(dials >= 9 && dials <= 20, `${dials}`);
	const connected = new Reconnecting(PARTS);
	connected.began(0);
	assert.deepEqual([connected.hurry(5), new Reconnecting(PARTS).hurry(5)], [[], []]);
});

test("reconnecting: when it is closed nothing follows, whatever it was doing", () => {
	const { machine } = lostAfter(60_000);
	machine.woken(machine.wakeAtMs);
	assert.equal(words(machine.close(60_100)), "abort");
	assert.deepEqual([machine.hurry(70_000), machine.woken(90_000), machine.lost(lost, 90_000), machine.wakeAtMs], [[], [], [], Number.POSITIVE_INFINITY]);
	assert.deepEqual(lostAfter(60_000).machine.close(60_001), []);
	assert.equal(words(new Reconnecting(PARTS).start(0)), "dial");
});

test("reconnecting: whatever happens, by 2,000 seeds, one attempt at most is under way, none without a deadline, and it waits for something unless it is connected or over", () => {
	for (let seed = 0; seed < 2_000; seed++) {
		const random = seededRandom(seed);
		const machine = new Reconnecting({ ...PARTS, fraction: () => random.fraction(), giveUpAfterMs: random.fraction() < 0.2 ? 60_000 : undefined });
		const running = new Set<number>();
		let nowMs = 0;
		let ended = false;
		const look = (actions: readonly ReconnectAction[]): void => {
			for (const action of actions) {
				assert.equal(ended, false, `seed ${seed}: after the end`);
				if (action.type === "dial") running.add(action.attempt);
				if (action.type === "abort") assert.ok(running.delete(action.attempt), `seed ${seed}: aborts what does not run`);
				if (action.type === "tell") assert.ok(action.inMs >= 0 && action.inMs <= 3_600_000 * 2 + 15_000);
				if (action.type === "end") ended = true;
			}
			assert.ok(running.size <= 1, `seed ${seed}: ${running.size} attempts`);
			const waits = machine.doing === "connecting" || machine.doing === "waiting";
			assert.equal(Number.isFinite(machine.wakeAtMs), waits, `seed ${seed}: ${machine.doing}`);
			assert.equal(machine.doing === "connecting", running.size === 1, `seed ${seed}: ${machine.doing}, ${running.size} run`);
		};
		if (random.fraction() < 0.5) machine.began(nowMs);
		else look(machine.start(nowMs));
		for (let step = 0; step < 60 && !ended; step++) {
			nowMs += random.fraction() * 5_000;
			const code = CONEC_ERROR_CODES[Math.floor(random.fraction() * CONEC_ERROR_CODES.length)] ?? "COORDINATOR_LOST";
			const setback = { error: error(random.fraction() < 0.8 ? "COORDINATOR_UNREACHABLE" : code), retryAfterMs: random.fraction() < 0.2 ? 3_000 : undefined };
			const [attempt] = running;
			const chance = random.fraction();
			if (chance < 0.25 && attempt !== undefined && nowMs < machine.wakeAtMs) {
				assert.ok(machine.succeeded(attempt, nowMs));
				running.delete(attempt);
			} else if (chance < 0.5 && attempt !== undefined) {
				running.delete(attempt);
				look(machine.failed(attempt, setback, nowMs));
			} else if (chance < 0.6) look(machine.hurry(nowMs));
			else if (chance < 0.7) look(machine.lost(setback, nowMs));
			else if (machine.wakeAtMs <= nowMs || chance > 0.9) {
				nowMs = Number.isFinite(machine.wakeAtMs) ? Math.max(nowMs, machine.wakeAtMs) : nowMs;
				look(machine.woken(nowMs));
			}
			look([]);
		}
		if (!ended) look(machine.close(nowMs));
	}
});
