import assert from "node:assert/strict";
import { test } from "node:test";
import { runPair } from "../../../testing/holepunch-pair-suite.ts";
import { seededRandom } from "../../../testing/nat-model-suite.ts";
import type { SocketAddress } from "../../transport/transport.ts";
import type { ChannelCandidate } from "../../wire/channel-messages.ts";
import { HolePunch } from "./machine.ts";
import type { PunchAction, PunchPlan } from "./plan.ts";

const REFLEXIVE: ChannelCandidate = { address: "203.0.113.10", port: 40_000, kind: "reflexive", packets: 64 };
const HOST: ChannelCandidate = { address: "10.0.2.2", port: 5000, kind: "host", packets: 6 };
const at = (candidate: SocketAddress, port = candidate.port): SocketAddress => ({ address: candidate.address, port });

const PLAN: PunchPlan = {
	role: "dial",
	candidates: [HOST, REFLEXIVE],
	ownNat: { mapping: "unknown", filtering: "unknown" },
	peerNat: { mapping: "unknown", filtering: "unknown" },
	punch: true,
	peerPunch: true,
	coordinatorRttMs: 100,
	waitMs: 0,
	deadlineMs: 1000,
};

/** A machine on its own clock, and everything that it has asked for. */
function machine(plan: Partial<PunchPlan> = {}) {
	const punch = new HolePunch({ ...PLAN, ...plan }, seededRandom(7));
	const log: { at: number; action: PunchAction }[] = [];
	let now = 0;
	const note = (actions: readonly PunchAction[]): readonly PunchAction[] => {
		log.push(...actions.map((action) => ({ at: now, action })));
		return actions;
	};
	let probes = 0;
	return {
		punch,
		log,
		start: () => note(punch.start(now)),
		until(time: number) {
			for (let next = punch.nextTickAt; next !== undefined && next <= time; next = punch.nextTickAt) {
				assert.ok(next > now || now === 0, `asks for ${next} at ${now}`);
				now = next;
				note(punch.tick(now));
			}
			now = time;
		},
		probed: (from: SocketAddress, { nonce = `p${probes++}`, socket = 0 } = {}) => note(punch.received(now, { type: "probe", nonce, from, socket })),
		/** Answers the last probe to `to`. */
		answered(to: SocketAddress, from: SocketAddress = to, socket = 0) {
			const nonce = log.map(({ action }) => (isProbe(action, to) ? action.datagram.nonce : undefined)).findLast((found) => found !== undefined);
			return note(punch.received(now, { type: "answer", nonce: nonce ?? "none", from: at(from), socket }));
		},
		dialFailed: (to: SocketAddress, socket = 0) => note(punch.dialFailed(now, socket, at(to))),
		opened: (count: number) => note(punch.socketsOpened(now, count)),
		probesTo: (to: SocketAddress) => log.filter(({ action }) => isProbe(action, to)).map((entry) => entry.at),
		of: <T extends PunchAction["type"]>(type: T) => log.flatMap(({ action }) => (action.type === type ? [action as Extract<PunchAction, { type: T }>] : [])),
	};
}

function isProbe(action: PunchAction, to: SocketAddress): action is Extract<PunchAction, { type: "send" }> {
	return action.type === "send" && action.datagram.type === "probe" && action.to.address === to.address && action.to.port === to.port;
}

test("hole punch: reflexive candidates first, then hosts, then again at growing distances inside their grants", () => {
	const { start, until, log, probesTo, of } = machine();
	start();
	assert.deepEqual(
		log.map(({ action }) => action.type === "send" && action.to),
		[at(REFLEXIVE), at(HOST)],
	);
	until(5000);
	assert.deepEqual(probesTo(REFLEXIVE), [0, 50, 100, 200, 300, 500, 700, 900]);
	assert.deepEqual(probesTo(HOST), [0, 50, 430], "the last one is kept for a peer that begins late");
	assert.deepEqual(of("failed"), [{ type: "failed", reason: "no answer within 1000 ms from 203.0.113.10:40000 (8 probes), 10.0.2.2:5000 (3 probes)" }]);
});

