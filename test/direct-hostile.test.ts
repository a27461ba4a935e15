/** Whole Clients, with a Coordinator or a peer that says and does what it should not. */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { type Clock, systemClock } from "../packages/conec/src/base/clock.ts";
import type { Client } from "../packages/conec/src/client/client.ts";
import type { ClientOptions } from "../packages/conec/src/client/options.ts";
import { resolveLimits } from "../packages/conec/src/limits.ts";
import { runtimeOf as systemRuntimeOf } from "../packages/conec/src/session/runtime.ts";
import { makeSelfSigned } from "../packages/conec/src/tls/self-signed.ts";
import { createQuicTransport } from "../packages/conec/src/transport/quic/transport.ts";
import type { Transport, TransportConnection } from "../packages/conec/src/transport/transport.ts";
import { CLOSE_CODES } from "../packages/conec/src/wire/codes.ts";
import { FRAME } from "../packages/conec/src/wire/frames.ts";
import { WELCOME } from "../packages/conec/testing/odd-coordinator.ts";
import { RESUME } from "../packages/conec/testing/stream-fixture.ts";
import { CHANNEL_MESSAGES_OF_COORDINATOR, impostor, Speaker } from "./control-table-world.ts";
import { declare, type Fabric, handler, next, pair, until, utf8, World } from "./entities-world.ts";
import { unlessForgotten } from "./forgotten.ts";
import { virtualFabric } from "./virtual-fabric.ts";

const FABRICS: readonly Fabric[] = [virtualFabric("memory"), { name: "quic", createTransport: createQuicTransport }];

/** The same network, where the time of Clients goes twenty times as slowly: nobody is expected for longer than some seconds of it, and what is tried on a busy machine may take longer. */
function unhurried(fabric: Fabric): Fabric {
	if (fabric.runtime !== undefined) return fabric;
	const { now, setTimeout } = systemClock;
	const clock: Clock = { ...systemClock, now: () => now() / 20, setTimeout: (callback, delayMs) => setTimeout(callback, 20 * delayMs) };
	return { ...fabric, runtime: systemRuntimeOf(fabric.createTransport, { clock }) };
}

const DIRECT_WELCOME = { ...WELCOME, capabilities: ["direct"] };

