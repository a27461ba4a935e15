import { createQuicTransport } from "../packages/conec/src/transport/quic/transport.ts";
import { adaptersSuite } from "./adapters-suite.ts";
import { virtualFabric } from "./virtual-fabric.ts";

adaptersSuite(virtualFabric("memory"));
adaptersSuite({ name: "quic", createTransport: createQuicTransport });
