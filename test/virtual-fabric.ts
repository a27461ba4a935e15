/**
 * The memory network on a time of its own, for suites that run on real networks, too: while a test waits, time jumps from timer
 * to timer, so nothing takes long and nothing is late on a busy machine.
 */

import { systemRandom } from "../packages/conec/src/base/random.ts";
import { NO_NETWORK, type Runtime } from "../packages/conec/src/session/runtime.ts";
import { createMemoryNetwork, type MemoryNetwork, type MemoryTransport } from "../packages/conec/testing/memory/transport.ts";
import { createTime } from "../packages/conec/testing/network/time.ts";
import type { Fabric } from "./entities-world.ts";

/** A fabric on time of its own, with what tests can do to its network. */
export interface VirtualFabric extends Fabric {
	readonly network: MemoryNetwork;
	/** The sockets that there have been, in order. */
	readonly transports: readonly MemoryTransport[];
}

/** A fabric named `name`, with a network of its own. */
export function virtualFabric(name: string): VirtualFabric {
	// It stands while the process waits for a disk, or for a timer of the test's own.
	const { clock } = createTime("auto", Date.now(), /req|Timeout/i);
	const network = createMemoryNetwork({ clock });
	const transports: MemoryTransport[] = [];
	const createTransport: Runtime["createTransport"] = ({ host, port, limits }) => {
		const transport = network.createTransport({ host, port, limits });
		transports.push(transport);
		return transport;
	};
	return {
		name,
		network,
		transports,
		createTransport,
		runtime: { ...NO_NETWORK, clock, random: systemRandom, lookup: () => Promise.reject(new Error("there is no name service")), createTransport },
		leftovers: () => network.openConnections + network.liveStreams,
	};
}
