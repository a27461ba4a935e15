/** A Client that echoes (`ends.ts client COORDINATOR PIN`) or a Coordinator (`ends.ts coordinator`). It ends without closing in the way that its parent sends it: "exit" or "throw". */

import { Client, Coordinator } from "../../packages/conec/src/index.ts";

const [, , role, coordinator = "", pin = ""] = process.argv;

process.on("message", (how) => {
	if (how === "exit") process.exit(0);
	throw new Error("as asked");
});

if (role === "client") {
	const client = await Client.connect({ id: "bob", coordinator, pin, limits: { idleTimeoutMs: 600_000 } });
	process.send?.("connected");
	for await (const stream of client.incomingStreams) {
		void (async () => {
			for await (const message of stream) await stream.send(message);
		})();
	}
} else {
	const listening = await Coordinator.listen({ host: "127.0.0.1", port: 0, limits: { idleTimeoutMs: 600_000 } });
	process.send?.({ port: listening.address.port, pin: listening.fingerprint });
}
