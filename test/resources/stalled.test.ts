import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Endpoint } from "@conec/quic";
import { Client } from "../../packages/conec/src/index.ts";
import { makeSelfSigned } from "../../packages/conec/src/tls/self-signed.ts";
import { coordinatorTrust } from "../../packages/conec/src/tls/trust.ts";
import { FRAME } from "../../packages/conec/src/wire/frames.ts";
import { encodeAck, encodeResumable } from "../../packages/conec/src/wire/stream-frames.ts";
import { RESUME } from "../../packages/conec/testing/stream-fixture.ts";
import { RawStream } from "../hostile/raw-stream.ts";
import { declare, helloOf } from "../hostile/stage.ts";
import { Actor, MIB } from "./actors.ts";

/** A Coordinator, one who writes and one who is told not to read, each a process. */
interface Network {
	readonly coordinator: Actor;
	readonly writer: Actor;
	readonly reader: Actor;
	readonly where: { readonly coordinator: string; readonly pin: string };
	/** Largest growth of any of the three since the network stood. */
	growth(): Promise<number>;
}

async function network(t: TestContext, options: object = {}): Promise<Network> {
	const [coordinator, writer, reader] = await Promise.all([Actor.start(t), Actor.start(t), Actor.start(t)]);
	const { port, pin } = await coordinator.call<{ port: number; pin: string }>("listen", options);
	const where = { coordinator: `127.0.0.1:${port}`, pin };
	await Promise.all([
		writer.call("connect", { id: "alice", ...where, take: "read" }),
		...["bob", "dave", "erin", "frank"].map((id) => reader.call("connect", { id, ...where, take: "keep" })),
		reader.call("connect", { id: "carol", ...where, take: "read" }),
	]);
	const actors = [coordinator, writer, reader];
	// The code of a transfer is no growth, its buffers are: a message is enough.
	await writer.call("rate", { from: "alice", to: "carol", ms: 1 });
	const before = await Promise.all(actors.map((actor) => actor.settle()));
	const growth = async (): Promise<number> => {
		const after = await Promise.all(actors.map((actor) => actor.peak()));
		return Math.max(...after.map((bytes, i) => bytes - (before[i] ?? 0)));
	};
	return { coordinator, writer, reader, where, growth };
}

/** A busy machine takes several times as long as an idle one. */
const TIMEOUT_MS = 900_000;

const fill = { from: "alice", size: 65_536, quietMs: 700 };

test("stalled: a reader that stops makes the writer wait within 3 MiB, proxied and to the Coordinator, and loses nothing", {
	timeout: TIMEOUT_MS,
}, async (t) => {
	const { coordinator, writer, reader, growth } = await network(t);
	for (const [to, holder] of [
		["bob", reader],
		[null, coordinator],
	] as const) {
		const [taken = 0] = await writer.call<number[]>("fill", { ...fill, to, count: 1 });
		const grown = await growth();
		t.diagnostic(`to ${to ?? "the Coordinator"}: the writer waits after ${taken} bytes, no process grew by more than ${grown}`);
		assert.ok(taken <= 3 * MIB && taken >= 65_536, `${taken} bytes`);
		assert.ok(grown <= 32 * MIB, `${grown} bytes`);
		const [read] = await Promise.all([holder.call<number>("read"), writer.call("drain")]);
		assert.equal(read, taken);
	}
});

test("stalled: with 64 streams to Bob and 64 elsewhere stalled, Alice's stream to Carol and her control stream go on", { timeout: TIMEOUT_MS }, async (t) => {
	const { writer, where, growth } = await network(t, { limits: { holderPingMs: 5_000 } });
	/** Of three runs, or of more while it is less than `enough`: the machine may have other things to do meanwhile. */
	const best = async (enough = 0): Promise<number> => {
		let rate = 0;
		for (let i = 0; i < 3 || (i < 20 && rate < enough); i++) rate = Math.max(rate, await writer.call<number>("rate", { from: "alice", to: "carol", ms: 400 }));
		return rate;
	};
	const free = await best();
	const counts: Readonly<Record<string, number>> = { bob: 64, dave: 22, erin: 21, frank: 21 };
	const taken = (await Promise.all(Object.entries(counts).map(([to, count]) => writer.call<number[]>("fill", { ...fill, to, count })))).flat();
	assert.equal(taken.length, 128);
	assert.ok(
		taken.every((bytes) => bytes <= 3 * MIB),
		`${Math.max(...taken)} bytes`,
	);
	const stalled = await best(free / 2);
	const slowest = await writer.call<number>("ask", { from: "alice" });
	const [grown, held] = [await growth(), taken.reduce((sum, bytes) => sum + bytes, 0)];
	t.diagnostic(
		`${(free / MIB).toFixed()} MiB/s without, ${(stalled / MIB).toFixed()} with ${held} bytes stalled; answers in ${slowest.toFixed(1)} ms; grown ${grown}`,
	);
	assert.ok(stalled >= free / 4, `${stalled} of ${free} bytes/s`);
	// One that waited for those that are stalled would wait until its deadline, 10 s.
	assert.ok(slowest < 4_000, `${slowest} ms`);
	// Whoever asks for her id: the Coordinator pings her on the control stream, and only an answer within 5 s keeps it hers.
	await assert.rejects(Client.connect({ id: "alice", ...where }), { code: "ID_TAKEN" });
});

