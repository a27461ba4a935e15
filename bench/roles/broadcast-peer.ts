/**
 * Clients of a broadcast: the publisher, any number of members, or a crowd that joins at once.
 *
 * @module
 */

import { Client, type ClientOptions } from "conec";
import { percentile } from "../stats.ts";
import { broadcasting, type System } from "./broadcasting.ts";
import type { Crowd } from "./figures.ts";
import { serve } from "./serve.ts";

const conec: System<ClientOptions> = {
	publisher: async (where, name) => {
		const client = await Client.connect({ ...where, id: `${where.id}-publisher` });
		return client.joinBroadcast(name, { mode: "send" });
	},
	member: async (where, name, index, inlet) => {
		const client = await Client.connect({ ...where, id: `${where.id}-${index}` });
		const broadcast = await client.joinBroadcast(name, { mode: "receive" });
		let leaving = false;
		void (async () => {
			try {
				for await (const event of broadcast) {
					if (event.type === "message") {
						inlet.message(event.data);
					} else if (event.type === "gap") {
						inlet.gap(event.lost);
					}
				}
				if (!leaving) {
					inlet.failed(new Error("the broadcast ended"));
				}
			} catch (error) {
				if (!leaving) {
					inlet.failed(error);
				}
			}
		})();
		return () => {
			leaving = true;
			return client.close();
		};
	},
};

const crowd: Client[] = [];

serve({
	...broadcasting(conec),
	/** Clients that are to join. */
	gather: async ({ where, count }: { where: ClientOptions; count: number }) => {
		crowd.push(...(await Promise.all(Array.from({ length: count }, (_, index) => Client.connect({ ...where, id: `${where.id}-${index}` })))));
	},
	/** All of them join, all at once. They stay. */
	join: async ({ name }: { name: string }): Promise<Crowd> => {
		const startedMs = performance.now();
		const seconds: number[] = [];
		const outcomes = await Promise.allSettled(
			crowd.map(async (client) => {
				await client.joinBroadcast(name, { mode: "receive" });
				seconds.push((performance.now() - startedMs) / 1_000);
			}),
		);
		const failed = outcomes.find((outcome) => outcome.status === "rejected");
		return {
			connected: seconds.length,
			seconds: seconds.at(-1) ?? Number.NaN,
			p50Seconds: percentile(seconds, 0.5),
			...(failed === undefined ? {} : { failure: String(failed.reason) }),
		};
	},
	/** Members that the Coordinator counts. */
	count: async ({ name }: { name: string }): Promise<number> => {
		const [client] = crowd;
		return client === undefined ? 0 : (await client.countBroadcast(name)).receivers;
	},
});
