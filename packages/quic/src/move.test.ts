import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { type TestContext, test } from "node:test";
import { dialling, type Ends, endpoint, ends, eventually, link, listening, nextConnection } from "../test/support/link.ts";
import type { Connection } from "./index.ts";

test("move: a client's rebind is followed by the server, and streams of both sides go on", async (t) => {
	const { client, server, dialled, accepted } = await link(t);
	const [ours, theirs] = [await ends(dialled, accepted), await ends(accepted, dialled)];
	for (let round = 1; round <= 3; round++) {
		const { port } = client.address;
		client.rebind("127.0.0.1");
		assert.notEqual(client.address.port, port);
		ours.near.write(0, Buffer.from("from the client"));
		theirs.near.write(0, Buffer.from("from the server"));
		await ours.farHeard.untilCount(round);
		await theirs.farHeard.untilCount(round);
		await eventually(() => accepted.remoteAddress.port === client.address.port, "the server to see the new port");
	}
	assert.equal(server.stats().openConnections, 1);
});

test("move: the server shows a new address at once, although nothing has proven that the client is there", async (t) => {
	const { path, accepted, near, farHeard, far, nearHeard } = await viaTwoPaths(t);
	path.client("detour");
	near.write(0, Buffer.from("moved?"));
	await farHeard.untilCount(1);
	await eventually(() => accepted.remoteAddress.port === path.detourPort, "the new address");
	// The client can have seen none of the server's PATH_CHALLENGEs: whatever the server sends there is lost.
	await eventually(() => path.lostAnswers() > 0, "the server to answer there");
	path.client("first");
	near.write(0, Buffer.from("still here"));
	far.write(0, Buffer.from("so it seems"));
	await farHeard.untilCount(2);
	await nearHeard.untilCount(1);
	await eventually(() => accepted.remoteAddress.port === path.firstPort, "the first address");
});

test("move: an address that fails validation is given up for the one before, even while the client is silent", async (t) => {
	const { path, accepted, near, farHeard, far, nearHeard } = await viaTwoPaths(t);
	path.client("detour");
	near.write(0, Buffer.from("moved?"));
	await eventually(() => accepted.remoteAddress.port === path.detourPort, "the new address");
	path.client("lost");
	await eventually(() => accepted.remoteAddress.port === path.firstPort, "the first address");
	path.client("first");
	near.write(0, Buffer.from("still here"));
	far.write(0, Buffer.from("welcome"));
	await farHeard.untilCount(2);
	await nearHeard.untilCount(1);
});

/** Two ways from a client to a server; on the second, nothing comes back. */
interface TwoPaths {
	/** Where the client sends to. */
	readonly port: number;
	/** Where the server sees it, by the first way and by the second. */
	readonly firstPort: number;
	readonly detourPort: number;
	/** Which way the client's packets go from here on. */
	client(way: "first" | "detour" | "lost"): void;
	/** Packets from the server on the second way. */
	lostAnswers(): number;
}

async function viaTwoPaths(t: TestContext): Promise<Ends & { readonly path: TwoPaths; readonly accepted: Connection }> {
	const server = endpoint(t);
	server.listen(listening());
	const path = await twoPaths(t, server.address.port);
	const arrived = nextConnection(server);
	const dialled = await endpoint(t).connect({ ...dialling(server), port: path.port });
	const accepted = await arrived;
	accepted.confirm();
	return { path, accepted, ...(await ends(dialled, accepted)) };
}

async function twoPaths(t: TestContext, server: number): Promise<TwoPaths> {
	const [outer, first, detour] = [await bound(t), await bound(t), await bound(t)];
	let client = 0;
	let way: "first" | "detour" | "lost" = "first";
	let lost = 0;
	outer.on("message", (packet, { port }) => {
		client = port;
		if (way !== "lost") (way === "first" ? first : detour).send(packet, server, "127.0.0.1");
	});
	first.on("message", (packet) => outer.send(packet, client, "127.0.0.1"));
	detour.on("message", () => {
		lost++;
	});
	return {
		port: outer.address().port,
		firstPort: first.address().port,
		detourPort: detour.address().port,
		client(next) {
			way = next;
		},
		lostAnswers: () => lost,
	};
}

async function bound(t: TestContext): Promise<Socket> {
	const socket = createSocket("udp4");
	t.after(() => socket.close());
	await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
	return socket;
}
