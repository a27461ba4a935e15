import { createQuicTransport } from "../packages/conec/src/transport/quic/index.ts";
import { protocolsSuite } from "./protocols-suite.ts";

protocolsSuite({ name: "quic", createTransport: createQuicTransport });
