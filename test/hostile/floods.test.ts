/**
 * Too much of what is allowed.
 *
 * | flood                                            | bound                        | who is told                                     |
 * |--------------------------------------------------|------------------------------|-------------------------------------------------|
 * | connections without hello                        | `undecidedConnections` (256) | the next Client: LIMIT_EXCEEDED, if that lasts; they: HELLO_TIMEOUT |
 * | the same from one address that is not loopback   | `undecidedPerSource` (16)    | that address; Clients elsewhere notice nothing  |
 * | the same with address tokens                     | three eighths of `undecidedConnections` (96) | the same                        |
 * | streams to a peer that takes none                | `incomingStreams`            | they wait: PEER_TIMEOUT                         |
 * | streams to oneself and to nobody                 | the same                     | PEER_TIMEOUT, PEER_UNKNOWN                      |
 * | streams to one peer, without waiting for answers | `streamsPerPair`, a quarter of `waitingOpens` | PEER_BUSY; others have their turn |
 * | streams on a raw connection                      | `streamsPerConnection`       | QUIC: they wait                                 |
 * | pings without reading                            | control.test.ts              | LIMIT_EXCEEDED                                  |
 */

import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { type TestContext, test } from "node:test";
import { Endpoint, type QuicError } from "@conec/quic";
import { censusOfClient } from "../../packages/conec/src/client/client.ts";
import { censusOfCoordinator } from "../../packages/conec/src/coordinator/coordinator.ts";
import { makeSelfSigned } from "../../packages/conec/src/tls/self-signed.ts";
import { coordinatorTrust } from "../../packages/conec/src/tls/trust.ts";
import { CLOSE_CODES } from "../../packages/conec/src/wire/codes.ts";
import { FRAME } from "../../packages/conec/src/wire/frames.ts";
import { declare, next, Stage, soon, until } from "./stage.ts";

/** Of a flood: long enough that even a slow machine shakes hands with all of it before the first is given up. */
const HELLO_TIMEOUT_MS = 20_000;

test("floods: of 300 connections without hello 256 are kept until their deadline; Clients connect before and after", async (t) => {
	const stage = await Stage.set(t, { limits: { helloTimeoutMs: HELLO_TIMEOUT_MS, handshakeTimeoutMs: HELLO_TIMEOUT_MS } });
	const flood = await flooder(t, stage, "127.0.0.1");
	const first = await flood(200);
	assert.deepEqual(first.refused, []);
	const started = performance.now();
	await stage.connect("cleo");
	assert.ok(performance.now() - started < HELLO_TIMEOUT_MS / 2, "among 200 undecided");
	const second = await flood(100);
	assert.equal(first.closed.length + second.closed.length, 256);
	assert.deepEqual(second.refused, new Array(44).fill("CONNECTION_REFUSED"));
	await assert.rejects(stage.connect("dora", { limits: { requestTimeoutMs: 2_000 } }), { code: "LIMIT_EXCEEDED" });
	await stage.unharmed();
	const codes = await soon(Promise.all([...first.closed, ...second.closed]), "the end of all undecided", 3 * HELLO_TIMEOUT_MS);
	assert.deepEqual(new Set(codes), new Set([CLOSE_CODES.HELLO_TIMEOUT]));
	await stage.connect("dora");
	assert.equal(stage.coordinator.clientCount, 4);
});

const ours = Object.values(networkInterfaces())
	.flat()
	.find((address) => address !== undefined && address.family === "IPv4" && !address.internal)?.address;

test("floods: one address gets 16 connections without hello, and others connect", { skip: ours === undefined && "no address but loopback" }, async (t) => {
	const stage = await Stage.set(t, { host: "0.0.0.0", limits: { helloTimeoutMs: 4_000 } });
	const flood = await flooder(t, stage, ours as string, "newcomers");
	const { closed, refused } = await flood(40);
	assert.equal(closed.length, 16);
	assert.deepEqual(new Set(refused), new Set(["CONNECTION_REFUSED"]));
	await stage.connect("cleo");
	await soon(Promise.all(closed), "the end of all undecided");
	assert.equal((await flood(1)).closed.length, 1);
});

test("floods: with address tokens one address gets 96 more, and others connect", { skip: ours === undefined && "no address but loopback" }, async (t) => {
	const stage = await Stage.set(t, { host: "0.0.0.0", limits: { helloTimeoutMs: 60_000, handshakeTimeoutMs: HELLO_TIMEOUT_MS } });
	const flood = await flooder(t, stage, ours as string);
	let held = 0;
	// Each connection brings tokens for the next ones. It goes on until several rounds have brought nothing.
	for (let inVain = 0; inVain < 3; ) {
		const { closed } = await flood(12);
		held += closed.length;
		inVain = closed.length === 0 ? inVain + 1 : 0;
	}
	assert.ok(held > 64 && held <= 16 + 96, `${held}`);
	await stage.connect("cleo");
});

