/** What a process holds. Needs --expose-gc. */

import { readdirSync } from "node:fs";
import type { Coordinator } from "../../../packages/conec/src/index.ts";

/** Bytes and counts, once everything has settled that does so by itself. */
export async function figures(coordinator: Coordinator): Promise<Record<string, number>> {
	for (let i = 0; i < 8; i++) {
		(globalThis as { gc?: () => void }).gc?.();
		await new Promise((resolve) => setTimeout(resolve, 60));
	}
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
