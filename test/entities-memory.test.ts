import { createMemoryNetwork } from "../packages/conec/src/transport/memory.ts";
import { entitiesSuite } from "./entities-suite.ts";

const network = createMemoryNetwork();
entitiesSuite({
	name: "memory",
	createTransport: ({ host, port, limits }) => network.createTransport({ host, port, limits }),
	leftovers: () => network.openConnections + network.liveStreams,
});
