/**
 * What anybody can send to a UDP port: random bytes, captured packets again, cut short, or with bits flipped; from a stranger's
 * address and from that of a live connection. Nothing may change: nobody acts, no code, no stream loses a message.
 */

import assert from "node:assert/strict";
import { randomBytes, randomInt } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { next, Stage, sleep, soon, text } from "./stage.ts";

async function socket(t: TestContext): Promise<Socket> {
	const made = createSocket("udp4");
	made.bind(0, "127.0.0.1");
	await once(made, "listening");
	t.after(() => made.close());
	return made;
}

/** Between a Client and its Coordinator: keeps a copy of what passes, and can say more in either one's name. */
async function tap(
	t: TestContext,
	port: number,
): Promise<{ port: number; packets: Buffer[]; toServer: (packet: Buffer) => void; toClient: (packet: Buffer) => void }> {
	const [outer, inner] = await Promise.all([socket(t), socket(t)]);
	const packets: Buffer[] = [];
	const keep = (packet: Buffer): void => void (packets.length < 400 && packets.push(Buffer.from(packet)));
	let client = 0;
	outer.on("message", (packet, from) => {
		client = from.port;
		keep(packet);
		inner.send(packet, port, "127.0.0.1");
	});
	inner.on("message", (packet) => {
		keep(packet);
		outer.send(packet, client, "127.0.0.1");
	});
	return {
		port: outer.address().port,
		packets,
		toServer: (packet) => inner.send(packet, port, "127.0.0.1"),
		toClient: (packet) => client !== 0 && outer.send(packet, client, "127.0.0.1"),
	};
}

/** Everything that can be made of one captured packet. */
function spoiled(packet: Buffer): Buffer[] {
	const flipped = Buffer.from(packet);
	for (let i = 0; i < 3; i++) {
		const at = randomInt(flipped.length);
		flipped[at] = (flipped[at] as number) ^ (1 << randomInt(8));
	}
	const header = Buffer.from(packet);
	const first = randomInt(Math.min(30, header.length));
	header[first] = (header[first] as number) ^ (1 << randomInt(8));
	const tail = Buffer.concat([packet.subarray(0, randomInt(packet.length)), randomBytes(randomInt(1, 60))]);
	const versionNegotiation = Buffer.concat([Buffer.of(0x80 | randomInt(0x80), 0, 0, 0, 0), packet.subarray(5)]);
	return [
		packet,
		packet.subarray(0, randomInt(packet.length)),
		packet.subarray(0, Math.min(packet.length, 1 + randomInt(24))),
		flipped,
		header,
		tail,
		versionNegotiation,
	];
}

test("datagrams: captured packets, cut short, flipped or again, change nothing while Clients talk", async (t) => {
	const stage = await Stage.set(t);
	const wire = await tap(t, stage.coordinator.address.port);
	const stranger = await socket(t);
	// Version Negotiation and Retry that are addressed to a live connection are of no concern to it either (RFC 9000, 6.2 and 17.2.5).
	const dora = await stage.connect("dora", { address: `127.0.0.1:${wire.port}` });
	const emil = await stage.connect("emil");
	const [near, far] = await Promise.all([dora.openStream("emil"), next(emil.incomingStreams)]);
	void (async () => {
		for await (const message of far) await far.send(message);
		await far.close();
	})();
	for (let round = 0; round < 300; round++) {
		const packet = wire.packets[randomInt(wire.packets.length)] as Buffer;
		for (const bad of spoiled(packet)) {
			wire.toServer(bad);
			wire.toClient(bad);
			stranger.send(bad, stage.coordinator.address.port, "127.0.0.1");
		}
		await near.send(`round ${round}`);
		assert.equal(text(await soon(near.receive(), `round ${round}`)), `round ${round}`);
	}
	await soon(near.close(), "the end of the stream");
	assert.equal(await near.receive(), null);
	assert.equal(stage.coordinator.clientCount, 4);
	await stage.connect("fred");
});

test("datagrams: random bytes to the Coordinator's port and to Clients' ports", async (t) => {
	const stage = await Stage.set(t);
	const stranger = await socket(t);
	const ports = [stage.coordinator.address.port, ...stage.coordinator.clients().map((client) => client.address.port)];
	const received: Buffer[] = [];
	stranger.on("message", (answer) => received.push(answer));
	let sent = 0;
	for (let round = 0; round < 1_500; round++) {
		const packet = randomBytes(randomInt(1, 1_473));
		// Short headers, long headers, version 1 with a plausible connection id, a zero-length one.
		if (round % 4 === 1) packet[0] = (packet[0] as number) | 0xc0;
		if (round % 4 === 2 && packet.length > 6) packet.set([0xc3, 0, 0, 0, 1, 8]);
		if (round % 4 === 3 && packet.length > 6) packet.set([0xe0, 0, 0, 0, 1, 0]);
		for (const port of ports) {
			stranger.send(packet, port, "127.0.0.1");
			sent += packet.length;
		}
		if (round % 100 === 0) await stage.unharmed();
	}
	await sleep(50);
	const answered = received.reduce((sum, answer) => sum + answer.length, 0);
	assert.ok(answered <= 3 * sent, `${answered} bytes in answer to ${sent}`);
	assert.equal(stage.coordinator.clientCount, 2);
	await stage.connect("fred");
});

test("datagrams: half a handshake holds nobody up: its Initials again and again from many ports", async (t) => {
	const stage = await Stage.set(t, { limits: { handshakeTimeoutMs: 8_000 } });
	const wire = await tap(t, stage.coordinator.address.port);
	const dora = await stage.connect("dora", { address: `127.0.0.1:${wire.port}` });
	const initials = wire.packets.filter((packet) => ((packet[0] as number) & 0xf0) === 0xc0 && packet.length >= 1200);
	assert.ok(initials.length > 0);
	const strangers = await Promise.all(Array.from({ length: 40 }, () => socket(t)));
	const started = performance.now();
	for (let round = 0; round < 10; round++) {
		for (const stranger of strangers) for (const initial of initials) stranger.send(initial, stage.coordinator.address.port, "127.0.0.1");
		await sleep(5);
	}
	await soon(stage.connect("fred"), "a Client among half handshakes");
	assert.ok(performance.now() - started < 8_000, "before any of them is given up");
	assert.equal((await soon(dora.openStream("dora"), "a stream")).peer, "dora");
	assert.equal(stage.coordinator.clientCount, 4);
});
