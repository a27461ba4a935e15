import { broadcastHostileSuite } from "./broadcast-hostile-suite.ts";
import { broadcastSlowSuite } from "./broadcast-slow-suite.ts";
import { broadcastSuite } from "./broadcast-suite.ts";
import { virtualFabric } from "./virtual-fabric.ts";

const fabric = virtualFabric("memory");
broadcastSuite(fabric);
broadcastSlowSuite(fabric);
broadcastHostileSuite(fabric);