test("stalled: a peer that acknowledges what it does not read stops neither Alice's control stream nor her streams to others", {
	timeout: TIMEOUT_MS,
}, async (t) => {
	const { writer, where, growth } = await network(t);
	const endpoint = Endpoint.bind({ host: "127.0.0.1", port: 0 });
	t.after(() => endpoint.close({ drainMs: 0 }));
	const to = { address: "127.0.0.1", port: Number(where.coordinator.split(":")[1]), serverName: "localhost", trust: coordinatorTrust({ pin: where.pin }) };
	const identity = await makeSelfSigned({ names: ["mallory"] }, "ephemeral");
	const connection = await endpoint.connect({ ...to, identity, alpnProtocols: ["conec/1"], transport: { streamWindowBytes: 16_384 } });
	const control = new RawStream();
	await control
		.attach(connection.openStream(control.handler, { mode: "bytes" }))
		.frame(FRAME.CONTROL, JSON.stringify(helloOf("mallory")))
		.until("CONTROL welcome");
	const streams: RawStream[] = [];
	connection.onStream = (incoming) => {
		const raw = new RawStream();
		raw.reading = false;
		streams.push(raw.attach(incoming.accept(raw.handler, { mode: "bytes", creditBytes: 1_024 })));
		// Eight messages fill the Coordinator's window of the stream. It says that it has them.
		const limit = 8 * (fill.size + 64);
		raw.frame(FRAME.RESUMABLE, encodeResumable({ received: 0, limit, forMs: 0, messageBytes: MIB }));
		setTimeout(() => raw.frame(FRAME.ACK, encodeAck(8, limit)), 400);
	};
	let bytes = 0;
	for (let round = 0; round < 12; round++) {
		const taken = await writer.call<number[]>("fill", { ...fill, to: "mallory", count: 4 });
		bytes += taken.reduce((sum, one) => sum + one, 0);
	}
	const slowest = await writer.call<number>("ask", { from: "alice" });
	const rate = await writer.call<number>("rate", { from: "alice", to: "carol", ms: 400 });
	const ended = streams.filter(({ words }) => words.some((word) => word.startsWith("RESET") || word.startsWith("STOP"))).length;
	t.diagnostic(
		`${bytes} bytes taken on ${streams.length} streams, ${ended} ended; answers in ${slowest.toFixed(1)} ms; ${(rate / MIB).toFixed()} MiB/s; grown ${await growth()}`,
	);
	assert.ok(bytes > 16 * MIB, `${bytes}: more than the Coordinator takes`);
	assert.ok(slowest < 4_000, `${slowest} ms`);
	assert.ok(rate > MIB, `${rate} bytes/s`);
});

test("stalled: 1,000 streams that declare 16 MiB each and send a byte cost next to nothing", { timeout: TIMEOUT_MS }, async (t) => {
	const { coordinator, where, growth } = await network(t, { limits: { messageBytes: 16 * MIB - 1024, incomingStreams: 2_000 } });
	const endpoint = Endpoint.bind({ host: "127.0.0.1", port: 0 });
	t.after(() => endpoint.close({ drainMs: 0 }));
	const to = { address: "127.0.0.1", port: Number(where.coordinator.split(":")[1]), serverName: "localhost", trust: coordinatorTrust({ pin: where.pin }) };
	const openings: Promise<unknown>[] = [];
	for (let i = 0; i < 8; i++) {
		const identity = await makeSelfSigned({ names: ["mallory"] }, "ephemeral");
		const connection = await endpoint.connect({ ...to, identity, alpnProtocols: ["conec/1"] });
		const stream = (): RawStream => {
			const raw = new RawStream();
			return raw.attach(connection.openStream(raw.handler, { mode: "bytes" }));
		};
		await stream()
			.frame(FRAME.CONTROL, JSON.stringify(helloOf(`mallory-${i}`)))
			.until("CONTROL welcome");
		for (let id = 0; id < 125; id++) {
			const raw = stream()
				.frame(FRAME.OPEN, JSON.stringify({ id, resume: RESUME }))
				.bytes(declare(FRAME.DATA, 16 * MIB - 1024), Uint8Array.of(1));
			openings.push(raw.until("RESUMABLE"));
		}
	}
	await Promise.all(openings);
	await coordinator.call("rss");
	const grown = await growth();
	t.diagnostic(`grown ${grown}`);
	// What 1,000 streams cost that declare nothing: 12 to 14 KiB each, and what the system gives in larger pieces.
	assert.ok(grown <= 24 * MIB, `${grown} bytes`);
});
