import assert from "node:assert/strict";
import { test } from "node:test";
import { COORDINATOR_DEFAULT_LIMITS, type CoordinatorLimits } from "../../limits.ts";
import type { Session } from "../sessions/index.ts";
import { type ProxiedStream, Target } from "./target.ts";

function scene(limits: Partial<CoordinatorLimits> = {}) {
	const session = (id: string, network?: string): Session =>
		({ id, poolKeys: network === undefined ? [id] : [id, `${network}.1`, network], proxiedTo: new Map(), proxiedFrom: 0, streams: 0 }) as unknown as Session;
	const to = session("to");
	const target = new Target(to, { ...COORDINATOR_DEFAULT_LIMITS, ...limits });
	const gone: string[] = [];
	const add = (from: Session, token?: string): ProxiedStream | undefined => {
		if (!target.takes(from, token)) return undefined;
		const held = { connection: undefined as never, refuse: () => assert.fail("refused"), open: () => void gone.push(from.id) };
		const stream: ProxiedStream = { from, held, token, state: "waiting" };
		target.add(stream);
		return stream;
	};
	/** One that has gone and is open. */
	const open = (from: Session): ProxiedStream => {
		const stream = add(from);
		assert.ok(stream !== undefined);
		target.opened(stream);
		return stream;
	};
	return { to, target, gone, add, open, session, ann: session("ann"), ben: session("ben"), cleo: session("cleo") };
}

test("proxy target: streams of a pair go while it has places, and one that ends lets the next one go", () => {
	const { target, to, gone, add, open, ann, ben } = scene({ streamsPerPair: 2 });
	const [first] = [open(ann), open(ann)];
	const waits = add(ann);
	assert.deepEqual([gone.length, waits?.state, target.waiting], [2, "waiting", 1]);
	assert.equal(add(ben)?.state, "opening", "another opener is not concerned");
	assert.deepEqual([ann.streams, ann.proxiedTo.get("to"), to.proxiedFrom, to.streams], [2, 2, 3, 3]);
	target.over(first);
	target.over(first);
	assert.deepEqual([waits?.state, target.waiting, ann.proxiedTo.get("to"), to.proxiedFrom], ["opening", 0, 2, 3]);
});

test("proxy target: those that wait for the target go in turn among openers, each opener's in order", () => {
	const { target, gone, add, open, ann, ben, cleo } = scene({ streamsPerConnection: 1 });
	let live = open(ann);
	const waiting = [ann, ann, ann, ben, cleo, ben].map((from) => add(from) as ProxiedStream);
	gone.length = 0;
	while (target.waiting > 0) {
		target.over(live);
		live = waiting.find(({ state }) => state === "opening") as ProxiedStream;
		target.opened(live);
	}
	assert.deepEqual(gone, ["ann", "ben", "cleo", "ann", "ben", "ann"]);
	assert.ok(waiting.every((stream) => stream.state === "over" || stream === live));
});

test("proxy target: an opener whose pair is full holds up nobody else", () => {
	const { target, add, open, ann, ben } = scene({ streamsPerPair: 1, streamsPerConnection: 2 });
	open(ann);
	const bens = open(ben);
	const [anns, next] = [add(ann), add(ben)];
	target.over(bens);
	assert.deepEqual([anns?.state, next?.state], ["waiting", "opening"]);
});

test("proxy target: an opener may have a quarter of what waits, and all together no more than the whole", () => {
	const { target, add, open, ann, ben, cleo } = scene({ streamsPerConnection: 1, waitingOpens: 8 });
	open(ann);
	const waiting = [add(ann), add(ann)];
	assert.equal(add(ann), undefined);
	assert.ok(add(ben) !== undefined && add(ben) !== undefined && add(cleo) !== undefined);
	assert.deepEqual([target.waiting, add(ben)], [5, undefined]);
	// One that its opener has given up does not count any more.
	target.over(waiting[0] as ProxiedStream);
	assert.deepEqual([add(ann) === undefined, add(ann), target.waiting], [false, undefined, 5]);
});

test("proxy target: what its connection has not let pass is bounded, so that openers have their turn there too", () => {
	const { target, gone, add, ann, ben } = scene();
	const streams = Array.from({ length: 100 }, () => add(ann) as ProxiedStream);
	assert.deepEqual([gone.length, target.waiting], [32, 68]);
	const late = add(ben);
	target.opened(streams[0] as ProxiedStream);
	target.over(streams[1] as ProxiedStream);
	assert.deepEqual([gone.slice(32), late?.state, target.waiting], [["ann", "ben"], "opening", 67]);
});

test("proxy target: nothing is counted any more when all are over, whatever they had come to", () => {
	const { target, to, add, ann } = scene({ streamsPerPair: 20 });
	const streams = Array.from({ length: 60 }, () => add(ann) as ProxiedStream);
	for (const stream of streams.slice(0, 10)) target.opened(stream);
	for (const stream of [...streams].reverse()) target.over(stream);
	assert.deepEqual([target.waiting, ann.proxiedTo.size, ann.streams, to.proxiedFrom, to.streams], [0, 0, 0, 0, 0]);
});

