import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryNetwork } from "../../../testing/memory/transport.ts";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { seededRandom } from "../../base/random.ts";
import { createNatTestKeys } from "../../session/nat-test-keys.ts";
import { NO_NETWORK } from "../../session/runtime.ts";
import { decodeDatagram } from "../../wire/datagrams.ts";
import type { CoordinatorLink } from "../uplink/coordinator-link.ts";
import { OwnNetwork } from "./own-network.ts";

const KEY = "101112131415161718191a1b1c1d1e1f";

function create() {
	const clock = createVirtualClock();
	const network = createMemoryNetwork({ clock });
	const [transport, echo] = [network.createTransport({ host: "127.0.0.1" }), network.createTransport({ host: "127.0.0.1" })];
	const own = new OwnNetwork(transport, { ...NO_NETWORK, clock, random: seededRandom(1) });
	transport.onDatagram = (data) => {
		const datagram = decodeDatagram(data);
		if (datagram.ok) own.datagram(datagram.value);
	};
	const link = (observed: string): CoordinatorLink =>
		({
			welcome: { natTest: { port: echo.address.port, key: KEY } },
			observedAddress: { address: observed, port: 4_000 },
			connection: { remoteAddress: echo.address },
			rttMs: 10,
			send: () => undefined,
		}) as unknown as CoordinatorLink;
	/** The second port sees every Client there. */
	const seeAt = (address: string, port: number): void => {
		echo.onDatagram = (data, from) => {
			const request = decodeDatagram(data);
			if (request.ok && request.value.content.type === "nat-echo-request")
				echo.sendDatagram(createNatTestKeys(KEY).echo(request.value.content.nonce, { address, port }), from);
		};
	};
	return { clock, own, link, seeAt };
}

test("own network: the NAT is looked at anew after a move, and who waits for the older look gets the newer one", async () => {
	const { clock, own, link, seeAt } = create();
	seeAt("192.0.2.1", 4_000);
	own.look(link("192.0.2.1"));
	await clock.advance(2_000);
	assert.equal(own.nat.mapping, "independent");
	own.look(link("198.51.100.1"));
	assert.equal(own.nat.mapping, "unknown", "what was known is of another place");
	const reports: unknown[] = [];
	void own.settled().then(() => reports.push(own.nat.mapping));
	await clock.advance(0);
	seeAt("198.51.100.2", 50_000);
	own.look(link("198.51.100.2"));
	await clock.advance(2_000);
	assert.deepEqual(reports, ["dependent"]);
	assert.equal(clock.pending, 0);
});

test("own network: whoever moves all the time is not waited for endlessly", async () => {
	const { clock, own, link } = create();
	let settled = false;
	own.look(link("192.0.2.1"));
	void own.settled().then(() => {
		settled = true;
	});
	for (let i = 2; i < 10; i++) {
		await clock.advance(0);
		own.look(link(`192.0.2.${i}`));
	}
	await clock.advance(0);
	assert.equal(settled, true);
	own.stop();
	await clock.advance(0);
	assert.equal(clock.pending, 0);
});