test("hole punch: the first answer ends the probing; a host candidate has a short time to be preferred", () => {
	const lan = machine();
	lan.start();
	lan.until(8);
	lan.answered(REFLEXIVE);
	lan.until(12);
	assert.deepEqual(lan.answered(HOST), [{ type: "dial", socket: 0, to: at(HOST) }]);
	lan.until(9000);
	assert.equal(lan.of("send").length, 2);

	const wide = machine();
	wide.start();
	wide.until(40);
	wide.answered(REFLEXIVE);
	assert.equal(wide.punch.nextTickAt, 50);
	wide.until(49);
	assert.deepEqual(wide.of("dial"), []);
	wide.until(50);
	assert.deepEqual(wide.of("dial"), [{ type: "dial", socket: 0, to: at(REFLEXIVE) }]);
	assert.deepEqual(wide.punch.report().candidates, [
		{ ...at(REFLEXIVE), kind: "reflexive", probes: 1, answered: true, rttMs: 40 },
		{ ...at(HOST), kind: "host", probes: 1, answered: false },
	]);
});

test("hole punch: an answer from another port than was asked is an address to ask, not one to dial", () => {
	const { start, until, answered, of, probesTo } = machine({ candidates: [REFLEXIVE] });
	start();
	until(30);
	answered(REFLEXIVE, at(REFLEXIVE, 41_111));
	assert.deepEqual(of("dial"), []);
	assert.deepEqual(probesTo(at(REFLEXIVE, 41_111)), [30]);
	until(60);
	assert.deepEqual(answered(at(REFLEXIVE, 41_111)), [{ type: "dial", socket: 0, to: at(REFLEXIVE, 41_111) }]);
});

test("hole punch: the address that a probe came from is probed at once", () => {
	const { start, until, probed, probesTo, punch } = machine({ candidates: [REFLEXIVE] });
	start();
	until(30);
	const from = at(REFLEXIVE, 50_123);
	assert.deepEqual(
		probed(from).map((action) => action.type === "send" && [action.to, action.datagram.type]),
		[
			[from, "answer"],
			[from, "probe"],
		],
	);
	until(100);
	assert.deepEqual(probesTo(from), [30, 80]);
	assert.equal(punch.report().candidates.find(({ kind }) => kind === "learned")?.port, 50_123);
	// One that is known already is asked early: the peer's NAT is open only now.
	until(140);
	probed(at(REFLEXIVE));
	assert.deepEqual(probesTo(REFLEXIVE), [0, 50, 100, 140]);
});

test("hole punch: a replayed probe, an unknown or repeated answer, and addresses without a grant get nothing", () => {
	const { start, probed, answered, punch } = machine({ role: "accept" });
	start();
	assert.equal(probed(at(REFLEXIVE), { nonce: "once" }).length, 1);
	assert.deepEqual(probed(at(REFLEXIVE), { nonce: "once" }), []);
	assert.deepEqual(probed(at(REFLEXIVE, 41_000), { nonce: "once" }), []);
	assert.deepEqual(probed({ address: "198.51.100.7", port: 40_000 }), []);
	assert.deepEqual(answered({ address: "198.51.100.7", port: 40_000 }), []);
	assert.deepEqual(punch.received(0, { type: "answer", nonce: "0000000000000000", from: at(REFLEXIVE), socket: 0 }), []);
	// Not even the answer to a probe of this side makes an address known that has no grant.
	assert.deepEqual(answered(REFLEXIVE, { address: "198.51.100.7", port: 40_000 }), []);
	assert.deepEqual(
		punch.report().candidates.map(({ address }) => address),
		[REFLEXIVE.address, HOST.address],
	);
});

test("hole punch: after a handshake that failed, the next address that answered, then learned ones until the deadline, then words", () => {
	const { start, until, answered, probed, dialFailed, probesTo, log } = machine();
	start();
	until(20);
	answered(HOST);
	answered(REFLEXIVE);
	until(400);
	assert.deepEqual(dialFailed(HOST), [{ type: "dial", socket: 0, to: at(REFLEXIVE) }]);
	until(600);
	assert.deepEqual(dialFailed(REFLEXIVE), []);
	probed(at(REFLEXIVE, 41_000));
	until(1500);
	assert.deepEqual([probesTo(REFLEXIVE), probesTo(HOST), probesTo(at(REFLEXIVE, 41_000))], [[0], [0], [600, 650, 700, 800, 900]]);
	assert.deepEqual(log.at(-1), {
		at: 1000,
		action: { type: "failed", reason: "no QUIC connection came about with 203.0.113.10:40000, 10.0.2.2:5000" },
	});
});

