import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seededRandom } from "../../../testing/nat-model-suite.ts";
import type { SocketAddress } from "../../transport/transport.ts";
import { HolePunch } from "./machine.ts";
import { LEARNED_ADDRESSES, type PunchAction, type PunchPlan } from "./plan.ts";

const GRANTED = ["203.0.113.10", "203.0.113.11", "10.0.2.2", "2001:db8::7"];
const STRANGERS = ["198.51.100.1", "192.0.2.10"];

const port = fc.oneof(fc.integer({ min: 1, max: 65_535 }), fc.constantFrom(5000, 40_000, 40_001));
/** Of a packet that comes in: 0 is no port to send to, and can be forged. */
const fromPort = fc.oneof({ weight: 6, arbitrary: port }, { weight: 1, arbitrary: fc.constant(0) });
const candidate = fc.record({
	address: fc.constantFrom(...GRANTED),
	port,
	kind: fc.constantFrom("reflexive" as const, "host" as const),
	packets: fc.constantFrom(0, 1, 6, 6, 64, 64, 576, 2112),
});
const nat = fc.oneof(
	fc.constantFrom({ mapping: "unknown", filtering: "unknown" } as const, { mapping: "none", filtering: "by-port" } as const),
	fc.record({
		mapping: fc.constant("dependent" as const),
		filtering: fc.constant("by-port" as const),
		portStep: fc.integer({ min: 1, max: 16 }),
		lastPort: port,
	}),
);
const plan: fc.Arbitrary<PunchPlan> = fc.record({
	role: fc.constantFrom("dial" as const, "accept" as const),
	candidates: fc.array(candidate, { maxLength: 5 }),
	ownNat: nat,
	peerNat: nat,
	punch: fc.oneof(fc.constant(true), fc.boolean()),
	peerPunch: fc.boolean(),
	birthday: fc.constantFrom(undefined, undefined, "hard" as const, "easy" as const),
	coordinatorRttMs: fc.integer({ min: 0, max: 2000 }),
	waitMs: fc.integer({ min: 0, max: 300 }),
	deadlineMs: fc.integer({ min: 0, max: 9000 }),
});
const address = fc.oneof(fc.constantFrom(...GRANTED), fc.constantFrom(...STRANGERS));
const socket = fc.constantFrom(0, 0, 0, 1, 7, 256);
/** What a peer with the token, or somebody who replays its packets, can make come in; and time. */
const step = fc.oneof(
	{ weight: 4, arbitrary: fc.record({ do: fc.constant("probe" as const), nonce: fc.nat({ max: 400 }), address, port: fromPort, socket }) },
	{ weight: 1, arbitrary: fc.record({ do: fc.constant("flood" as const), address, count: fc.integer({ min: 1, max: 300 }), socket }) },
	{ weight: 3, arbitrary: fc.record({ do: fc.constant("answer" as const), which: fc.nat(), back: fc.boolean(), address, port: fromPort, socket }) },
	{ weight: 1, arbitrary: fc.record({ do: fc.constant("forged answer" as const), address, port: fromPort }) },
	{ weight: 4, arbitrary: fc.record({ do: fc.constant("time" as const), ms: fc.integer({ min: 0, max: 700 }) }) },
	{ weight: 1, arbitrary: fc.record({ do: fc.constant("dial failed" as const) }) },
	{ weight: 1, arbitrary: fc.record({ do: fc.constant("opened" as const), count: fc.integer({ min: 0, max: 256 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function run(given: PunchPlan, steps: readonly Step[]): PunchAction[] {
	const punch = new HolePunch(given, seededRandom(1));
	let now = 0;
	let over = false;
	const all: PunchAction[] = [];
	const sent: { to: SocketAddress; socket: number; nonce: string }[] = [];
	const dials: { to: SocketAddress; socket: number }[] = [];
	const take = (actions: readonly PunchAction[]): void => {
		assert.ok(!over || actions.length === 0, "acts after the end");
		for (const action of actions) {
			all.push(action);
			if (action.type === "send" && action.datagram.type === "probe") sent.push({ ...action, nonce: action.datagram.nonce });
			if (action.type === "dial") dials.push(action);
			if (action.type === "failed") over = true;
		}
		const next = punch.nextTickAt;
		assert.ok(next === undefined || next > now, `wants to be called at ${next}, and it is ${now}`);
		assert.ok(!over || next === undefined);
	};
	take(punch.start(now));
	for (const one of steps) {
		switch (one.do) {
			case "probe":
				take(punch.received(now, { type: "probe", nonce: `n${one.nonce}`, from: { address: one.address, port: one.port }, socket: one.socket }));
				break;
			case "flood":
				for (let i = 0; i < one.count; i++) {
					take(punch.received(now, { type: "probe", nonce: `f${all.length} ${i}`, from: { address: one.address, port: 1024 + i }, socket: one.socket }));
				}
				break;
			case "answer": {
				const probe = sent[sent.length === 0 ? 0 : one.which % sent.length];
				if (probe === undefined) break;
				const from = one.back ? probe.to : { address: one.address, port: one.port };
				take(punch.received(now, { type: "answer", nonce: probe.nonce, from, socket: one.back ? probe.socket : one.socket }));
				break;
			}
			case "forged answer":
				take(punch.received(now, { type: "answer", nonce: "ffffffffffffffff", from: { address: one.address, port: one.port }, socket: 0 }));
				break;
			case "time": {
				const until = now + one.ms;
				for (let next = punch.nextTickAt; next !== undefined && next <= until; next = punch.nextTickAt) {
					now = next;
					take(punch.tick(now));
				}
				now = until;
				take(punch.tick(now));
				break;
			}
			case "dial failed": {
				const dial = dials.shift();
				if (dial !== undefined) take(punch.dialFailed(now, dial.socket, dial.to));
				break;
			}
			case "opened":
				take(punch.socketsOpened(now, one.count));
				break;
		}
	}
	return all;
}

test("hole punch: whatever comes, no address without a grant, and none beyond it, gets a packet or a handshake", () => {
	fc.assert(
		fc.property(plan, fc.array(step, { maxLength: 60 }), (given, steps) => {
			const actions = run(given, steps);
			const packets = new Map<string, number>();
			for (const action of actions) {
				if (action.type === "send" || action.type === "dial") assert.notEqual(action.to.port, 0, "there is no such port");
				if (action.type === "send") packets.set(action.to.address, (packets.get(action.to.address) ?? 0) + 1);
				if (action.type !== "dial") continue;
				assert.ok(given.candidates.some((granted) => granted.address === action.to.address));
				assert.ok(given.punch || action.unasked !== undefined, "a handshake with nobody is for nothing");
				packets.set(action.to.address, (packets.get(action.to.address) ?? 0) + (action.unasked ?? 0));
			}
			for (const [to, count] of packets) {
				const grant = Math.max(0, ...given.candidates.filter((granted) => granted.address === to).map((granted) => granted.packets));
				assert.ok(count <= grant, `${count} to ${to}, granted ${grant}`);
			}
			const answers = actions.flatMap((action) => (action.type === "send" && action.datagram.type === "answer" ? [action.datagram.nonce] : []));
			assert.equal(new Set(answers).size, answers.length, "answered twice");
			const probes = actions.flatMap((action) => (action.type === "send" && action.datagram.type === "probe" ? [action.datagram.nonce] : []));
			assert.equal(new Set(probes).size, probes.length, "a nonce was used twice");
			assert.ok(given.punch || probes.length === 0);
		}),
		{ numRuns: 300 },
	);
});

test("hole punch: a flood of probes with the right MAC from every port costs the grant, not more, and leaves nobody probed for ever", () => {
	const given: PunchPlan = {
		role: "accept",
		candidates: [{ address: "203.0.113.10", port: 40_000, kind: "reflexive", packets: 64 }],
		ownNat: { mapping: "unknown", filtering: "unknown" },
		peerNat: { mapping: "unknown", filtering: "unknown" },
		punch: true,
		peerPunch: true,
		coordinatorRttMs: 100,
		waitMs: 0,
		deadlineMs: 4000,
	};
	const flood = { do: "flood", address: "203.0.113.10", count: 300, socket: 0 } as const;
	const time = { do: "time", ms: 600 } as const;
	const actions = run(given, [flood, time, flood, time, flood, { do: "time", ms: 9000 }, flood]);
	assert.equal(actions.filter(({ type }) => type === "send").length, 64);
	const probed = actions.flatMap((action) => (action.type === "send" && action.datagram.type === "probe" ? [action.to.port] : []));
	assert.equal(new Set(probed).size, 1 + LEARNED_ADDRESSES);
	assert.equal(actions.at(-1)?.type, "failed");
});