test("proxy target: two legs of one stream take one place of their pair, and a third is one too many", () => {
	const { target, to, add, open, ann, ben } = scene({ streamsPerPair: 2, streamsPerConnection: 3 });
	const leg = (from: typeof ann, token: string): ProxiedStream | undefined => (target.takesLeg(from, token) ? add(from, token) : undefined);
	const first = leg(ann, "aa") as ProxiedStream;
	target.opened(first);
	open(ann);
	assert.equal(ann.proxiedTo.get("to"), 2);
	const second = leg(ann, "aa");
	assert.equal(second?.state, "opening", "though the pair is full");
	assert.deepEqual([leg(ann, "aa"), leg(ann, "bb")?.state, leg(ben, "aa")?.state], [undefined, "waiting", "opening"], "a token is its own opener's");
	assert.deepEqual([ann.proxiedTo.get("to"), to.proxiedFrom], [2, 3]);
	target.over(first);
	target.over(first);
	assert.equal(ann.proxiedTo.get("to"), 2, "the other leg has its place");
	assert.equal(leg(ann, "aa")?.state, "opening");
	target.over(second as ProxiedStream);
	assert.equal(ann.proxiedTo.get("to"), 2);
});

test("proxy target: the place of a stream is free when its last leg is over, and nothing of it is left", () => {
	const { target, to, add, ann } = scene({ streamsPerPair: 1 });
	for (let round = 0; round < 3; round++) {
		const legs = [add(ann, "aa"), add(ann, "aa")] as ProxiedStream[];
		assert.deepEqual([legs.map(({ state }) => state), target.takesLeg(ann, "aa")], [["opening", "opening"], false]);
		for (const one of legs) target.over(one);
		assert.deepEqual([ann.proxiedTo.size, to.proxiedFrom, ann.streams, target.takesLeg(ann, "aa")], [0, 0, 0, true]);
	}
	const other = add(ann) as ProxiedStream;
	const waiting = [add(ann, "aa"), add(ann, "aa")] as ProxiedStream[];
	assert.deepEqual(
		waiting.map(({ state }) => state),
		["waiting", "waiting"],
	);
	target.over(other);
	assert.deepEqual([waiting.map(({ state }) => state), ann.proxiedTo.get("to")], [["opening", "waiting"], 1], "what waits is looked at in its turn");
});

test("proxy target: keys of one network leave places for streams from elsewhere, and so do eight keys without a network", () => {
	for (const network of ["192.0.2", undefined]) {
		const { to, target, add, session } = scene({ streamsPerConnection: 4_096, streamsPerPair: 1_024, waitingOpens: 1_024 });
		const flood = Array.from({ length: 8 }, (_, i) => session(`m${i}`, network));
		const streams: ProxiedStream[] = [];
		// Each opens all that its pair may have, and goes on.
		for (let i = 0; i < 1_300; i++) {
			for (const from of flood) {
				const stream = add(from);
				if (stream !== undefined) streams.push(stream);
				if (stream?.state === "opening") target.opened(stream);
			}
		}
		assert.ok(to.proxiedFrom >= 0.8 * 4_096 && to.proxiedFrom < 4_000, `${to.proxiedFrom} are open`);
		const ann = session("ann", "198.51.100");
		for (let i = 0; i < 20; i++) {
			const stream = add(ann) as ProxiedStream;
			assert.equal(stream.state, "opening", `${network}: ${i}`);
			target.opened(stream);
		}
		const late = flood.map((from) => add(from)?.state);
		assert.ok(!late.includes("opening") && !late.includes("open"));
		for (const stream of streams) target.over(stream);
		assert.equal(target.waiting, 0);
		assert.equal(to.proxiedFrom, 20);
	}
});

test("proxy target: keys of one network cannot take all places to wait", () => {
	const { to, target, add, session } = scene({ streamsPerConnection: 100, waitingOpens: 100 });
	const flood = Array.from({ length: 50 }, (_, i) => session(`m${i}`, "192.0.2"));
	for (let i = 0; i < 20; i++) {
		for (const from of flood) {
			const stream = add(from);
			if (stream?.state === "opening") target.opened(stream);
		}
	}
	assert.deepEqual([to.proxiedFrom, target.waiting], [95, 95]);
	// Streams from elsewhere go, and wait when there is no place.
	const states = Array.from({ length: 10 }, (_, i) => add(session(`a${i}`, `198.51.${i}`))?.state);
	assert.deepEqual(states, [...Array(5).fill("opening"), ...Array(5).fill("waiting")]);
	assert.equal(add(session("b", "203.0.113")), undefined, "it is full");
});
