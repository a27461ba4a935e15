import { createQuicTransport } from "../packages/conec/src/transport/quic/transport.ts";
import { directSuite } from "./direct-suite.ts";

directSuite({ name: "quic", createTransport: createQuicTransport });
