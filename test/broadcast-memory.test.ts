import { createMemoryNetwork } from "../packages/conec/src/transport/memory.ts";
import { broadcastHostileSuite } from "./broadcast-hostile-suite.ts";
import { broadcastSlowSuite } from "./broadcast-slow-suite.ts";
import { broadcastSuite } from "./broadcast-suite.ts";
import type { Fabric } from "./entities-world.ts";

const network = createMemoryNetwork();
const fabric: Fabric = {
	name: "memory",
	createTransport: ({ host, port, limits }) => network.createTransport({ host, port, limits }),
	leftovers: () => network.openConnections + network.liveStreams,
};
broadcastSuite(fabric);
broadcastSlowSuite(fabric);
broadcastHostileSuite(fabric);
