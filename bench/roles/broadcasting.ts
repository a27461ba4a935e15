/**
 * One sender and many receivers, whatever the system that carries the messages. Both ends.
 *
 * @module
 */

import { setTimeout as delay } from "node:timers/promises";
import { ACK_EVERY, ageMicros, type Delivered, FanOut, numbered, numberOf, stamp, windowOf } from "../fan-out.ts";
import { percentile } from "../stats.ts";
import { AckSource, AckWatch } from "./acks.ts";
import type { Latency, LoadArgument } from "./figures.ts";
import type { Methods } from "./serve.ts";

/** Where a publisher puts its messages. */
export interface Outlet {
	/** `false`: no room; nothing was taken. */
	trySend(message: Uint8Array): boolean;
	send(message: Uint8Array): Promise<void>;
}

/** Where a member puts what it gets. */
export interface Inlet {
	message(data: Uint8Array): void;
	gap(lost: number): void;
	/** It gets nothing more, and nobody asked for that. */
	failed(error: unknown): void;
}

/** A system that broadcasts. `Where` is how it is reached. */
export interface System<Where> {
	publisher(where: Where, name: string): Promise<Outlet>;
	/** A member with a connection of its own. Resolves when it is certain to get what is sent from now on; gives how to leave. */
	member(where: Where, name: string, index: number, inlet: Inlet): Promise<() => Promise<void>>;
}

/** The receivers are to be told of a round before it begins: they say where they acknowledge. */
export interface Round {
	readonly port: number;
	/** Of other processes with members. */
	readonly alsoPorts?: readonly number[];
}

interface Place<Where> {
	readonly where: Where;
	readonly name: string;
}

/** The operations of a process that plays either end for a system. */
export function broadcasting<Where>(system: System<Where>): Methods {
	let outlet: Outlet | undefined;
	let acks: AckSource | undefined;
	let fanOut: FanOut | undefined;
	let failure: unknown;
	let micros: number[] = [];
	let taking = false;
	const leavers: (() => Promise<void>)[] = [];
	const sender = (): Outlet => {
		if (outlet === undefined) {
			throw new Error("not a publisher");
		}
		return outlet;
	};
	const reader = (): FanOut => {
		if (failure !== undefined) {
			throw failure;
		}
		if (fanOut === undefined) {
			throw new Error("no round has begun");
		}
		return fanOut;
	};
	return {
		publisher: async ({ where, name }: Place<Where>) => {
			outlet = await system.publisher(where, name);
		},
		/** `timed`: messages carry the time of sending. */
		members: async ({ where, name, count, timed = false }: Place<Where> & { count: number; timed?: boolean }) => {
			taking = timed;
			const inletOf = (member: number): Inlet => ({
				message: (data) => {
					if (taking) {
						micros.push(ageMicros(data));
					}
					fanOut?.add(member, numberOf(data));
				},
				gap: (lost) => fanOut?.lose(member, lost),
				failed: (error) => {
					failure ??= error;
				},
			});
			leavers.push(...(await Promise.all(Array.from({ length: count }, (_, index) => system.member(where, name, index, inletOf(index))))));
		},
		leave: async () => {
			await Promise.all(leavers.splice(0).map((leave) => leave()));
		},
		/** `timed`: as for `members`, for this round and those after it. */
		begin: async ({ timed }: { timed?: boolean } = {}): Promise<Round> => {
			taking = timed ?? taking;
			const source = acks ?? (await AckSource.listen());
			acks = source;
			micros = [];
			fanOut = new FanOut(leavers.length, (messages) => source.send(messages));
			return { port: source.port };
		},
		publish: (argument: Round & LoadArgument & { window?: number }) => publish(sender(), argument),
		pace: (argument: Round & LoadArgument & { perSecond: number }) => pace(sender(), argument),
		/** What came, once all have that many messages. */
		delivered: async ({ sent }: { sent: number }): Promise<Delivered> => {
			const deadline = performance.now() + SETTLE_MS;
			while (!reader().has(sent)) {
				if (performance.now() > deadline) {
					throw new Error(`${sent} messages were sent; ${JSON.stringify(reader().delivered())} after ${SETTLE_MS} ms`);
				}
				await delay(20);
			}
			return reader().delivered();
		},
		latencies: (): Latency => ({ count: micros.length, p50: percentile(micros, 0.5), p99: percentile(micros, 0.99) }),
	};
}

/** How long members may take for what is on the way. */
const SETTLE_MS = 20_000;

/** Sends for that long, as fast as the window of messages lets it, then waits until all have all. Gives the number of messages. */
async function publish(outlet: Outlet, { size, seconds, window = windowOf(size), ...round }: Round & LoadArgument & { window?: number }): Promise<number> {
	const acks = await watch(round);
	try {
		const deadline = performance.now() + seconds * 1_000;
		let sent = 0;
		while (performance.now() < deadline) {
			await acks.upTo(sent + ACK_EVERY - window);
			for (let index = 0; index < ACK_EVERY; index++) {
				const message = numbered(sent++, size);
				if (!outlet.trySend(message)) {
					await outlet.send(message);
				}
			}
		}
		await acks.upTo(sent);
		return sent;
	} finally {
		acks.close();
	}
}

/** Sends that many messages a second, each with the time; a timer that is late is made up for. */
async function pace(outlet: Outlet, { size, seconds, perSecond, ...round }: Round & LoadArgument & { perSecond: number }): Promise<number> {
	const acks = await watch(round);
	try {
		const total = Math.ceil((seconds * perSecond) / ACK_EVERY) * ACK_EVERY;
		const startedMs = performance.now();
		for (let sent = 0; sent < total; ) {
			const due = Math.min(total, Math.floor(((performance.now() - startedMs) / 1_000) * perSecond));
			for (; sent < due; sent++) {
				await outlet.send(stamp(numbered(sent, size)));
			}
			await delay(1);
		}
		await acks.upTo(total);
		return total;
	} finally {
		acks.close();
	}
}

/** All processes with members have that many when the last of them has. */
async function watch({ port, alsoPorts = [] }: Round): Promise<Pick<AckWatch, "upTo" | "close">> {
	const watches = await Promise.all([port, ...alsoPorts].map((one) => AckWatch.connect(one)));
	return {
		upTo: async (messages) => {
			await Promise.all(watches.map((one) => one.upTo(messages)));
		},
		close: () => {
			for (const one of watches) one.close();
		},
	};
}
