/** Leaves in every way there is, with streams open and connects given up, and then has to end by itself. Prints a line before that. */

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { Client, Coordinator } from "../../../packages/conec/src/index.ts";

const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0 });
const where = { coordinator: `localhost:${coordinator.address.port}`, address: `127.0.0.1:${coordinator.address.port}`, pin: coordinator.fingerprint };
const [graceful, abrupt, left] = await Promise.all(["graceful", "abrupt", "left"].map((id) => Client.connect({ reconnect: false, id, ...where })));

// Streams that nobody reads, closes or takes, and sends that wait for ever.
for (const client of [graceful, abrupt, left]) {
	const stream = await (client as Client).openStream("left");
	void (async () => {
		for (;;) await stream.send(new Uint8Array(65_536));
	})().catch(() => undefined);
	void stream.receive().catch(() => undefined);
	void (async () => {
		for await (const event of (client as Client).status()) void event;
	})();
	void (async () => {
		for await (const event of (client as Client).watchPeers()) void event;
	})().catch(() => undefined);
	// Nobody reads on.
	await (client as Client).watchPeers()[Symbol.asyncIterator]().next();
}

void (async () => {
	for await (const event of coordinator.watchPeers()) void event;
})();

// A connect that is given up, one that fails, and one that runs into its deadline.
const silent = createSocket("udp4").bind(0, "127.0.0.1");
await once(silent, "listening");
const nobody = `127.0.0.1:${silent.address().port}`;
await Promise.all([
	Client.connect({ reconnect: false, id: "aborted", ...where, address: nobody, signal: AbortSignal.timeout(50) }).catch(() => undefined),
	Client.connect({ reconnect: false, id: "late", ...where, address: nobody, limits: { requestTimeoutMs: 200 } }).catch(() => undefined),
	Client.connect({ reconnect: false, id: "wrong", ...where, pin: `sha256:${"0".repeat(64)}` }).catch(() => undefined),
	Coordinator.listen({ host: "127.0.0.1", port: coordinator.address.port }).catch(() => undefined),
]);
silent.close();

await graceful?.close();
abrupt?.destroy();
await coordinator.close();
// `left` was not closed: it has lost its Coordinator, and holds nothing any more.
await left?.closed;
console.log("closed");
