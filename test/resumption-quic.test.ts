import { createQuicTransport } from "../packages/conec/src/transport/quic/transport.ts";
import { resumptionSuite } from "./resumption-suite.ts";

resumptionSuite({ name: "quic", createTransport: createQuicTransport });
