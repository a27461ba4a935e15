import { protocolsEndingSuite } from "./protocols-ending-suite.ts";
import { protocolsSuite } from "./protocols-suite.ts";
import { virtualFabric } from "./virtual-fabric.ts";

const fabric = virtualFabric("memory");
protocolsSuite(fabric);
protocolsEndingSuite(fabric);
