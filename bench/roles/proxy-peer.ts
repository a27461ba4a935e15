/**
 * One proxied stream for each member, played as a broadcast: what a broadcast to one member is compared with.
 *
 * @module
 */

import { Client, type ClientOptions } from "conec";
import { broadcasting, type System } from "./broadcasting.ts";
import { serve } from "./serve.ts";

const proxied: System<ClientOptions> = {
	publisher: async (where) => {
		const client = await Client.connect({ ...where, id: `${where.id}-proxied-publisher` });
		return client.openStream(`${where.id}-proxied-0`, { path: "proxied" });
	},
	member: async (where, _name, index, inlet) => {
		const client = await Client.connect({ ...where, id: `${where.id}-proxied-${index}` });
		void (async () => {
			for await (const stream of client.incomingStreams) {
				for await (const message of stream) {
					inlet.message(message);
				}
			}
		})().catch(inlet.failed);
		return () => client.close();
	},
};

serve(broadcasting(proxied));
