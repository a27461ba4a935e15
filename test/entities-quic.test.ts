import { createQuicTransport } from "../packages/conec/src/transport/quic.ts";
import { hostileSuite } from "./entities-hostile-suite.ts";
import { identitySuite } from "./entities-identity-suite.ts";
import { entitiesSuite } from "./entities-suite.ts";
import type { Fabric } from "./entities-world.ts";

const fabric: Fabric = { name: "quic", createTransport: createQuicTransport };
entitiesSuite(fabric);
identitySuite(fabric);
hostileSuite(fabric);
