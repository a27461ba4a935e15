/**
 * Broadcasts: a Coordinator, a publisher and all members, three processes; a frozen member is a fourth.
 *
 * @module
 */

import type { ClientOptions } from "conec";
import type { Context } from "../context.ts";
import type { Delivered } from "../fan-out.ts";
import { freeze, type Remote, thaw, watchGrowth } from "../remote.ts";
import type { Round } from "../roles/broadcasting.ts";
import type { Crowd } from "../roles/figures.ts";
import { median } from "../stats.ts";
import { type Cast, deliveries, deliveryTime, flood, type Shape, TO_ONE } from "./broadcast-rounds.ts";
import { type Hub, startHub } from "./conec.ts";
import type { Subject } from "./subject.ts";

/** Deliveries per second in that shape. */
export function broadcast(shape: Shape): Subject {
	return async (context, seconds) => deliveries(await cast(context, shape), shape, seconds);
}

/** Publish to delivery at 1,000 messages a second, to one member. */
export const broadcastTime: Subject = async (context, seconds) => deliveryTime(await cast(context, TO_ONE), TO_ONE, seconds);

/** The same over a proxied stream. */
export const proxyTime: Subject = async (context, seconds) => {
	const crew = await context.once("proxied time", async () => startCast(context, await hub(context), TO_ONE, "proxy-peer"));
	return deliveryTime(crew, TO_ONE, seconds);
};

function cast(context: Context, shape: Shape): Promise<Cast> {
	return context.once(`broadcast ${shape.name}`, async () => startCast(context, await hub(context), shape));
}

/** The Coordinator that the interleaved rounds share. */
function hub(context: Context): Promise<Hub> {
	return context.once("broadcast hub", () => startHub(context));
}

async function startCast(context: Context, { connection }: Hub, { name, members, timed = false }: Shape, role = "broadcast-peer"): Promise<Cast> {
	const where: ClientOptions = { ...connection, id: name };
	const publisher = context.start(role);
	const receivers = context.start(role);
	await receivers.call("members", { where, name, count: members, timed });
	await publisher.call("publisher", { where, name });
	return { publisher, receivers };
}

/** Seconds until 1,000 Clients that are connected have joined one name, all at once, and for the half of them. Fails if one has not. */
export async function join1000(context: Context): Promise<{ seconds: number; p50: number }> {
	const count = 1_000;
	const name = "crowd";
	const { coordinator, connection } = await startHub(context);
	const members = context.start("broadcast-peer");
	try {
		// Long enough to see how long it takes, if that is too long.
		await members.call("gather", { where: { ...connection, id: "guest", limits: { requestTimeoutMs: 60_000 } }, count }, 90_000);
		const joined = await members.call<Crowd>("join", { name }, 90_000);
		const known = await members.call<number>("count", { name });
		if (joined.connected !== count || known !== count) {
			throw new Error(`${joined.connected} of ${count} joined, the Coordinator counts ${known}${joined.failure === undefined ? "" : `; ${joined.failure}`}`);
		}
		return { seconds: joined.seconds, p50: joined.p50Seconds };
	} finally {
		await Promise.all([members.stop(), coordinator.stop()]);
	}
}

/** What one frozen member of a hundred costs. */
export interface Frozen {
	/** Rate of the others with it, as a share of that without. */
	readonly share: number;
	/** Largest growth of the Coordinator while it is frozen and catches up, beyond what the same broadcast costs without it. */
	readonly growth: number;
	/** Messages that it missed, as it was told. */
	readonly lost: number;
	/** Messages that it missed without being told, or was told wrongly. */
	readonly unreported: number;
}

/** The hundredth member, in a process of its own, is stopped for 10 s (SIGSTOP; less than a connection may be silent) while the others read along. */
export function frozenReader(context: Context): Promise<Frozen> {
	return context.once("frozen reader", async () => {
		const hub = await startHub(context);
		const others: Shape = { name: "frozen", members: 99, size: 100 };
		const crew = await startCast(context, hub, others);
		const frozen = context.start("broadcast-peer");
		try {
			return await compareFrozen(context, hub, crew, others, frozen);
		} finally {
			thaw(frozen);
			await Promise.all([frozen.stop(), crew.publisher.stop(), crew.receivers.stop(), hub.coordinator.stop()]);
		}
	});
}

async function compareFrozen(context: Context, { coordinator, connection }: Hub, crew: Cast, others: Shape, frozen: Remote): Promise<Frozen> {
	const without: number[] = [];
	const beside: number[] = [];
	let growth = 0;
	let lost = 0;
	let unreported = 0;
	await flood(crew, others, 1);
	for (let round = 0; round < (context.quick ? 1 : 5); round++) {
		const grownWithout = await watchGrowth([coordinator]);
		const grownInAll = await watchGrowth([coordinator]);
		without.push((await flood(crew, others, context.quick ? 3 : 10)).rate);
		// What is on its way to the others is held for each of them, frozen member or not.
		const ofOthers = grownWithout();
		await frozen.call("members", { where: { ...connection, id: "sleeper" }, name: others.name, count: 1 });
		await frozen.call<Round>("begin");
		freeze(frozen);
		const { rate, sent } = await flood(crew, others, context.quick ? 3 : 10);
		thaw(frozen);
		beside.push(rate);
		const slept = await frozen.call<Delivered>("delivered", { sent });
		growth = Math.max(growth, grownInAll() - ofOthers);
		lost += slept.reported;
		unreported += slept.unreported;
		await frozen.call("leave");
	}
	if (lost === 0 && !context.quick) {
		throw new Error("the frozen reader lost nothing, so nothing was shown");
	}
	return { share: median(beside) / median(without), growth, lost, unreported };
}
