import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, Coordinator, type MessageStream } from "conec";

/** Streams in all. Ten thousand of them have been tried: `CONEC_SLOT_STREAMS=10000`. */
const STREAMS = Number(process.env["CONEC_SLOT_STREAMS"] ?? 1_600);

test("proxied stream: its place in the pair's limit is free for the next as soon as it is closed", { timeout: 300_000 }, async () => {
	const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0, limits: { streamsPerPair: 16 } });
	const where = { coordinator: `localhost:${coordinator.address.port}`, pin: coordinator.fingerprint };
	const [alice, bob] = await Promise.all([Client.connect({ id: "alice", ...where }), Client.connect({ id: "bob", ...where })]);
	const answering = (async () => {
		const running: Promise<void>[] = [];
		for await (const stream of bob.incomingStreams) running.push(echo(stream));
		await Promise.all(running);
	})();
	// As many at a time as the pair may have. QUIC orders nothing between streams, so an opening may overtake the end before it: it waits for that.
	const loops = Array.from({ length: 16 }, async () => {
		for (let i = 0; i < STREAMS / 16; i++) {
			const stream = await alice.openStream("bob");
			await stream.send("x");
			assert.equal((await stream.receive())?.length, 1);
			await stream.close();
			assert.equal(await stream.receive(), null);
			await stream.closed;
		}
	});
	await Promise.all(loops);
	await Promise.all([alice.close(), bob.close()]);
	await answering;
	await coordinator.close();
});

async function echo(stream: MessageStream): Promise<void> {
	for await (const message of stream) await stream.send(message);
	await stream.close();
}
