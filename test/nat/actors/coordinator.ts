/** A Coordinator on its machine of the lab: `listen` prints where and with which pin. */

import { monitorEventLoopDelay } from "node:perf_hooks";
import { Coordinator, type CoordinatorOptions, type CoordinatorStatus } from "../../../packages/conec/src/index.ts";
import { nowMs, serveActions } from "./actions.ts";

/** How often the event loop is looked at. */
const RESOLUTION_MS = 10;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
let coordinator: Coordinator | undefined;
const events: { atMs: number; event: CoordinatorStatus }[] = [];

function live(): Coordinator {
	if (coordinator === undefined) throw new TypeError("it does not listen");
	return coordinator;
}

serveActions({
	async listen(options: CoordinatorOptions) {
		coordinator = await Coordinator.listen(options);
		const boundMs = nowMs();
		void record(coordinator);
		delay.reset();
		delay.enable();
		return { port: coordinator.address.port, pin: coordinator.fingerprint, boundMs };
	},
	clients: () => live().clients(),
	/** What it knows of the path between two Clients. */
	explain: ({ peers: [one, other] }: { peers: [string, string] }) => live().explain(one, other),
	events: () => events,
	/** How late its event loop was since it listens, in milliseconds. */
	lateness: () => ({ p50: lateMs(50), p99: lateMs(99), max: lateMs(100) }),
	async close() {
		await live().close();
		coordinator = undefined;
	},
});

function lateMs(percent: number): number {
	return Math.max(0, delay.percentile(percent) / 1e6 - RESOLUTION_MS);
}

async function record(from: Coordinator): Promise<void> {
	for await (const event of from.status()) {
		events.push({ atMs: nowMs(), event });
		if (events.length > 10_000) events.shift();
	}
}
