import { hostileSuite } from "./entities-hostile-suite.ts";
import { identitySuite } from "./entities-identity-suite.ts";
import { presenceSuite } from "./entities-presence-suite.ts";
import { entitiesSuite } from "./entities-suite.ts";
import { virtualFabric } from "./virtual-fabric.ts";

const fabric = virtualFabric("memory");
entitiesSuite(fabric);
identitySuite(fabric);
hostileSuite(fabric);
presenceSuite(fabric);
