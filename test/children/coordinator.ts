/** A Coordinator with kept identity: `coordinator.ts STATE PORT`. Prints where it listens, and lives until it is killed. */

import { Coordinator } from "../../packages/conec/src/index.ts";

const [, , stateDirectory = "", port = "0"] = process.argv;
const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: Number(port), stateDirectory });
console.log(JSON.stringify({ port: coordinator.address.port, pin: coordinator.fingerprint }));
