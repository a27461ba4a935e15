/**
 * A Client that echoes, and is busy when it is told to be: `busy.ts ID COORDINATOR PIN`. A message `busy MS` keeps its event loop for so
 * long, and is not echoed. Prints a line when it is connected, and lives until it is killed.
 */

import { Client } from "../../packages/conec/src/index.ts";

const [id = "", coordinator = "", pin = ""] = process.argv.slice(2);
const client = await Client.connect({ id, localAddress: "127.0.0.1", coordinator, pin });
console.log("connected");
for await (const stream of client.incomingStreams) {
	void (async () => {
		for await (const message of stream) {
			const [, ms] = /^busy (\d+)$/.exec(Buffer.from(message).toString()) ?? [];
			if (ms === undefined) await stream.send(message);
			else for (const end = performance.now() + Number(ms); performance.now() < end; );
		}
		await stream.close();
	})().catch(() => undefined);
}
