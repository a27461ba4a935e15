import assert from "node:assert/strict";
import { test } from "node:test";
import { connectOn } from "../packages/conec/src/client/client.ts";
import { listenOn } from "../packages/conec/src/coordinator/coordinator.ts";
import { createQuicTransport } from "../packages/conec/src/transport/quic/transport.ts";
import type { TransportConnection, TransportFactory } from "../packages/conec/src/transport/transport.ts";

/** Makes transports and notes what each of their connections follows, as quinn itself says. */
function noting(seen: string[]): TransportFactory {
	const note = (how: string, connection: TransportConnection): TransportConnection => {
		seen.push(`${how} ${connection.stats().congestion}`);
		return connection;
	};
	return (options) => {
		const transport = createQuicTransport(options);
		const { dial, accept } = transport;
		transport.dial = async (dialling) => note("dialled", await dial.call(transport, dialling));
		transport.accept = (accepting) =>
			accept.call(transport, { ...accepting, onConnection: (connection) => accepting.onConnection(note("accepted", connection)) });
		return transport;
	};
}

test("congestion: each side follows its own option, to the Coordinator and on direct channels", async (t) => {
	const seen = { coordinator: [] as string[], alice: [] as string[], bob: [] as string[] };
	const coordinator = await listenOn(noting(seen.coordinator), { host: "127.0.0.1", port: 0, congestion: "bbr" });
	t.after(() => coordinator.close());
	const where = { coordinator: `127.0.0.1:${coordinator.address.port}`, pin: coordinator.fingerprint };
	const alice = await connectOn(noting(seen.alice), { id: "alice", ...where, congestion: "bbr" });
	t.after(() => alice.close());
	const bob = await connectOn(noting(seen.bob), { id: "bob", ...where });
	t.after(() => bob.close());
	await alice.openChannel("bob");
	await bob.openChannel("alice");
	assert.deepEqual(seen.coordinator, ["accepted bbr", "accepted bbr"]);
	assert.deepEqual(new Set(seen.alice), new Set(["dialled bbr"]));
	assert.deepEqual(new Set(seen.bob), new Set(["dialled cubic", "accepted cubic"]));
	await alice.channels()[0]?.close();
	await bob.openChannel("alice");
	assert.deepEqual(new Set(seen.alice), new Set(["dialled bbr", "accepted bbr"]));
});
