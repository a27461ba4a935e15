import assert from "node:assert/strict";
import { test } from "node:test";
import { ACK_EVERY, type Delivered, numberOf } from "./fan-out.ts";
import { broadcasting, type Inlet, type Round, type System } from "./roles/broadcasting.ts";
import type { Latency } from "./roles/figures.ts";
import type { Methods } from "./roles/serve.ts";

/** Both ends in this process; delivers at once, and calls `damage` for each delivery first. */
function local(damage: (inlet: Inlet, message: Uint8Array, member: number) => boolean = () => false): System<string> {
	const inlets: Inlet[] = [];
	const deliver = (message: Uint8Array): void => {
		for (const [member, inlet] of inlets.entries()) {
			if (!damage(inlet, message, member)) {
				inlet.message(message);
			}
		}
	};
	let full = false;
	return {
		publisher: async () => ({
			trySend: (message) => {
				full = !full;
				if (!full) {
					deliver(message);
				}
				return !full;
			},
			send: async (message) => deliver(message),
		}),
		member: async (_where, _name, _index, inlet) => {
			inlets.push(inlet);
			return async () => {
				inlets.splice(inlets.indexOf(inlet), 1);
			};
		},
	};
}

async function start(system: System<string>, members: number, timed = false): Promise<<T>(method: string, argument?: unknown) => Promise<T>> {
	const methods: Methods = broadcasting(system);
	const call = async <T>(method: string, argument?: unknown): Promise<T> => (await methods[method]?.(argument as never)) as T;
	await call("publisher", { where: "here", name: "news" });
	await call("members", { where: "here", name: "news", count: members, timed });
	return call;
}

test("broadcasting: a round counts every message at every member, also when there is no room at first; the next begins anew", async () => {
	const call = await start(local(), 3);
	for (let round = 0; round < 2; round++) {
		const { port } = await call<Round>("begin");
		const sent = await call<number>("publish", { port, size: 100, seconds: 0.02 });
		assert.ok(sent > 0 && sent % ACK_EVERY === 0);
		const { deliveries, seconds, reported, unreported } = await call<Delivered>("delivered", { sent });
		assert.deepEqual({ deliveries, reported, unreported }, { deliveries: 3 * sent, reported: 0, unreported: 0 });
		assert.ok(seconds > 0);
	}
});

test("broadcasting: members of several processes are waited for, and a round says whether its messages tell their time", async () => {
	const inlets: Inlet[] = [];
	const system: System<string> = {
		publisher: async () => ({
			trySend: (message) => {
				for (const inlet of inlets) inlet.message(message);
				return true;
			},
			send: async (message) => {
				for (const inlet of inlets) inlet.message(message);
			},
		}),
		member: async (_where, _name, _index, inlet) => {
			inlets.push(inlet);
			return async () => undefined;
		},
	};
	const calls = await Promise.all([start(system, 1), start(system, 2)]);
	for (const timed of [true, false]) {
		const [port = 0, ...alsoPorts] = (await Promise.all(calls.map((call) => call<Round>("begin", { timed })))).map((round) => round.port);
		const argument = { port, alsoPorts, size: 100, seconds: 0.02, perSecond: 10_000 };
		const sent = await (calls[0] as (typeof calls)[number])<number>(timed ? "pace" : "publish", argument);
		const delivered = await Promise.all(calls.map((call) => call<Delivered>("delivered", { sent })));
		assert.deepEqual(
			delivered.map(({ deliveries }) => deliveries),
			[sent, 2 * sent],
		);
		const latencies = await Promise.all(calls.map((call) => call<Latency>("latencies")));
		assert.deepEqual(
			latencies.map(({ count }) => count),
			timed ? [sent, 2 * sent] : [0, 0],
		);
	}
	await Promise.all(calls.map((call) => call("leave")));
});

test("broadcasting: paced messages tell how long they took", async () => {
	const call = await start(local(), 2, true);
	const { port } = await call<Round>("begin");
	const sent = await call<number>("pace", { port, size: 64, seconds: 0.1, perSecond: 1_000 });
	assert.equal(sent, ACK_EVERY);
	const { count, p50 } = await call<Latency>("latencies");
	assert.equal(count, 2 * ACK_EVERY);
	assert.ok(p50 > 0 && p50 < 1e6);
});

test("broadcasting: gaps and silent losses are told apart", async () => {
	const call = await start(
		local((inlet, message, member) => {
			if (member === 1 && numberOf(message) === 5) {
				inlet.gap(1);
				return true;
			}
			return member === 2 && numberOf(message) === 7;
		}),
		3,
	);
	const { port } = await call<Round>("begin");
	const sent = await call<number>("publish", { port, size: 16, seconds: 0.01 });
	const { deliveries, reported, unreported } = await call<Delivered>("delivered", { sent });
	assert.deepEqual({ deliveries, reported, unreported }, { deliveries: 3 * sent - 2, reported: 1, unreported: 1 });
});

test("broadcasting: a member that gets nothing more fails the round", async () => {
	const call = await start(
		local((inlet) => {
			inlet.failed(new Error("the server closed the connection"));
			return false;
		}),
		1,
	);
	const { port } = await call<Round>("begin");
	const sent = await call<number>("publish", { port, size: 16, seconds: 0.01 });
	await assert.rejects(call("delivered", { sent }), /the server closed the connection/);
});
