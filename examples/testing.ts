/**
 * Testing a program without sockets and without waiting: it asks for the time again and again until it has an answer.
 * Half an hour without a network takes no time. In a real project, the lower part is in a file of tests.
 *
 *     node --conditions=source --import tsx examples/testing.ts
 */

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { Client, type ClientOptions } from "conec";
import { createTestNetwork } from "conec/testing";

// The program. What it needs of the outside it is given, so that a test can give it something else.

interface Outside {
	connect(options: ClientOptions): Promise<Client>;
	sleep(ms: number): Promise<unknown>;
}

async function askForTime(options: ClientOptions, { connect, sleep }: Outside = { connect: Client.connect, sleep: pause }): Promise<string> {
	for (let attempt = 1; ; attempt++) {
		try {
			const client = await connect(options);
			try {
				const stream = await client.openStream("clock");
				return `attempt ${attempt}: ${new TextDecoder().decode((await stream.receive()) ?? undefined)}`;
			} finally {
				await client.close();
			}
		} catch {
			await sleep(60_000);
		}
	}
}

// Its test.

const network = createTestNetwork({ seed: 7, delayMs: 20 });
await network.listen();
const clock = await network.connect({ id: "clock" });
void (async () => {
	for await (const stream of clock.incomingStreams) {
		await stream.send("it is late");
		await stream.close();
	}
})();

const options: ClientOptions = { id: "alice", coordinator: "coordinator.example.org" };
console.log(await askForTime(options, network));

const heal = network.partition("alice", null);
const late = askForTime(options, network);
await network.advance(30 * 60_000);
heal();
console.log(await late);

network.kill("clock");
await assert.rejects(network.run(askForTime(options, network), 5 * 60_000), { code: "PEER_TIMEOUT" });
console.log(`no answer without a clock, after ${Math.floor(network.now() / 60_000)} minutes of the network`);

await network.close();
