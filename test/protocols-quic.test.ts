import { createQuicTransport } from "../packages/conec/src/transport/quic/index.ts";
import { protocolsEndingSuite } from "./protocols-ending-suite.ts";
import { protocolsSuite } from "./protocols-suite.ts";

const fabric = { name: "quic", createTransport: createQuicTransport };
protocolsSuite(fabric);
protocolsEndingSuite(fabric);