test("floods: streams as fast as can be, to a peer that takes none, to itself and to nobody", async (t) => {
	const stage = await Stage.set(t);
	// Most are answered at once; on a busy machine that takes seconds.
	const patience = { limits: { requestTimeoutMs: 8_000, incomingStreams: 16 } };
	const [cleo, lazy] = await Promise.all([stage.connect("cleo", patience), stage.connect("lazy", { limits: { incomingStreams: 10 } })]);
	const outcomes = new Map<string, number>();
	const ask = async (peer: string): Promise<void> => {
		const outcome = await cleo.openStream(peer).then(
			() => "open",
			(error) => error.code as string,
		);
		outcomes.set(`${peer} ${outcome}`, (outcomes.get(`${peer} ${outcome}`) ?? 0) + 1);
	};
	await soon(Promise.all(Array.from({ length: 400 }, async () => Promise.all(["lazy", "cleo", "nobody"].map(ask)))), "1,200 answers", 60_000);
	assert.deepEqual(Object.fromEntries(outcomes), {
		"lazy open": 10,
		"lazy PEER_TIMEOUT": 390,
		"cleo open": 16,
		"cleo PEER_TIMEOUT": 384,
		"nobody PEER_UNKNOWN": 400,
	});
	await stage.unharmed();
	// Its own streams are its own affair: others reach it and it reaches others.
	const dora = await stage.connect("dora");
	const toCleo = dora.openStream("cleo");
	await next(cleo.incomingStreams);
	assert.equal((await soon(toCleo, "a stream to the one who floods")).peer, "cleo");
	const taken = await next(lazy.incomingStreams);
	await taken.send("at last");
	assert.equal((await cleo.openCoordinatorStream()).peer, null);
});

test("floods: a Client that ignores every limit fills its own quarter of what waits for a peer, and others have their turn", async (t) => {
	const stage = await Stage.set(t, { limits: { streamsPerPair: 8 } });
	const lazy = await stage.connect("lazy", { limits: { incomingStreams: 1 } });
	const peer = await stage.enter("mallory");
	const raws = Array.from({ length: 400 }, () => peer.open("lazy"));
	// 8 have gone, of which one is accepted. 256 wait at the Coordinator.
	const hearing = (word: string): number => raws.filter(({ words }) => words.includes(word)).length;
	await until(() => hearing("REJECT PEER_BUSY") === 400 - 264 && hearing("RESUMABLE") === 1, "the others are rejected");
	const cleo = await stage.connect("cleo");
	const opening = cleo.openStream("lazy", { path: "proxied" });
	await until(() => censusOfClient(lazy).waiting === 8, "cleo waits with seven of mallory's");
	const incoming = lazy.incomingStreams[Symbol.asyncIterator]();
	const peers: (string | null | undefined)[] = [];
	for (let taken = 0; taken < 3; taken++) peers.push((await soon(incoming.next(), "a stream")).value?.peer);
	assert.deepEqual(peers.filter((one) => one === "cleo").length, 1, peers.join());
	await soon(opening, "cleo's stream");
	// What it leaves behind goes with it.
	peer.connection.close(0, "");
	await until(() => censusOfCoordinator(stage.coordinator).proxied === 1, "only cleo's is left");
	await until(() => censusOfClient(lazy).waiting === 0, "nobody waits");
	await incoming.return?.();
});

test("floods: a raw connection gets its streams and no more; those that others hold open are untouched", async (t) => {
	const stage = await Stage.set(t, { limits: { streamsPerConnection: 32, headerTimeoutMs: 2_000 } });
	const peer = await stage.enter("mallory");
	const held = Array.from({ length: 300 }, () => peer.stream().bytes(Uint8Array.of(FRAME.OPEN)));
	await stage.unharmed();
	// Each batch waits for the one before it to be given up: 300 / 32 deadlines would be 20 s.
	await Promise.all(held.slice(0, 32).map((raw) => raw.until("RESET 4", "STOP 4")));
	await stage.unharmed();
	assert.ok(
		held.slice(96).every((raw) => raw.words.length === 0),
		"the rest still waits for room",
	);
	peer.connection.close(0, "");
	await until(() => stage.coordinator.clientCount === 2, "it is gone");
});

test("floods: 1,000 streams that declare 16 MiB and send a byte end at once", async (t) => {
	const stage = await Stage.set(t);
	const cleo = await stage.connect("cleo");
	const refused: Promise<unknown>[] = [];
	void (async () => {
		for await (const stream of cleo.incomingStreams) refused.push(assert.rejects(stream.receive(), { code: "MESSAGE_TOO_LONG" }));
	})().catch(() => undefined);
	const peer = await stage.enter("mallory");
	for (let batch = 0; batch < 100; batch++) {
		await Promise.all(Array.from({ length: 10 }, () => peer.open("cleo").bytes(declare(FRAME.DATA, 0xff_ff_ff), Uint8Array.of(1)).until("RESET 7", "STOP 7")));
	}
	// The application does not see those that broke before it took them.
	await until(() => refused.length > 0, "some are seen");
	await Promise.all(refused);
	await soon(cleo.openCoordinatorStream(), "a stream after all that");
});

/** Connects from `host` and says nothing. */
async function flooder(
	t: TestContext,
	stage: Stage,
	host: string,
	as: "one socket" | "newcomers" = "one socket",
): Promise<(count: number) => Promise<{ closed: Promise<number | undefined>[]; refused: string[] }>> {
	const bind = (): Endpoint => {
		const made = Endpoint.bind({ host, port: 0 });
		t.after(() => made.close({ drainMs: 0 }));
		return made;
	};
	const one = bind();
	const identity = await makeSelfSigned({ names: ["mallory"] }, "ephemeral");
	const to = { address: host, port: stage.coordinator.address.port, serverName: "localhost", trust: coordinatorTrust({ pin: stage.where.pin }) };
	return async (count) => {
		const closed: Promise<number | undefined>[] = [];
		const refused: string[] = [];
		await Promise.all(
			Array.from({ length: count }, async () => {
				try {
					const endpoint = as === "newcomers" ? bind() : one;
					const connection = await endpoint.connect({ ...to, identity, alpnProtocols: ["conec/1"], handshakeTimeoutMs: HELLO_TIMEOUT_MS });
					closed.push(connection.closed.then((info) => info.closeCode));
				} catch (error) {
					refused.push((error as QuicError).code);
				}
			}),
		);
		return { closed, refused };
	};
}
