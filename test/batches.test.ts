import { createQuicTransport } from "../packages/conec/src/transport/quic/index.ts";
import { batchesSuite } from "./batches-suite.ts";
import { virtualFabric } from "./virtual-fabric.ts";

batchesSuite(virtualFabric("memory"));
batchesSuite({ name: "quic", createTransport: createQuicTransport });
