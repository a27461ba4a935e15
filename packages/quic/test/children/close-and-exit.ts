// Closes its endpoint, and does then what it is told: exits at once, or has nothing left to do. Prints how long closing took.
import { Endpoint } from "../../src/index.ts";
import { issue } from "../support/certificates.ts";

const [port = "", pin = "", how = "end"] = process.argv.slice(2);
const endpoint = Endpoint.bind({ host: "127.0.0.1", port: 0 });
await endpoint.connect({
	address: "127.0.0.1",
	port: Number(port),
	serverName: "localhost",
	trust: { pinnedKeys: [Buffer.from(pin, "hex")] },
	identity: issue().identity,
	alpnProtocols: ["conec-test"],
});
const start = performance.now();
if (how === "kill") process.on("exit", () => process.kill(process.pid, "SIGKILL"));
await endpoint.close({ code: 5, reason: "words", drainMs: 30_000, until: "sent" });
console.log(performance.now() - start);
if (how !== "end") process.exit(0);
