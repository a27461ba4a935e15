/**
 * The Client that attacks are aimed at: honest, with an ephemeral key. It sends back what it gets on each stream.
 *
 * @module
 */

import { serve } from "../../../bench/roles/serve.ts";
import { Client, type ClientOptions } from "../../../packages/conec/src/index.ts";
import { echo } from "../../../packages/conec/testing/echo.ts";

let ended: string | undefined;

serve({
	connect: async (options: ClientOptions): Promise<void> => {
		const client = await Client.connect({ reconnect: false, ...options });
		void client.closed.then(({ code, reason }) => {
			ended = `${code}: ${reason ?? ""}`;
		});
		echo(client);
	},
	/** Why its connection has ended; `undefined`: it has not. */
	ended: (): string | undefined => ended,
});
