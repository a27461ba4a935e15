/** Many attempts at once: what there is room for, what is put off, and that the packets to any address stay within its bound. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type FakeSession, type Scene } from "../../../testing/introduction-fixture.ts";
import type { ChannelAsk, ChannelGo, SentPackets } from "../../wire/channel-messages.ts";

interface Refused {
	readonly request: number;
	readonly code: string;
	readonly retryAfterMs?: number;
}

const ROUND_TRIP_MS = 100;
const ATTEMPT_MS = 400;
const DEADLINE_MS = 10_000;

/** Clients as the library's are: they say yes, try, say what they have sent, and come again when they are told to, within a call's ten seconds. */
function crowd(scene: Scene, packetsPerAttempt: (to: string) => number) {
	const { clock, say, ask } = scene;
	const sessions = new Map<string, { session: FakeSession; read: number }>();
	const sent: { readonly to: string; readonly atMs: number; readonly packets: number }[] = [];
	const up = new Map<string, number>();
	const gone: ChannelGo[] = [];
	const calls = new Map<string, { peer: string; untilMs: number; times: number }>();
	const pair = (a: string, b: string): string => [a, b].sort().join(" ");
	const request = (from: string, peer: string, untilMs: number, times: number): void => {
		if (up.has(pair(from, peer))) return;
		const number = ask((sessions.get(from) as { session: FakeSession }).session, peer);
		calls.set(`${from} ${number}`, { peer, untilMs, times });
	};
	const finish = (session: FakeSession, go: ChannelGo): void => {
		const report: SentPackets[] = go.candidates.map(({ address, packets }) => ({ address, packets: Math.min(packets, packetsPerAttempt(address)) }));
		for (const { address, packets } of report) sent.push({ to: address, atMs: clock.now(), packets });
		up.set(pair(session.id, go.peer.id), clock.now());
		say(session, { type: "channel-report", token: go.token, outcome: "up", sent: report });
	};
	const step = (): void => {
		for (const [id, one] of sessions) {
			for (; one.read < one.session.heard.length; one.read++) {
				const message = one.session.heard[one.read] as { type: string };
				const later = (ms: number, act: () => void): void => void clock.setTimeout(act, ms);
				if (message.type === "channel-ask") {
					const { token } = message as unknown as ChannelAsk;
					later(ROUND_TRIP_MS, () =>
						say(one.session, {
							type: "channel-answer",
							token,
							accept: true,
							...{ hosts: [{ address: `10.0.0.${10 + Number(id.slice(1))}`, port: 4_000 }], punch: true, birthday: false },
							nat: { mapping: "independent", filtering: "by-port" },
						}),
					);
				}
				if (message.type === "channel-go") {
					gone.push(message as unknown as ChannelGo);
					later(ATTEMPT_MS, () => finish(one.session, message as unknown as ChannelGo));
				}
				if (message.type === "channel-refused") {
					const { request: number, code, retryAfterMs } = message as unknown as Refused;
					const call = calls.get(`${id} ${number}`);
					assert.ok(call !== undefined && ["LIMIT_EXCEEDED", "PEER_BUSY"].includes(code) && retryAfterMs !== undefined, JSON.stringify(message));
					const delayMs = retryAfterMs * 1.3 ** call.times * (1 + (0.5 * ((number * 7919) % 10)) / 10);
					if (clock.now() + retryAfterMs < call.untilMs) later(delayMs, () => request(id, call.peer, call.untilMs, call.times + 1));
				}
			}
		}
	};
	const run = async (ms: number, until: () => boolean = () => false): Promise<void> => {
		for (const end = clock.now() + ms; clock.now() < end && !until(); ) {
			step();
			await clock.advance(20);
		}
	};
	return {
		up,
		gone,
		sent,
		run,
		enter: (id: string, address: string) => sessions.set(id, { session: scene.enter(id, address), read: 0 }),
		open: (from: string, peer: string) => request(from, peer, clock.now() + DEADLINE_MS, 0),
	};
}