test("hole punch: a handshake that is under way at the deadline is waited for", () => {
	const { start, until, answered, dialFailed, of, punch } = machine({ candidates: [REFLEXIVE] });
	start();
	until(990);
	answered(REFLEXIVE);
	until(2500);
	assert.equal(punch.nextTickAt, undefined);
	assert.deepEqual(of("failed"), []);
	assert.equal(dialFailed(REFLEXIVE).at(-1)?.type, "failed");
});

test("hole punch: an acceptor whose probe was answered asks no more, and answers until the deadline or the end", () => {
	const { start, until, answered, probed, of, log } = machine({ role: "accept" });
	start();
	until(40);
	answered(REFLEXIVE);
	until(990);
	assert.equal(of("send").length, 2);
	assert.equal(probed(at(REFLEXIVE)).length, 1);
	until(1001);
	assert.deepEqual(probed(at(REFLEXIVE)), []);
	until(9000);
	assert.deepEqual(log.at(-1), { at: 1500, action: { type: "failed", reason: "the peer was heard, but it did not connect" } });

	const done = machine({ role: "accept" });
	done.start();
	done.punch.end();
	assert.deepEqual(done.probed(at(REFLEXIVE)), []);
	assert.equal(done.punch.nextTickAt, undefined);
});

test("hole punch: it waits before it begins, unless the peer has begun", () => {
	const patient = machine({ waitMs: 80 });
	assert.deepEqual(patient.start(), []);
	patient.until(200);
	assert.deepEqual(patient.probesTo(REFLEXIVE), [80, 130, 180]);

	const called = machine({ waitMs: 80 });
	called.start();
	called.until(30);
	called.probed(at(REFLEXIVE));
	assert.deepEqual([called.probesTo(REFLEXIVE), called.probesTo(HOST)], [[30], [30]]);
});

test("hole punch: a side that does not punch dials every candidate, and where it is called from", () => {
	const { start, until, probed, dialFailed, of, log } = machine({ punch: false });
	start();
	probed(at(REFLEXIVE, 41_000));
	assert.deepEqual(
		of("dial").map(({ to }) => to),
		[at(REFLEXIVE), at(HOST), at(REFLEXIVE, 41_000)],
	);
	until(5000);
	dialFailed(REFLEXIVE);
	dialFailed(HOST);
	assert.deepEqual(of("failed"), []);
	dialFailed(at(REFLEXIVE, 41_000));
	assert.equal(of("failed").length, 1);
	assert.deepEqual(of("send").filter(({ datagram }) => datagram.type === "probe").length, 0);
	assert.equal(log.length, 5);

	const acceptor = machine({ punch: false, role: "accept" });
	acceptor.start();
	acceptor.probed(at(REFLEXIVE, 41_000));
	acceptor.until(5000);
	assert.deepEqual(
		acceptor.log.map(({ action }) => (action.type === "send" ? action.datagram.type : action.type)),
		["answer", "failed"],
	);
});

test("hole punch: without a candidate there is nothing to try, and it says so", () => {
	const { start, until, of, log } = machine({ candidates: [] });
	start();
	until(2000);
	assert.deepEqual([of("failed")[0]?.reason, log.length], ["the peer has no address that may be tried", 1]);
});

test("hole punch: two hosts on one network without hairpin meet there within 50 ms", () => {
	for (const nat of ["port", "sym", "full"] as const) {
		const { up, dialled, dialMs } = runPair({ dialler: { nat }, acceptor: { nat }, sameSite: true });
		assert.equal(up, true, nat);
		assert.deepEqual(dialled, [{ address: "10.0.1.3", port: 5000 }]);
		assert.ok((dialMs as number) <= 50);
	}
});
