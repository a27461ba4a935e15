// Closes its connection and is stopped at once: what is not on its way by then does not leave.
import { setTimeout as sleep } from "node:timers/promises";
import { Endpoint } from "../../src/index.ts";
import { issue } from "../support/certificates.ts";

const [port = "", pin = ""] = process.argv.slice(2);
const endpoint = Endpoint.bind({ host: "127.0.0.1", port: 0 });
const connection = await endpoint.connect({
	address: "127.0.0.1",
	port: Number(port),
	serverName: "localhost",
	trust: { pinnedKeys: [Buffer.from(pin, "hex")] },
	identity: issue().identity,
	alpnProtocols: ["conec-test"],
});
// Until the I/O thread has nothing left to do.
await sleep(200);
connection.close(5, "words");
process.kill(process.pid, "SIGSTOP");