for (const sites of [5, 30, 3]) {
	test(`channels: 30 Clients behind ${sites} NATs, all 435 pairs at once with default limits: all within a minute, most in one call, none begun with private addresses alone`, async (t) => {
		const scene = create();
		const many = crowd(scene, (to) => (to.startsWith("10.") ? 3 : 5));
		const siteOf = (i: number): number => i % sites;
		for (let i = 0; i < 30; i++) many.enter(`c${i}`, `192.0.2.${10 + siteOf(i)}`);
		const pairs = Array.from({ length: 30 }, (_, i) => Array.from({ length: i }, (_, j) => [`c${i}`, `c${j}`] as const)).flat();
		assert.equal(pairs.length, 435);
		for (const [a, b] of pairs) many.open(a, b);
		await many.run(DEADLINE_MS + 2_000, () => many.up.size === 435);
		const first = many.up.size;
		// Whoever was told that there is no room calls again.
		for (let round = 0; round < 4 && many.up.size < 435; round++) {
			for (const [a, b] of pairs) if (!many.up.has([a, b].sort().join(" "))) many.open(a, b);
			await many.run(DEADLINE_MS + 2_000, () => many.up.size === 435);
		}
		t.diagnostic(`${first} of 435 in the first call, all after ${scene.clock.now()} ms`);
		assert.equal(many.up.size, 435);
		assert.ok(scene.clock.now() <= 60_000, `${scene.clock.now()} ms`);
		for (const { candidates, peer } of many.gone) {
			const site = `192.0.2.${10 + siteOf(Number(peer.id.slice(1)))}`;
			assert.ok(
				candidates.some(({ address, kind }) => kind === "reflexive" && address === site),
				`begun with nothing but private addresses: ${JSON.stringify(candidates)}`,
			);
		}
		for (const to of new Set(many.sent.map((one) => one.to))) {
			const times = many.sent.filter((one) => one.to === to);
			const most = Math.max(
				...times.map(({ atMs }) => times.filter((one) => one.atMs >= atMs && one.atMs < atMs + 60_000).reduce((sum, { packets }) => sum + packets, 0)),
			);
			assert.ok(most <= (to.startsWith("10.") ? 60 * 5 : 2_000), `${most} to ${to}`);
		}
	});
}

test("channels: a budget that is spent is told as such, with when it will not be, before anybody is asked; what is given back is there at once", async () => {
	const scene = create({ punchReflexivePerMinute: 400 });
	const { clock, enter, say, ask, agree } = scene;
	const [a, b, c] = [enter("a", "192.0.2.1"), enter("b", "192.0.2.2"), enter("c", "192.0.2.2")];
	ask(a, "b");
	agree(b);
	ask(a, "c");
	agree(c);
	const refusals = (): Refused[] => a.got<Refused>("channel-refused");
	assert.deepEqual(
		a.got<ChannelGo>("channel-go").map(({ candidates }) => candidates[0]?.packets),
		[64, 36],
	);
	const asked = b.got("channel-ask").length;
	ask(a, "b");
	assert.deepEqual([refusals()[0]?.code, refusals()[0]?.retryAfterMs, b.got("channel-ask").length], ["LIMIT_EXCEEDED", 1_000, asked]);
	const [first, second] = a.got<ChannelGo>("channel-go");
	say(a, { type: "channel-report", token: first?.token ?? "", outcome: "failed", sent: [{ address: "192.0.2.2", packets: 4 }] });
	ask(a, "b");
	assert.equal(refusals().length, 2, "what the other side was granted is the other side's to give back");
	say(b, { type: "channel-report", token: first?.token ?? "", outcome: "failed", sent: [{ address: "192.0.2.1", packets: 4 }] });
	ask(a, "b");
	agree(b);
	assert.equal(a.got<ChannelGo>("channel-go")[2]?.candidates[0]?.packets, 60);
	// Nobody can give back what it was not granted: neither an outsider nor the other side.
	for (const liar of [b, c]) say(liar, { type: "channel-report", token: second?.token ?? "", outcome: "failed", sent: [] });
	await clock.advance(5_000);
	ask(a, "c");
	assert.equal(refusals().at(-1)?.code, "LIMIT_EXCEEDED");
});

test("channels: what is taken for an attempt that never begins is given back, however it ends", async () => {
	for (const end of ["declined", "cancelled", "target leaves", "not answered", "no hope"]) {
		// Room for one attempt between the two.
		const scene = create({ punchReflexivePerMinute: 256 });
		const { clock, enter, leave, say, ask, agree } = scene;
		const [a, b, c] = [enter("a", "192.0.2.1"), enter("b", "192.0.2.2"), enter("c", "192.0.2.2")];
		const HARD = { mapping: "dependent", filtering: "by-port" };
		const request = ask(a, "b", end === "no hope" ? { auto: true, nat: HARD } : {});
		ask(a, "c");
		assert.equal(a.got<Refused>("channel-refused").at(-1)?.code, "LIMIT_EXCEEDED", end);
		const { token } = b.got<ChannelAsk>("channel-ask")[0] as ChannelAsk;
		if (end === "declined") say(b, { type: "channel-answer", token, accept: false, code: "DECLINED" });
		if (end === "cancelled") say(a, { type: "channel-cancel", request });
		if (end === "target leaves") leave(b);
		if (end === "not answered") await clock.advance(10_100);
		if (end === "no hope") agree(b, { nat: HARD });
		ask(a, "c");
		agree(c);
		assert.equal(a.got<ChannelGo>("channel-go")[0]?.candidates[0]?.packets, 64, end);
	}
});

