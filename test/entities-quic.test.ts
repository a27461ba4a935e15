import { createQuicTransport } from "../packages/conec/src/transport/quic.ts";
import { entitiesSuite } from "./entities-suite.ts";

entitiesSuite({ name: "quic", createTransport: createQuicTransport });
