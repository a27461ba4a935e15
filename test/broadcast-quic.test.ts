import { createQuicTransport } from "../packages/conec/src/transport/quic/transport.ts";
import { broadcastHostileSuite } from "./broadcast-hostile-suite.ts";
import { broadcastSlowSuite } from "./broadcast-slow-suite.ts";
import { broadcastSuite } from "./broadcast-suite.ts";
import type { Fabric } from "./entities-world.ts";

const fabric: Fabric = { name: "quic", createTransport: createQuicTransport };
broadcastSuite(fabric);
broadcastSlowSuite(fabric);
broadcastHostileSuite(fabric);
