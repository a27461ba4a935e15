/** A Coordinator on its machine of the lab: `listen` prints where and with which pin. */

import { Coordinator, type CoordinatorOptions, type CoordinatorStatus } from "../../../packages/conec/src/index.ts";
import { nowMs, serveActions } from "./actions.ts";

let coordinator: Coordinator | undefined;
const events: { atMs: number; event: CoordinatorStatus }[] = [];

function live(): Coordinator {
	if (coordinator === undefined) throw new TypeError("it does not listen");
	return coordinator;
}

serveActions({
	async listen(options: CoordinatorOptions) {
		coordinator = await Coordinator.listen(options);
		void record(coordinator);
		return { port: coordinator.address.port, pin: coordinator.fingerprint };
	},
	clients: () => live().clients(),
	/** What it knows of the path between two Clients. */
	explain: ({ peers: [one, other] }: { peers: [string, string] }) => live().explain(one, other),
	events: () => events,
	async close() {
		await live().close();
		coordinator = undefined;
	},
});

async function record(from: Coordinator): Promise<void> {
	for await (const event of from.status()) {
		events.push({ atMs: nowMs(), event });
		if (events.length > 10_000) events.shift();
	}
}
