// One connection; the first argument says who may write its secrets to SSLKEYLOGFILE.
import { Endpoint } from "../../src/index.ts";
import { issue } from "../support/certificates.ts";

const [who = "nobody"] = process.argv.slice(2);
const { identity, keyPin } = issue();
const server = Endpoint.bind({ host: "127.0.0.1", port: 0 });
const client = Endpoint.bind({ host: "127.0.0.1", port: 0 });
server.listen({ identity, alpnProtocols: ["x"], keyLog: who === "server" });
server.onConnection = (connection) => connection.confirm();
await client.connect({ ...server.address, serverName: "x", trust: { pinnedKeys: [keyPin] }, alpnProtocols: ["x"], keyLog: who === "client" });
await Promise.all([client.close(), server.close()]);
