import { createQuicTransport } from "../packages/conec/src/transport/quic/transport.ts";
import { createMemoryNetwork } from "../packages/conec/testing/memory/transport.ts";
import { adaptersSuite } from "./adapters-suite.ts";

const network = createMemoryNetwork();
adaptersSuite({
	name: "memory",
	createTransport: ({ host, port, limits }) => network.createTransport({ host, port, limits }),
	leftovers: () => network.openConnections + network.liveStreams,
});
adaptersSuite({ name: "quic", createTransport: createQuicTransport });
