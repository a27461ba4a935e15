import { createMemoryNetwork } from "../packages/conec/src/transport/memory.ts";
import { hostileSuite } from "./entities-hostile-suite.ts";
import { identitySuite } from "./entities-identity-suite.ts";
import { presenceSuite } from "./entities-presence-suite.ts";
import { entitiesSuite } from "./entities-suite.ts";
import type { Fabric } from "./entities-world.ts";

const network = createMemoryNetwork();
const fabric: Fabric = {
	name: "memory",
	createTransport: ({ host, port, limits }) => network.createTransport({ host, port, limits }),
	leftovers: () => network.openConnections + network.liveStreams,
};
entitiesSuite(fabric);
identitySuite(fabric);
hostileSuite(fabric);
presenceSuite(fabric);
