/**
 * Node streams at both ends: one side compresses, the other unpacks, and backpressure goes all the way.
 *
 *     node --conditions=source --import tsx examples/node-streams.ts
 */

import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { Client, Coordinator, toDuplex } from "conec";

const coordinator = await Coordinator.listen({ port: 0 });
const where = { coordinator: `localhost:${coordinator.address.port}`, pin: coordinator.fingerprint };
const [alice, bob] = await Promise.all([Client.connect({ id: "alice", ...where }), Client.connect({ id: "bob", ...where })]);

function* log(): Generator<string> {
	for (let line = 1; line <= 200_000; line++) yield `line ${line}\n`;
}
const digest = (): ReturnType<typeof createHash> => createHash("sha256");

async function receive(): Promise<string> {
	for await (const stream of bob.incomingStreams) {
		const hash = digest();
		// Message boundaries mean nothing here: a Duplex of a MessageStream is a stream of bytes.
		await pipeline(toDuplex(stream), createGunzip(), hash);
		return hash.digest("hex");
	}
	throw new Error("closed before anybody called");
}
const received = receive();

const stream = await alice.openStream("bob");
// Resolves when all of it is in bob's process.
await pipeline(Readable.from(log()), createGzip(), toDuplex(stream));

const expected = digest();
for (const line of log()) expected.update(line);
console.log((await received) === expected.digest("hex") ? "bob has the same bytes" : "bob has other bytes");

await Promise.all([alice.close(), bob.close()]);
await coordinator.close();
