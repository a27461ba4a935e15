import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryNetwork } from "../../../testing/memory/transport.ts";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { seededRandom } from "../../base/random.ts";
import { createNatTestKeys } from "../../session/nat-test-keys.ts";
import { NO_NETWORK } from "../../session/runtime.ts";
import { decodeDatagram } from "../../wire/datagrams.ts";
import type { CoordinatorLink } from "../uplink/coordinator-link.ts";
import { type OwnNat, OwnNetwork } from "./own-network.ts";

const KEY = "101112131415161718191a1b1c1d1e1f";
const SEEN = { address: "203.0.113.7", port: 40_000 };

/** A Client's network before a Coordinator whose second port does as `answers` says; `undefined`: there is none. */
function setup({ answers, observed = SEEN }: { readonly answers?: boolean | undefined; readonly observed?: typeof SEEN }) {
	const clock = createVirtualClock();
	const memory = createMemoryNetwork({ clock });
	const transport = memory.createTransport({ host: "192.0.2.5" });
	const second = memory.createTransport({ host: "192.0.2.1" });
	const keys = createNatTestKeys(KEY);
	second.onDatagram = (data, from) => {
		const datagram = decodeDatagram(data);
		const content = datagram.ok ? keys.open(datagram.value) : undefined;
		if (answers && content?.type === "nat-echo-request") second.sendDatagram(keys.echo(content.nonce, observed), from);
	};
	const network = new OwnNetwork(transport, { ...NO_NETWORK, clock, random: seededRandom(1) });
	transport.onDatagram = (data) => {
		const datagram = decodeDatagram(data);
		if (datagram.ok) network.datagram(datagram.value);
	};
	const link = {
		welcome: answers === undefined ? {} : { natTest: { port: second.address.port, key: KEY } },
		observedAddress: observed,
		rttMs: 10,
		connection: { remoteAddress: { address: "192.0.2.1", port: 1 } },
		send: () => undefined,
	} as unknown as CoordinatorLink;
	return { clock, network, link };
}

const PORTS: readonly (readonly [what: string, setting: Parameters<typeof setup>[0], secondPort: OwnNat["secondPort"], mapping: OwnNat["mapping"]])[] = [
	["a Coordinator without one", {}, "none", "unknown"],
	["one on this machine", { answers: true, observed: { address: "127.0.0.1", port: 9 } }, "none", "unknown"],
	["one that answers", { answers: true }, "answers", "independent"],
	["one that is blocked", { answers: false }, "silent", "unknown"],
];
for (const [what, setting, secondPort, mapping] of PORTS) {
	test(`own network: the Coordinator's second port: ${what}`, async () => {
		const { clock, network, link } = setup(setting);
		network.look(link);
		const known = network.known();
		await clock.advance(5_000);
		const nat = await known;
		assert.deepEqual([nat.secondPort, nat.mapping, network.secondPortIsSilent], [secondPort, mapping, secondPort === "silent"]);
		assert.equal("secondPort" in network.nat, false, "peers are not told");
	});
}

test("own network: a look that is given up says nothing of the second port, and a new one begins anew", async () => {
	const { clock, network, link } = setup({ answers: false });
	network.look(link);
	await clock.advance(5_000);
	assert.equal(network.secondPortIsSilent, true);
	network.look(link);
	assert.equal(network.secondPortIsSilent, false);
	network.stop();
	assert.equal((await network.known()).secondPort, "unknown");
	await clock.advance(0);
	assert.equal(clock.pending, 0);
});
