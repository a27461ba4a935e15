import { protocolsSuite } from "./protocols-suite.ts";
import { virtualFabric } from "./virtual-fabric.ts";

protocolsSuite(virtualFabric("memory"));
