/**
 * The Coordinator that is attacked. Its application sends back what it gets.
 *
 * @module
 */

import { monitorEventLoopDelay } from "node:perf_hooks";
import { serve } from "../../../bench/roles/serve.ts";
import { Coordinator, type CoordinatorOptions } from "../../../packages/conec/src/index.ts";
import { echo } from "../../../packages/conec/testing/echo.ts";

/** What the Coordinator has seen since `begin`. */
export interface CoordinatorFigures {
	/** Delay of the event loop beyond its timer, in milliseconds. */
	readonly delay: { readonly p50: number; readonly p99: number; readonly max: number };
	/** What was refused, slowed, reset and evicted since it began, where the library counts that. */
	readonly defence: Readonly<Record<string, number>>;
	/** Clients that were refused, by code. */
	readonly refused: Readonly<Record<string, number>>;
	readonly clientCount: number;
	/** Heap that is used, after a collection. */
	readonly heapBytes: number;
}

/** How often the delay is measured. */
const RESOLUTION_MS = 5;

const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
let coordinator: Coordinator | undefined;
let defence: Readonly<Record<string, number>> = {};
const refused = new Map<string, number>();
/** Is told when a Client has gone. */
let gone: () => void = () => undefined;

async function listen(options: CoordinatorOptions): Promise<{ port: number; fingerprint: string }> {
	const listening = await Coordinator.listen({ port: 0, ...options });
	coordinator = listening;
	echo(listening);
	void (async () => {
		for await (const event of listening.status()) {
			if (event.type === "refused") refused.set(event.code, (refused.get(event.code) ?? 0) + 1);
			else if (event.type === "defence") defence = event.totals;
			else if (event.type === "disconnected") gone();
		}
	})().catch(() => undefined);
	return { port: listening.address.port, fingerprint: listening.fingerprint };
}

const milliseconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);

serve({
	listen,
	/** Resolves when nobody is connected. */
	alone: async (): Promise<void> => {
		while ((coordinator?.clientCount ?? 0) > 0) {
			await new Promise<void>((resolve) => {
				gone = resolve;
			});
		}
	},
	begin: () => {
		delay.enable();
		delay.reset();
	},
	figures: (): CoordinatorFigures => {
		delay.disable();
		globalThis.gc?.();
		return {
			delay: { p50: milliseconds(delay.percentile(50)), p99: milliseconds(delay.percentile(99)), max: milliseconds(delay.max) },
			defence,
			refused: Object.fromEntries(refused),
			clientCount: coordinator?.clientCount ?? 0,
			heapBytes: process.memoryUsage().heapUsed,
		};
	},
});
