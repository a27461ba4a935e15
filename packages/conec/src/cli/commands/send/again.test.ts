import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, testSurroundings } from "../../../../testing/cli-surroundings.ts";
import { ConecError, type ConecErrorCode } from "../../../index.ts";
import type { CommandContext } from "../../command-line/index.ts";
import { CliError, EXIT_CODES } from "../../outcome/index.ts";
import { Output } from "../../terminal/index.ts";
import { type Attempt, Returns, tryAgain } from "./again.ts";

const lost = (code: ConecErrorCode, closeCode?: number): Error =>
	new CliError(EXIT_CODES.incomplete, "Cannot finish", undefined, new ConecError(code, "Lost it", { closeCode }));

/** A run whose attempts end one after another as `ends` says; time passes by itself. */
async function attempts(
	ends: readonly ((attempt: Attempt) => unknown)[],
	stop = new AbortController(),
	isOver = false,
): Promise<{ outcome: unknown; made: number; says: string[] }> {
	const clock = new ManualClock();
	const surroundings = testSurroundings({ clock, random: (bytes) => new Uint8Array(bytes).fill(255) });
	const says: string[] = [];
	const { stdout } = surroundings;
	const output = new Output({
		json: false,
		linesTo: "stdout",
		env: {},
		clock,
		stdout: stdout as never,
		stderr: { write: (text: string) => says.push(text) } as never,
	});
	const context = { output, surroundings, signal: stop.signal } as unknown as CommandContext;
	let made = 0;
	let outcome: unknown = "runs";
	void tryAgain({ peer: "bob", patienceMs: 600_000, isOver: () => isOver }, context, async (attempt) => {
		const end = ends[Math.min(made, ends.length - 1)];
		made += 1;
		return await end?.(attempt);
	}).then(
		(value) => {
			outcome = value;
		},
		(error: unknown) => {
			outcome = error;
		},
	);
	for (let turn = 0; outcome === "runs" && turn < 5_000; turn += 1) {
		await new Promise((resolve) => setImmediate(resolve));
		clock.pass(500);
	}
	return { outcome, made, says };
}

/** The transfer begins, and then this happens. */
const after =
	(error: Error, canGoOn = true) =>
	(attempt: Attempt): never => {
		attempt.begins(canGoOn);
		throw error;
	};
const before = (error: Error) => (): never => {
	throw error;
};
const done = (): string => "done";

test("again: after a loss in a transfer another attempt is made, and it says so", async () => {
	const { outcome, made, says } = await attempts([after(lost("RESUME_UNKNOWN")), after(lost("COORDINATOR_LOST")), done]);
	assert.deepEqual([outcome, made], ["done", 3]);
	assert.deepEqual(says, Array(2).fill("Lost it; trying again for up to 10 min\n"));
});

test("again: a receiver that was interrupted is waited for; one that refuses, or whose side fails, is not", async () => {
	const { outcome, says } = await attempts([after(lost("STREAM_RESET", 1)), done]);
	assert.equal(outcome, "done");
	assert.deepEqual(says, ['"bob" was interrupted; trying again for up to 10 min\n']);
	for (const code of [2, 3, 4, 6, 7, 8, 9, undefined]) {
		const error = lost("STREAM_RESET", code);
		const { outcome, made } = await attempts([after(error), done]);
		assert.deepEqual([outcome, made], [error, 1], String(code));
	}
});

test("again: what was never reached, a wrong command line and what is no loss are told at once", async () => {
	for (const error of [lost("PEER_UNKNOWN"), lost("PEER_LOST"), new Error("bug"), new CliError(EXIT_CODES.usage, "no")]) {
		const { outcome, made } = await attempts([before(error), done]);
		assert.deepEqual([outcome, made], [error, 1]);
	}
	for (const code of ["PIN_MISMATCH", "SUPERSEDED", "DISCONNECTED", "CERTIFICATE_REFUSED"] as const) {
		const error = lost(code);
		assert.equal((await attempts([after(lost("PEER_LOST")), before(error), done])).made, 2, code);
	}
});

test("again: when the Client is over, that is the end", async () => {
	const error = lost("COORDINATOR_LOST");
	assert.deepEqual(await attempts([after(error), done], undefined, true), { outcome: error, made: 1, says: [] });
});

test("again: a transfer that cannot go on is not tried again", async () => {
	const error = lost("PEER_LOST");
	assert.equal((await attempts([after(error, false), done])).outcome, error);
});

test("again: until it is reached again the waits grow, and after 10 minutes it gives up and says so", async () => {
	const { outcome, made, says } = await attempts([after(lost("COORDINATOR_LOST")), before(new ConecError("PEER_UNKNOWN", "not there"))]);
	assert.ok(outcome instanceof ConecError || outcome instanceof CliError);
	assert.ok(made > 35 && made < 50, String(made));
	assert.equal(says.length, 1, "one line for the loss");
});

test("again: an attempt that waits for the peer is ended after 10 minutes, and the loss is told", async () => {
	const waits = (attempt: Attempt): Promise<never> =>
		new Promise((_, reject) => {
			attempt.signal.addEventListener("abort", () => reject(attempt.signal.reason));
		});
	const { outcome, made } = await attempts([after(lost("PEER_LOST")), waits]);
	assert.equal(made, 2);
	assert.ok(outcome instanceof CliError && outcome.exitCode === EXIT_CODES.incomplete);
	assert.match(outcome.hint ?? "", /goes on where it stopped/);
});

test("again: a transfer that has begun may take longer than 10 minutes", async () => {
	const long = async (attempt: Attempt): Promise<string> => {
		attempt.begins(true);
		for (let turn = 0; turn < 2_000; turn += 1) await new Promise((resolve) => setImmediate(resolve));
		return attempt.signal.aborted ? "aborted" : "done";
	};
	assert.equal((await attempts([after(lost("PEER_LOST")), long])).outcome, "done");
});

test("again: Ctrl-C ends the wait", async () => {
	const stop = new AbortController();
	const why = new Error("Ctrl-C");
	const { outcome, made } = await attempts(
		[
			after(lost("PEER_LOST")),
			() => {
				stop.abort(why);
				throw lost("PEER_LOST");
			},
		],
		stop,
	);
	assert.deepEqual([outcome, made], [why, 2]);
});

test("again: 100 losses are enough", () => {
	const returns = new Returns(600_000);
	for (let loss = 0; loss < 100; loss += 1) assert.equal(returns.waitMs(loss * 1_000_000, true), 1_000);
	assert.equal(returns.waitMs(100_000_000, true), undefined);
});
