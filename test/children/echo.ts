/** A Client that echoes: `echo.ts ID COORDINATOR PIN [STATE]`, with a kept key if there is a STATE directory. Prints a line when it is connected, and lives until it is killed. */

import { Client } from "../../packages/conec/src/index.ts";

const [, , id = "", coordinator = "", pin = "", stateDirectory] = process.argv;
const client = await Client.connect({ id, coordinator, pin, ...(stateDirectory === undefined ? {} : { stateDirectory }) });
console.log("connected");
for await (const stream of client.incomingStreams) {
	void (async () => {
		for await (const message of stream) await stream.send(message);
	})();
}
