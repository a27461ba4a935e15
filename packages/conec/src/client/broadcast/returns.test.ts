import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { seededRandom } from "../../base/random.ts";
import { ConecError, type ConecErrorCode } from "../../errors.ts";
import type { CoordinatorLink } from "../uplink/index.ts";
import type { Membership } from "./membership.ts";
import { Returns } from "./returns.ts";

/** One member that is away, whose attempts fail with these codes, one after the other, and then succeed. */
function stage(...codes: (ConecErrorCode | { code: ConecErrorCode; retryAfterMs: number })[]) {
	const clock = createVirtualClock();
	const attempts: [atMs: number, link: CoordinatorLink][] = [];
	const ended: string[] = [];
	const member = { closed: new Promise(() => undefined), giveUp: (error: ConecError) => ended.push(error.code) } as unknown as Membership;
	let comesBack = true;
	const returns = new Returns({
		...{ clock, random: seededRandom(1) },
		comesBack: () => comesBack,
		async join(joining, id, link) {
			assert.deepEqual([joining, id], [member, 7]);
			attempts.push([clock.now(), link]);
			const next = codes.shift();
			if (next === undefined) return;
			const { code, retryAfterMs } = typeof next === "string" ? { code: next, retryAfterMs: undefined } : next;
			throw new ConecError(code, "no", { retryAfterMs });
		},
	});
	const link = (state: CoordinatorLink["state"] = "open"): CoordinatorLink => ({ state }) as CoordinatorLink;
	returns.of(7).away(member);
	return { clock, attempts, ended, returns, link, last: () => (comesBack = false) };
}

test("returning: a refusal for the moment is followed by another attempt, after a pause that grows", async () => {
	const { clock, attempts, ended, returns, link } = stage("PEER_TIMEOUT", "LIMIT_EXCEEDED", { code: "PEER_BUSY", retryAfterMs: 20_000 });
	await clock.advance(60_000);
	assert.deepEqual([attempts.length, returns.size], [0, 1], "it waits for a link");
	returns.up(link());
	await clock.advance(60_000);
	const [first = 0, second = 0, third = 0, fourth = 0] = attempts.map(([atMs]) => atMs);
	assert.equal(attempts.length, 4);
	assert.ok(second - first >= 500 && second - first <= 1_000 && third - second >= 1_000 && third - second <= 2_000);
	assert.equal(fourth - third, 20_000);
	assert.deepEqual([returns.size, ended, clock.pending], [0, [], 0]);
});

test("returning: it gives up after seven attempts on one link, and at once where another attempt would change nothing", async () => {
	const busy = stage(...Array<ConecErrorCode>(20).fill("LIMIT_EXCEEDED"));
	busy.returns.up(busy.link());
	await busy.clock.advance(120_000);
	assert.deepEqual([busy.attempts.length, busy.ended, busy.returns.size, busy.clock.pending], [7, ["LIMIT_EXCEEDED"], 0, 0]);
	const refused = stage("PROTOCOL_UNSUPPORTED");
	refused.returns.up(refused.link());
	await refused.clock.advance(0);
	assert.deepEqual([refused.attempts.length, refused.ended, refused.returns.size], [1, ["PROTOCOL_UNSUPPORTED"], 0]);
});

test("returning: a loss waits for the next link, which takes the place of a pause, and without one it is the end", async () => {
	const { clock, attempts, ended, returns, link, last } = stage("COORDINATOR_LOST", "LIMIT_EXCEEDED", "COORDINATOR_CLOSED", "COORDINATOR_LOST");
	returns.up(link());
	await clock.advance(60_000);
	assert.equal(attempts.length, 1);
	const [second, third] = [link(), link()];
	returns.up(second);
	await clock.advance(0);
	returns.up(third);
	await clock.advance(60_000);
	assert.deepEqual(
		attempts.slice(1).map(([, on]) => on),
		[second, third],
	);
	last();
	returns.up(link());
	await clock.advance(0);
	assert.deepEqual([ended, returns.size], [["COORDINATOR_LOST"], 0]);
	const waiting = stage();
	waiting.returns.end(new ConecError("CLIENT_CLOSED", "over"));
	assert.deepEqual([waiting.ended, waiting.returns.size], [["CLIENT_CLOSED"], 0]);
});
