import { createMemoryNetwork } from "../packages/conec/src/transport/memory.ts";
import { broadcastSuite } from "./broadcast-suite.ts";

const network = createMemoryNetwork();
broadcastSuite({
	name: "memory",
	createTransport: ({ host, port, limits }) => network.createTransport({ host, port, limits }),
	leftovers: () => network.openConnections + network.liveStreams,
});
