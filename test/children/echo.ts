/** A Client that echoes: `echo.ts ID COORDINATOR PIN`. Prints a line when it is connected, and lives until it is killed. */

import { Client } from "../../packages/conec/src/index.ts";

const [, , id = "", coordinator = "", pin = ""] = process.argv;
const client = await Client.connect({ id, coordinator, pin });
console.log("connected");
for await (const stream of client.incomingStreams) {
	void (async () => {
		for await (const message of stream) await stream.send(message);
	})();
}