for (const fabric of FABRICS) {
	const it = declare(fabric);
	/** A Client, and its Coordinator at the other end. */
	async function enter(t: TestContext, id: string, options: Partial<ClientOptions> = {}, ...more: unknown[]): Promise<[Client, Speaker, Transport]> {
		return await enterOn(fabric, t, id, options, ...more);
	}

	async function enterOn(
		on: Fabric,
		t: TestContext,
		id: string,
		options: Partial<ClientOptions> = {},
		...more: unknown[]
	): Promise<[Client, Speaker, Transport]> {
		const { transport, connect } = await impostor(t, on);
		const { client, speaker } = connect(id, options);
		const coordinator = (await speaker).say(DIRECT_WELCOME);
		for (const message of more) coordinator.say(message);
		return [await client, coordinator, transport];
	}

	/** Somebody with an own key who lets nothing be said for it. */
	async function stranger(t: TestContext, id: string) {
		const identity = await makeSelfSigned({ names: [id] }, "ephemeral");
		const transport = fabric.createTransport({ host: "127.0.0.1", port: 0, limits: resolveLimits({}, "client"), role: "client" });
		t.after(() => transport.destroy());
		const peer = { id, fingerprint: identity.fingerprint };
		return {
			peer,
			transport,
			ask: (token: string) => ({ type: "channel-ask", token, peer, expiresInMs: 10_000 }),
			go: (token: string, changes: object = {}) => ({
				...{ type: "channel-go", token, role: "accept", peer, certificate: Buffer.from(identity.certificates[0] as Uint8Array).toString("base64") },
				...{ candidates: [{ ...transport.address, kind: "reflexive", packets: 64 }], nat: { mapping: "unknown", filtering: "unknown" } },
				...{ punch: true, waitMs: 0, deadlineMs: 10_000, ...changes },
			}),
			dial: async (to: { readonly address: string; readonly port: number }, fingerprint: string, shown = identity): Promise<TransportConnection> =>
				await transport.dial({
					...{ ...to, serverName: "peer.conec.invalid", trust: { pinnedKeys: [Buffer.from(fingerprint.slice(7), "hex")] } },
					...{ identity: shown, alpnProtocol: "conec-direct/1", handshakeTimeoutMs: 5_000 },
				}),
		};
	}

	it("direct: everything that comes right behind the welcome is heard, whatever it is", async (t) => {
		const { "channel-ask": ask, address, ...others } = CHANNEL_MESSAGES_OF_COORDINATOR;
		for (const listen of [true, false]) {
			const again = { ...ask, token: "f".repeat(32) };
			const [client, coordinator] = await enter(t, "carol", { listen }, ask, address, ...Object.values(others), again, { type: "close", reason: "enough" });
			await until(() => coordinator.messages.some(({ type, token }) => type === "channel-answer" && token === again.token));
			await assert.rejects(client.openStream("bob", { path: "proxied" }), { code: "COORDINATOR_CLOSED" });
			assert.equal(coordinator.over, undefined);
			await client.close();
		}
	});

	it("direct: a question that comes with the welcome is put to an application that has its Client", async (t) => {
		const { "channel-ask": ask } = CHANNEL_MESSAGES_OF_COORDINATOR;
		const given: { client?: Client } = {};
		const asked: (Client | undefined)[] = [];
		const acceptChannel = (): boolean => {
			asked.push(given.client);
			return false;
		};
		const { connect } = await impostor(t, fabric);
		const { client, speaker } = connect("carol", { acceptChannel });
		void client.then((one) => {
			given.client = one;
		});
		const coordinator = (await speaker).say(DIRECT_WELCOME).say(ask);
		await coordinator.hears("channel-answer DECLINED");
		assert.deepEqual(asked, [await client]);
	});

	it("direct: a peer that says it leaves and then stays holds up neither closing nor anything else", async (t) => {
		const [client, coordinator] = await enter(t, "carol", { limits: { closeTimeoutMs: 400, lingerMs: 200 } });
		for (const end of ["client", "channel", "nobody"] as const) {
			const mallory = await stranger(t, `mallory-${end}`);
			const token = Buffer.from(end.padEnd(16, "_")).toString("hex");
			coordinator.say(mallory.ask(token));
			await until(() => coordinator.messages.some((message) => message["type"] === "channel-answer" && message["token"] === token));
			coordinator.say(mallory.go(token));
			await coordinator.isAnswered(token.charCodeAt(3));
			const talker = new Speaker(await mallory.dial(coordinator.connection.remoteAddress, client.fingerprint));
			talker.say({
				type: "hello",
				versions: [2],
				token,
				capabilities: [],
				limits: { messageBytes: 1_048_576, metadataBytes: 1_024, connectionWindowBytes: 1_048_576 },
			});
			await talker.hears("welcome");
			await until(() => client.channels().length === 1);
			const [channel] = client.channels();
			talker.say({ type: "close", reason: "just saying" });
			await until(() => client.channels().length === 0);
			await assert.rejects(channel?.openStream() ?? Promise.resolve(), { code: "CHANNEL_CLOSED" });
			const started = performance.now();
			if (end === "channel") await channel?.close();
			if (end === "client") continue;
			await until(() => talker.over !== undefined);
			// Without the limit it would be the default, 3 s.
			assert.ok(performance.now() - started < 2_800, `${end}: ${performance.now() - started} ms`);
		}
		const started = performance.now();
		await client.close();
		assert.ok(performance.now() - started < 2_800, `closing took ${performance.now() - started} ms`);
	});

	it("direct: another certificate, another's token, a used token, a stream before hello: no channel, and who is expected still gets in", async (t) => {
		const [client, coordinator] = await enterOn(unhurried(fabric), t, "carol");
		const [bob, eve] = [await stranger(t, "bob"), await stranger(t, "eve")];
		const [ofBob, ofEve] = ["b".repeat(32), "e".repeat(32)];
		const begin = async (peer: typeof bob, token: string): Promise<void> => {
			coordinator.say(peer.ask(token));
			await until(() => coordinator.messages.some((message) => message["type"] === "channel-answer" && message["token"] === token));
			coordinator.say(peer.go(token));
			await coordinator.isAnswered(token.charCodeAt(0));
		};
		await begin(bob, ofBob);
		await begin(eve, ofEve);
		const to = coordinator.connection.remoteAddress;
		const hello = (token: string) => ({
			type: "hello",
			versions: [2],
			token,
			capabilities: [],
			limits: { messageBytes: 1_048_576, metadataBytes: 1_024, connectionWindowBytes: 1_048_576 },
		});
		const mallory = await makeSelfSigned({ names: ["bob"] }, "ephemeral");
		const forged = await bob.dial(to, client.fingerprint, mallory).then(
			(connection) => new Speaker(connection).end(),
			(error: { code: string }) => error,
		);
		assert.match("by" in forged ? (forged.error?.code ?? "") : forged.code, /^CERTIFICATE_/);
		const rejected = (what: string, peer: typeof bob, message: object, kind?: number): Promise<void> =>
			unlessForgotten(async () => {
				const connection = await peer.dial(to, client.fingerprint);
				const speaker = new Speaker(connection);
				if (kind === undefined) speaker.say(message);
				else connection.openStream({ kind, payload: utf8(JSON.stringify(message)) }, handler());
				assert.deepEqual([(await speaker.end()).closeCode, speaker.heard], [CLOSE_CODES.PROTOCOL_ERROR, []], what);
			});
		await rejected("another's token", bob, hello(ofEve));
		await rejected("no token", bob, { ...hello(ofBob), token: "" });
		await rejected("a stream before hello", bob, hello(ofBob), FRAME.OPEN);
		await rejected("a hello that is too long", bob, { ...hello(ofBob), future: "x".repeat(16_384) });
		await rejected("a hello with half of a surrogate pair", bob, { ...hello(ofBob), future: "\ud800" });
		const good = new Speaker(await bob.dial(to, client.fingerprint)).say(hello(ofBob));
		await good.hears("welcome");
		const again = await bob.dial(to, client.fingerprint).then(
			(connection) => new Speaker(connection).end(),
			(error: { code: string }) => error,
		);
		assert.match("by" in again ? (again.error?.code ?? "") : again.code, /^CERTIFICATE_/, "bob is expected no more");
		await rejected("bob's used token", eve, hello(ofBob));
		const eves = new Speaker(await eve.dial(to, client.fingerprint)).say(hello(ofEve));
		await eves.hears("welcome");
		await good.isAnswered(5);
		assert.deepEqual(
			client.channels().map(({ peer }) => peer),
			["bob", "eve"],
		);
		// A stream's opener is who the certificate says.
		const opened = next(client.incomingStreams);
		good.connection.openStream({ kind: FRAME.OPEN, payload: utf8(JSON.stringify({ id: 1, from: "eve", to: "eve", peer: "eve", resume: RESUME })) }, handler());
		assert.deepEqual([(await opened).peer, (await opened).path], ["bob", "direct"]);
		client.destroy();
	});

	it("direct: the Coordinator's end while a Client closes cuts no direct stream short", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = [await world.connect("alice", { listen: true }), await world.connect("bob", { listen: true })];
		await alice.openChannel("bob");
		const [near, far] = await pair(alice, bob, { path: "direct" });
		// What a window takes before somebody reads.
		for (let index = 0; index < 12; index++) await near.send(new Uint8Array(20_000).fill(index));
		void near.close().catch(() => undefined);
		const closing = alice.close();
		world.coordinator.destroy();
		let count = 0;
		for await (const message of far) assert.equal(message[0], count++);
		assert.equal(count, 12);
		await Promise.all([far.close().catch(() => undefined), closing]);
		assert.equal((await alice.closed).by, "local");
	});

	it("direct: forged challenges do not fill the way to the Coordinator", async (t) => {
		const [client, coordinator, transport] = await enter(t, "carol");
		const challenge = Uint8Array.of(0x12, 1, 2, 3, 4, 5, 6, 7, 8);
		const started = performance.now();
		// From the very socket of the Coordinator, as nobody could tell by the source address.
		for (let i = 0; i < 2_000; i++) transport.sendDatagram(challenge, coordinator.connection.remoteAddress);
		await coordinator.isAnswered(7);
		const echoes = coordinator.messages.filter(({ type }) => type === "address-echo").length;
		// Eight in any one second, however many seconds it takes.
		const seconds = (performance.now() - started) / 1_000;
		assert.ok(echoes >= 1 && echoes <= 8 * (seconds + 2), `${echoes} echoes in ${seconds} s`);
		assert.equal(coordinator.over, undefined);
		await client.close();
	});
}
