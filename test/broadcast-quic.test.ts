import { createQuicTransport } from "../packages/conec/src/transport/quic.ts";
import { broadcastSuite } from "./broadcast-suite.ts";

broadcastSuite({ name: "quic", createTransport: createQuicTransport });
