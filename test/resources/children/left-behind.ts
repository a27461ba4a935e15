/** What a process holds. Needs --expose-gc. */

import { readdirSync } from "node:fs";
import type { Coordinator } from "../../../packages/conec/src/index.ts";

/** What is counted, and must be again what it was. */
const COUNTS = ["descriptors", "handles", "timers", "clients", "streams"] as const;

/** For what ends by itself, some time after it has been closed. */
const SETTLED_MS = 10_000;

/** Bytes and counts, once everything has settled that does so by itself; where that has not come to what it was `before`, a while later. */
export async function figures(coordinator: Coordinator, before?: Readonly<Record<string, number>>): Promise<Record<string, number>> {
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

/** How much more it is than it was. */
export function growth(from: Readonly<Record<string, number>>, to: Readonly<Record<string, number>>): Record<string, number> {
	return Object.fromEntries(Object.entries(to).map(([name, value]) => [name, value - (from[name] ?? 0)]));
}
