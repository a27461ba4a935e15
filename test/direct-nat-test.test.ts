/** The Coordinator's further ports, as a Client sees them: on memory and on sockets. */

import assert from "node:assert/strict";
import { createNatTestKeys } from "../packages/conec/src/session/nat-test-keys.ts";
import { createQuicTransport } from "../packages/conec/src/transport/quic/transport.ts";
import { decodeDatagram } from "../packages/conec/src/wire/datagrams.ts";
import { Speaker } from "./control-table-world.ts";
import { declare, type Fabric, hello, until, World } from "./entities-world.ts";
import { virtualFabric } from "./virtual-fabric.ts";

const FABRICS: readonly Fabric[] = [virtualFabric("memory"), { name: "quic", createTransport: createQuicTransport }];

const NONCE = "0123456789abcdef";

for (const fabric of FABRICS) {
	const it = declare(fabric);

	it("nat test: a Client is told where the second port sees it, and gets a packet from a port that it never sent to", async (t) => {
		const world = await World.create(t, fabric);
		const { transport, connection } = await world.dial();
		const got: { data: Uint8Array; from: { address: string; port: number } }[] = [];
		transport.onDatagram = (data, from) => got.push({ data, from });
		const speaker = new Speaker(connection).say({ ...hello("ann"), capabilities: ["direct"] });
		await speaker.hears("welcome");
		const [welcome = {}] = speaker.messages;
		const { port, key } = welcome["natTest"] as { port: number; key: string };
		const keys = createNatTestKeys(key);
		assert.notEqual(port, world.coordinator.address.port);
		assert.equal(world.coordinator.natTestPort, port);
		transport.sendDatagram(keys.request(NONCE), { address: "127.0.0.1", port });
		await until(() => got.length === 1);
		const echo = decodeDatagram(got[0]?.data ?? new Uint8Array());
		assert.deepEqual(echo.ok && keys.open(echo.value), { type: "nat-echo", nonce: NONCE, observed: { address: "127.0.0.1", port: transport.address.port } });
		assert.equal(got[0]?.from.port, port);
		speaker.say({ type: "nat-test" });
		await until(() => got.length === 2);
		const tested = decodeDatagram(got[1]?.data ?? new Uint8Array());
		assert.ok(tested.ok && keys.open(tested.value)?.type === "nat-test");
		assert.ok(![port, world.coordinator.address.port].includes(got[1]?.from.port ?? port));
	});

	it("nat test: a second port that is taken is reported to every listener, and direct channels do without", async (t) => {
		const first = await World.create(t, fabric);
		const world = await World.create(t, fabric, { natTestPort: first.coordinator.address.port });
		assert.equal(world.coordinator.natTestPort, undefined);
		for (let i = 0; i < 2; i++) {
			for await (const status of world.coordinator.status()) {
				assert.ok(status.type === "nat-test-unavailable" && status.error.code === "ADDRESS_IN_USE");
				break;
			}
		}
		const speaker = new Speaker((await world.dial()).connection).say({ ...hello("ann"), capabilities: ["direct"] });
		await speaker.hears("welcome");
		assert.equal("natTest" in (speaker.messages[0] ?? {}), false);
		speaker.say({ type: "nat-test" });
		await speaker.isAnswered(1);
	});
}
