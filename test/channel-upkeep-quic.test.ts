/** What a direct channel costs that nobody uses, in packets of real QUIC. The times are a fifteenth of what they are by default. */

import assert from "node:assert/strict";
import type { DirectChannel } from "../packages/conec/src/client/channel/index.ts";
import { createQuicTransport } from "../packages/conec/src/transport/quic/transport.ts";
import { declare, type Fabric, until, World } from "./entities-world.ts";

const fabric: Fabric = { name: "quic", createTransport: createQuicTransport };
const test = declare(fabric);
const IDLE_MS = 4_000;
const LEAST_GAP_MS = (11_000 / 60_000) * IDLE_MS;
const PINGS = 6;
const LIMITS = { idleChannelTimeoutMs: IDLE_MS, idleTimeoutMs: 3_000 };

test("channel upkeep: a few packets in each silence, and the channel outlives its idle limit", async (t) => {
	const world = await World.create(t, fabric);
	const alice = await world.connect("alice", { listen: true, limits: LIMITS });
	const bob = await world.connect("bob", { listen: true, limits: LIMITS });
	await alice.openChannel("bob");
	await until(() => bob.channels().length === 1);
	const [mine, theirs] = [alice, bob].map((client) => (client.channels()[0] as DirectChannel).connection) as [
		DirectChannel["connection"],
		DirectChannel["connection"],
	];
	const sent = (): number => mine.stats().sentPackets;
	// Path MTU discovery and the confirmation of the handshake are over.
	await until(() => mine.stats().silentMs > 600, 20_000);
	const [before, theirsBefore, sinceMs] = [sent(), theirs.stats().sentPackets, performance.now()];
	await until(() => sent() >= before + PINGS && performance.now() - sinceMs > IDLE_MS, 60_000);
	const [pings, answers] = [sent() - before, theirs.stats().sentPackets - theirsBefore];
	assert.equal(alice.channels().length + bob.channels().length, 2, "it has outlived its idle limit");
	// A ping is one packet, and one acknowledgement. On a machine that is busy answers come late, and some packets are sent again.
	const gaps = (performance.now() - sinceMs) / LEAST_GAP_MS;
	assert.ok((pings + answers) / gaps <= 6, `${pings} packets one way, ${answers} the other, in ${gaps} of the shortest silences`);
	t.diagnostic(`${((pings + answers) / gaps).toFixed(1)} packets for each ${LEAST_GAP_MS} ms`);
});
