/**
 * Clients of a broadcast: the publisher, any number of members, or a crowd that joins at once.
 *
 * @module
 */

import { Client, type ClientOptions } from "conec";
import { allAtOnce } from "./all-at-once.ts";
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
	join: ({ name }: { name: string }): Promise<Crowd> => allAtOnce(crowd, (client) => client.joinBroadcast(name, { mode: "receive" })),
	/** Members that the Coordinator counts. */
	count: async ({ name }: { name: string }): Promise<number> => {
		const [client] = crowd;
		return client === undefined ? 0 : (await client.countBroadcast(name)).receivers;
	},
});