test("channels: a report that says less than nothing, more than all, or of strangers, moves no more than its own share", () => {
	const scene = create({ punchReflexivePerMinute: 256 });
	const { enter, say, ask, agree } = scene;
	const [evil, good, other] = [enter("evil", "192.0.2.1"), enter("good", "192.0.2.2"), enter("other", "192.0.2.3")];
	ask(good, "evil");
	agree(evil);
	const { token } = good.got<ChannelGo>("channel-go")[0] as ChannelGo;
	// What good may send to where evil is stays booked, whatever evil says.
	for (const sent of [[], [{ address: "192.0.2.1", packets: 0 }], [{ address: "192.0.2.2", packets: 65_536 }]])
		say(evil, { type: "channel-report", token, outcome: "failed", sent });
	ask(good, "evil");
	assert.equal(good.got<Refused>("channel-refused").at(-1)?.code, "LIMIT_EXCEEDED");
	ask(other, "good");
	agree(good);
	assert.equal(other.got("channel-go").length, 1, "others have their own");
	say(good, { type: "channel-report", token, outcome: "failed", sent: [] });
	ask(good, "evil");
	agree(evil);
	assert.equal(good.got("channel-go").length, 3);
});

test("channels: those who insist where there is no hope leave half of what an address may be sent to others, also before it is known", () => {
	const HARD = { mapping: "dependent", filtering: "by-port" };
	const { enter, say, ask, agree } = create({ punchReflexivePerMinute: 400, attemptsPerMinute: 1_000 });
	const hard = enter("hard", "192.0.2.1");
	let packets = 0;
	const insist = (i: number): boolean => {
		const [from, before] = [enter(`vain-${i}`, `192.0.2.${10 + i}`), hard.got("channel-ask").length];
		ask(from, "hard", { nat: HARD });
		if (hard.got("channel-ask").length === before) return false;
		agree(hard, { nat: HARD });
		const go = from.got<ChannelGo>("channel-go")[0];
		if (go === undefined) return false;
		packets += go.candidates[0]?.packets ?? 0;
		say(from, { type: "channel-report", token: go.token, outcome: "failed", sent: [{ address: "192.0.2.1", packets: 64 }] });
		return true;
	};
	const begun = Array.from({ length: 20 }, (_, i) => insist(i));
	assert.deepEqual([packets, begun[0], begun[19]], [192, true, false], "in whole attempts");
	const hopeful = enter("hopeful", "192.0.2.100");
	ask(hopeful, "hard", { nat: { mapping: "independent", filtering: "open" } });
	agree(hard, { nat: HARD });
	assert.equal(hopeful.got<ChannelGo>("channel-go")[0]?.candidates[0]?.packets, 64);
	const last = enter("last", "192.0.2.101");
	ask(last, "hard", { nat: HARD });
	assert.deepEqual(
		[last.got<Refused>("channel-refused")[0]?.code, (last.got<Refused>("channel-refused")[0]?.retryAfterMs ?? 0) > 1_000],
		["LIMIT_EXCEEDED", true],
	);
});

test("introductions: a network whose Clients ask and then say nothing leaves places at their target for a Client from elsewhere", async () => {
	const scene = create();
	const victim = scene.enter("victim", "203.0.113.1");
	const flood = Array.from({ length: 32 }, (_, i) => scene.enter(`m${i}`, `192.0.2.${i + 1}`));
	const ann = scene.enter("ann", "198.51.100.1");
	for (const from of flood) scene.ask(from, "victim");
	assert.equal(victim.got("channel-ask").length, 13);
	// Some are agreed to and never reported, others are never answered.
	scene.agree(victim);
	const request = scene.ask(ann, "victim");
	assert.equal(victim.got<ChannelAsk>("channel-ask").at(-1)?.peer.id, "ann");
	scene.agree(victim);
	assert.equal(ann.got<ChannelGo>("channel-go")[0]?.request, request);
	const [refused] = flood[31]?.got<Refused>("channel-refused") ?? [];
	assert.deepEqual([refused?.code, refused?.retryAfterMs], ["PEER_BUSY", 500]);
	// What is never reported is over in 12 s.
	await scene.clock.advance(13_000);
	scene.ask(flood[31] as FakeSession, "victim");
	assert.equal(victim.got<ChannelAsk>("channel-ask").at(-1)?.peer.id, "m31");
});

test("introductions: Clients of sixteen networks that never report hold up a seventeenth for three seconds, and both sides hear who made way", async () => {
	const scene = create();
	const victim = scene.enter("victim", "203.0.113.1");
	const flood = Array.from({ length: 16 }, (_, i) => scene.enter(`m${i}`, `192.${i}.2.1`));
	for (const from of flood) {
		scene.ask(from, "victim");
		scene.agree(victim);
	}
	const ann = scene.enter("ann", "198.51.100.1");
	scene.ask(ann, "victim");
	assert.equal(ann.got<Refused>("channel-refused")[0]?.code, "PEER_BUSY");
	await scene.clock.advance(3_500);
	scene.ask(ann, "victim");
	scene.agree(victim);
	assert.equal(ann.got("channel-go").length, 1);
	const ended = [victim, ...flood].filter((session) => session.got("channel-cancelled").length > 0);
	assert.deepEqual(
		ended.map(({ id }) => id),
		["victim", "m0"],
	);
	await scene.clock.advance(30_000);
	for (const session of [victim, ann, ...flood]) scene.leave(session);
	await scene.clock.advance(120_000);
	assert.equal(scene.channels.size, 0, "nothing is left");
});
