/**
 * The child's half of a benchmark process: answers calls of its parent over Node's IPC channel.
 *
 * Calls come before and after a measurement, never during one, so that the channel does not disturb it.
 *
 * @module
 */

import { type EventLoopUtilization, performance } from "node:perf_hooks";

/** Named operations of a role. Arguments and results are structured-cloneable. */
export type Methods = Readonly<Record<string, (argument: never) => unknown>>;

/** What the parent sends. */
export interface Call {
	readonly id: number;
	readonly method: string;
	readonly argument: unknown;
}

/** What it gets back. */
export type Reply = { readonly id: number; readonly result: unknown } | { readonly id: number; readonly error: string };

/** Serves until the parent goes away; then the process ends at once. */
export function serve(methods: Methods): void {
	const all: Methods = { ...COMMON, ...methods };
	process.on("message", (call: Call) => {
		void answer(all, call).then((reply) => process.send?.(reply));
	});
	process.on("disconnect", () => process.exit(0));
}

async function answer(methods: Methods, call: Call): Promise<Reply> {
	try {
		const method = methods[call.method];
		if (method === undefined) {
			return { id: call.id, error: `no such method: ${call.method}` };
		}
		return { id: call.id, result: await method(call.argument as never) };
	} catch (error) {
		return { id: call.id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
	}
}

let utilization: EventLoopUtilization | undefined;

/** Every role can be asked for its memory and its event loop. Collections need --expose-gc. */
const COMMON: Methods = {
	collect: async () => {
		for (let pass = 0; pass < 4; pass++) {
			globalThis.gc?.();
			await new Promise((resolve) => setImmediate(resolve));
		}
		const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
		return { heapUsed, external, arrayBuffers, rss, handles: process.getActiveResourcesInfo().length };
	},
	utilizationStart: () => {
		utilization = performance.eventLoopUtilization();
	},
	utilization: () => performance.eventLoopUtilization(utilization).utilization,
};
