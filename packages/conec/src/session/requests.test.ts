import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { createVirtualClock } from "../../testing/memory/virtual-clock.ts";
import { ConecError } from "../errors.ts";
import { type Asked, Requests } from "./requests.ts";

type Question = { readonly type: "count" | "name"; readonly request: number };
type Counted = { readonly type: "counted"; readonly request: number; readonly n: number };
type Named = { readonly type: "named"; readonly request: number; readonly name: string };
type Answer = Counted | Named | { readonly type: "news"; readonly request?: number };

const lost = new ConecError("COORDINATOR_LOST", "lost");

function setup() {
	const clock = createVirtualClock();
	const sent: string[] = [];
	const requests = new Requests<Question, Answer>({
		clock,
		send: ({ type, request }) => void sent.push(`${type} ${request}`),
		atOnce: { count: 2, name: 1 },
	});
	const count = (signal?: AbortSignal): Promise<Counted> =>
		requests.request({
			...{ action: "Cannot count", withinMs: 1_000, signal },
			ask: (request) => ({ type: "count", request }),
			isAnswer: (message) => message.type === "counted",
		});
	/** Asks by callbacks; what it hears stands in `heard`. `good`: what it says of answers. */
	const heard: string[] = [];
	const name = (good: (answer: Named) => boolean = () => true): Asked | ConecError =>
		requests.ask(
			{ action: "Cannot name", ask: (request) => ({ type: "name", request }), isAnswer: (message) => message.type === "named" },
			{
				answered: (answer) => {
					heard.push(answer.name);
					return good(answer);
				},
				ended: (error) => heard.push(error.code),
			},
		);
	return { clock, sent, requests, count, name, heard };
}

const counted = (request: number, n: number = 0): Counted => ({ type: "counted", request, n });
const named = (request: number, name: string): Named => ({ type: "named", request, name });

test("requests: each answer finds its question, in whatever order they come", async () => {
	const { clock, sent, requests, count, name, heard } = setup();
	const [first, second] = [count(), count()];
	name();
	assert.deepEqual(sent, ["count 1", "count 2", "name 3"]);
	assert.equal(requests.size, 3);
	assert.equal(requests.answered(counted(2, 22)), true);
	assert.equal(requests.answered(named(3, "carol")), true);
	assert.deepEqual(heard, ["carol"], "before anything else is looked at");
	assert.equal(requests.answered(counted(1, 11)), true);
	assert.deepEqual([(await first).n, (await second).n], [11, 22]);
	assert.deepEqual([requests.size, clock.pending], [0, 0]);
});

test("requests: a number that nobody waits for, a second answer, one of another type and one without a number are passed over", async () => {
	const { requests, count } = setup();
	const one = count();
	for (const answer of [counted(7), named(1, "mallory"), { type: "news" }, { type: "news", request: 1 }] as const)
		assert.equal(requests.answered(answer), false);
	assert.equal(requests.answered(counted(1, 5)), true);
	assert.equal(requests.answered(counted(1, 6)), false);
	assert.equal((await one).n, 5);
});

test("requests: an answer that is not good for its question leaves it waiting", () => {
	const { requests, name, heard } = setup();
	name((answer) => answer.name !== "mallory");
	assert.equal(requests.answered(named(1, "mallory")), false);
	assert.equal(requests.size, 1);
	assert.equal(requests.answered(named(1, "bob")), true);
	assert.deepEqual([heard, requests.size], [["mallory", "bob"], 0]);
});

test("requests: without an answer in time it is PEER_TIMEOUT, at its moment, and a late one is passed over", async () => {
	const { clock, requests, count } = setup();
	const late = count();
	late.catch(() => undefined);
	await clock.advance(999);
	assert.equal(requests.size, 1);
	await clock.advance(1);
	await assert.rejects(late, { code: "PEER_TIMEOUT", message: "Cannot count: no answer within 1000 ms" });
	assert.equal(requests.answered(counted(1)), false);
	assert.deepEqual([requests.size, clock.pending], [0, 0]);
});

test("requests: an abort rejects with its own reason, asks nothing when it comes first, and leaves no listener", async () => {
	const { clock, sent, requests, count } = setup();
	await assert.rejects(count(AbortSignal.abort("early")), (reason) => reason === "early");
	assert.deepEqual(sent, []);
	const abort = new AbortController();
	const [given, answered] = [count(abort.signal), count(abort.signal)];
	requests.answered(counted(2, 4));
	assert.equal((await answered).n, 4);
	abort.abort("enough");
	await assert.rejects(given, (reason) => reason === "enough");
	assert.equal(requests.answered(counted(1)), false);
	assert.deepEqual([requests.size, clock.pending, getEventListeners(abort.signal, "abort").length], [0, 0, 0]);
});

test("requests: as many of each type wait as may, and one more is QUEUE_FULL; an answer makes room", async () => {
	const { sent, requests, count, name } = setup();
	const waiting = [count(), count()];
	await assert.rejects(count(), { code: "QUEUE_FULL", message: "Cannot count: 2 requests wait already" });
	name();
	const full = name();
	assert.ok(full instanceof ConecError && full.code === "QUEUE_FULL");
	assert.equal(sent.length, 3, "nothing is sent for those");
	requests.answered(counted(1));
	await waiting[0];
	const next = count();
	assert.deepEqual(sent.at(-1), "count 4");
	requests.answered(counted(4, 44));
	assert.equal((await next).n, 44);
});

test("requests: the end tells all that wait, once and with one error, and whoever asks after it", async () => {
	const { clock, sent, requests, count, name, heard } = setup();
	const one = count();
	name();
	requests.end(lost);
	requests.end(new ConecError("CLIENT_CLOSED", "later"));
	await assert.rejects(one, (error) => error === lost);
	await assert.rejects(count(), (error) => error === lost);
	assert.equal(name(), lost);
	assert.equal(requests.answered(named(2, "late")), false);
	assert.deepEqual(heard, ["COORDINATOR_LOST"]);
	assert.deepEqual([sent.length, requests.size, clock.pending], [2, 0, 0]);
});

test("requests: what is withdrawn hears nothing more", () => {
	const { requests, name, heard } = setup();
	const asked = name();
	assert.ok(!(asked instanceof ConecError));
	asked.withdraw();
	assert.equal(requests.answered(named(asked.number, "late")), false);
	requests.end(lost);
	asked.withdraw();
	assert.deepEqual([heard, requests.size], [[], 0]);
});

test("requests: whoever hears an answer may ask again at once, and may end it all", () => {
	const { sent, requests, name, heard } = setup();
	name(() => !(name() instanceof ConecError));
	assert.equal(requests.answered(named(1, "again")), true);
	assert.deepEqual([sent, requests.size], [["name 1", "name 2"], 1]);
	const { requests: others, name: other } = setup();
	other(() => {
		others.end(lost);
		return false;
	});
	assert.equal(others.answered(named(1, "the end")), false);
	assert.equal(others.size, 0);
	assert.deepEqual(heard, ["again"]);
});
