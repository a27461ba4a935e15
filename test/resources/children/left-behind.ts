/** What a process holds. Needs --expose-gc. */

import { readdirSync } from "node:fs";
import type { Coordinator } from "../../../packages/conec/src/index.ts";

/** What is counted, and must be again what it was. */
const COUNTS = ["descriptors", "handles", "timers", "clients", "streams"] as const;

const MIB = 1024 * 1024;
/** What the whole work may leave behind, in bytes; of what is counted, nothing. */
export const BOUNDS: Readonly<Record<string, number>> = { heapUsed: MIB, external: MIB, arrayBuffers: MIB, rss: 16 * MIB };
/** Code that V8 compiles and what it learns of it grow for several parts of the work, and then no more. */
const PARTS = 12;
/** Parts that are as much as is promised to leave nothing behind. What one leaves is counted as often. */
const WHOLE = 2;

/** For what ends by itself, some time after it has been closed. */
const SETTLED_MS = 10_000;

/** Bytes and counts, once everything has settled that does so by itself; where that has not come to what it was `before`, a while later. */
async function figures(coordinator: Coordinator, before?: Readonly<Record<string, number>>): Promise<Record<string, number>> {
	for (const end = performance.now() + SETTLED_MS; ; ) {
		for (let i = 0; i < 8; i++) {
			(globalThis as { gc?: () => void }).gc?.();
			await new Promise((resolve) => setTimeout(resolve, 60));
		}
		const now = figuresNow(coordinator);
		if (before === undefined || COUNTS.every((name) => Number(now[name]) <= Number(before[name])) || performance.now() > end) return now;
	}
}

function figuresNow(coordinator: Coordinator): Record<string, number> {
	const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
	const resources = process.getActiveResourcesInfo();
	return {
		heapUsed,
		external,
		arrayBuffers,
		rss,
		descriptors: process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0,
		handles: resources.filter((name) => name !== "Timeout").length,
		timers: resources.filter((name) => name === "Timeout").length,
		clients: coordinator.clientCount,
		streams: coordinator.clients().reduce((sum, client) => sum + client.streams, 0),
	};
}

/**
 * Does the same work again and again, a half of it at a time, and returns, for each figure, twice the least that a half has left behind. What
 * leaks is left behind by every half, and so by that one too; compiled code, caches and the allocator grow in some only. Both halves are done at
 * least, and then it ends as soon as nothing is over its bound. Some of the work has to have been done before.
 */
export async function leastLeftBehind(coordinator: Coordinator, half: () => Promise<void>): Promise<Record<string, number>> {
	let before = await figures(coordinator);
	let least: Record<string, number> = {};
	for (let part = 1; part <= PARTS; part++) {
		await half();
		const after = await figures(coordinator, before);
		least = leastOf(least, growth(before, after));
		if (part >= WHOLE && Object.entries(least).every(([name, more]) => WHOLE * more <= (BOUNDS[name] ?? 0))) break;
		before = after;
	}
	return Object.fromEntries(Object.entries(least).map(([name, more]) => [name, WHOLE * more]));
}

function leastOf(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
	return Object.fromEntries(Object.entries(b).map(([name, value]) => [name, Math.min(value, a[name] ?? value)]));
}

/** How much more it is than it was. */
function growth(from: Readonly<Record<string, number>>, to: Readonly<Record<string, number>>): Record<string, number> {
	return Object.fromEntries(Object.entries(to).map(([name, value]) => [name, value - (from[name] ?? 0)]));
}
