// Listens with the reset key it is given, confirms everybody, and prints its port and the pin of its key. It ends by a signal.
import { Endpoint } from "../../src/index.ts";
import { issue } from "../support/certificates.ts";

const [port = "0", key = ""] = process.argv.slice(2);
const endpoint = Endpoint.bind({ host: "127.0.0.1", port: Number(port), statelessResetKey: Buffer.from(key, "hex") });
const { identity, keyPin } = issue();
endpoint.onConnection = (connection) => connection.confirm();
endpoint.listen({
	identity,
	clientTrust: {},
	alpnProtocols: ["conec-test"],
	retry: "never",
	undecidedConnections: 10_000,
	connections: 10_000,
	transport: { idleTimeoutMs: 60_000 },
});
console.log(JSON.stringify({ port: endpoint.address.port, pin: Buffer.from(keyPin).toString("hex") }));
