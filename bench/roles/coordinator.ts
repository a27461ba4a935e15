/**
 * A Coordinator in a process of its own. Streams that Clients open to it play the part they are named for.
 *
 * @module
 */

import { Coordinator, type CoordinatorOptions } from "conec";
import { play } from "./message-loads.ts";
import { serve } from "./serve.ts";

let coordinator: Coordinator | undefined;

serve({
	listen: async (options: CoordinatorOptions) => {
		const listening = await Coordinator.listen({ host: "127.0.0.1", port: 0, ...options });
		coordinator = listening;
		void (async () => {
			for await (const stream of listening.incomingStreams) {
				void play(stream).catch(() => stream.reset());
			}
		})();
		return { port: listening.address.port, fingerprint: listening.fingerprint };
	},
	clientCount: () => coordinator?.clientCount,
});
