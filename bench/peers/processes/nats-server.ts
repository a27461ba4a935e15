/**
 * A `nats-server` behind the call that starts what stands in the middle.
 *
 * @module
 */

import type { BenchIdentity } from "../../identity.ts";
import type { Remote } from "../../remote.ts";
import { type NatsServer, startNatsServer } from "../../subjects/nats.ts";

/** It runs from the call "hub" until it is stopped. */
export function natsServerPart(identity: BenchIdentity): Remote {
	let server: NatsServer | undefined;
	const call = async (method: string): Promise<unknown> => {
		if (method !== "hub") return {};
		server = await startNatsServer(identity, true);
		return { port: server.port };
	};
	return {
		get pid() {
			return server?.pid ?? -1;
		},
		call: <T>(method: string) => call(method) as Promise<T>,
		stop: async () => server?.stop(),
	};
}
