import { directSuite } from "./direct-suite.ts";
import { virtualFabric } from "./virtual-fabric.ts";

directSuite(virtualFabric("memory"));
