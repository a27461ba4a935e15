/**
 * Direct channels: asking the peer's application, what is known of the path, and going on without the Coordinator.
 *
 *     node --conditions=source --import tsx examples/direct.ts
 */

import { Client, Coordinator } from "conec";

const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0 });
const where = { coordinator: `127.0.0.1:${coordinator.address.port}`, pin: coordinator.fingerprint };
const bob = await Client.connect({
	// Its Coordinator does not come back here.
	reconnect: false,
	id: "bob",
	...where,
	metadata: { job: "printer" },
	// Before anybody learns bob's address, bob is asked. The fingerprint is that of the key, whatever the name.
	acceptChannel: ({ id, fingerprint }) => id === "alice" && fingerprint.startsWith("sha256:"),
});
const alice = await Client.connect({ id: "alice", reconnect: false, ...where });

const serving = (async () => {
	for await (const stream of bob.incomingStreams) {
		for await (const message of stream) await stream.send(message); // an echo
		await stream.close();
	}
})().catch(() => undefined); // bob's Client ends with the last channel, as the Coordinator is gone by then

// Most programs only call openStream and look at nothing; openChannel is for those who insist.
const channel = await alice.openChannel("bob");
const { path, reason, candidates } = alice.explain("bob");
console.log(`bob is reached: ${path} (${reason})`);
for (const { address, port, kind, probes, answered } of candidates)
	console.log(`  tried ${address}:${port} (${kind}), ${probes} probes, ${answered ? "answered" : "no answer"}`);

// What goes over the channel needs nobody else: the Coordinator may stop, crash, or be unreachable for a while.
await coordinator.close();
const stream = await alice.openStream("bob");
await stream.send("still there?");
const answer = await stream.receive();
console.log(`over the ${stream.path} channel: ${new TextDecoder().decode(answer ?? undefined)}`);
await stream.close();

// With the last channel the Clients end, as nothing is left to talk over.
await channel.close();
const [info] = await Promise.all([alice.closed, bob.closed, serving]);
console.log(`alice's Client ended with ${info.code}`);
