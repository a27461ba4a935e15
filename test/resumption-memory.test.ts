import { resumptionSuite } from "./resumption-suite.ts";
import { virtualFabric } from "./virtual-fabric.ts";

resumptionSuite(virtualFabric("memory"));
