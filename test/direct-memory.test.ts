import { createMemoryNetwork } from "../packages/conec/src/transport/memory.ts";
import { directSuite } from "./direct-suite.ts";

const network = createMemoryNetwork();
directSuite({
	name: "memory",
	createTransport: ({ host, port, limits }) => network.createTransport({ host, port, limits }),
	leftovers: () => network.openConnections + network.liveStreams,
});
