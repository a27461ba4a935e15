import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { addAbortSignal, type Duplex, PassThrough, Readable, Writable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { finished, pipeline } from "node:stream/promises";
import { test } from "node:test";
import { connect, createSecureContext, TLSSocket } from "node:tls";
import { createGunzip, createGzip } from "node:zlib";
import { connectEnds, type Ends } from "../../../testing/stream-fixture.ts";
import { until } from "../../../testing/transport/suite-recorder.ts";
import { makeSelfSigned } from "../../tls/self-signed.ts";
import { toDuplex } from "./duplex.ts";
import { jsonCodec } from "./json-codec.ts";
import { typed } from "./typed.ts";

function onEnds(behaviour: string, options: Parameters<typeof connectEnds>[0], run: (ends: Ends) => Promise<void>): void {
	test(`duplex: ${behaviour}`, { timeout: 300_000 }, async () => {
		const ends = await connectEnds(options);
		try {
			await run(ends);
		} finally {
			await ends.close();
		}
		assert.equal(ends.network.liveStreams, 0);
	});
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Writes until nothing has moved for some turns. */
async function fill(duplex: Duplex, chunkBytes: number): Promise<number> {
	let written = 0;
	for (let waited = 0; waited < 20; ) {
		if (duplex.writableNeedDrain) {
			waited++;
			await new Promise((resolve) => setTimeout(resolve, 5));
		} else {
			waited = 0;
			duplex.write(new Uint8Array(chunkBytes));
			written++;
		}
	}
	return written;
}

onEnds("pipeline carries bytes there, through an echo, and back", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const [ours, theirs] = [toDuplex(near), toDuplex(far)];
	const bytes = randomBytes(3 * 1_024 * 1_024 + 7);
	const echo = pipeline(theirs, theirs);
	const received = buffer(ours);
	await pipeline(Readable.from([bytes.subarray(0, 1), bytes.subarray(1, 1), bytes.subarray(1, 2_500_000), bytes.subarray(2_500_000)]), ours);
	assert.equal(sha256(await received), sha256(bytes));
	await echo;
	assert.deepEqual([await near.closed, await far.closed], [{ by: "local" }, { by: "peer" }]);
});

onEnds("what is written at once arrives in messages of at most 64 KiB, or of what the limit allows", { limits: { messageBytes: 1_000 } }, async (ends) => {
	const { near, far } = await ends.streams();
	const duplex = toDuplex(near);
	const bytes = randomBytes(200_001);
	duplex.end(bytes);
	const messages: Uint8Array[] = [];
	for await (const message of far) messages.push(message);
	assert.equal(sha256(Buffer.concat(messages)), sha256(bytes));
	assert.ok(messages.every((message) => message.length <= 1_000));
	assert.ok(messages.length <= 401, `${messages.length} messages`);
	await finished(duplex, { readable: false });
	duplex.destroy();
	far.reset();
});

onEnds("strings, empty messages, and reading piece by piece are only bytes", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const duplex = toDuplex(far);
	for (const message of ["", "é", "", "", "lo", ""]) await near.send(message);
	const closed = near.close();
	duplex.setEncoding("utf8");
	duplex.write("ça");
	duplex.end("7a", "hex");
	assert.equal(await text(duplex), "élo");
	await closed;
	assert.equal(Buffer.concat([(await near.receive()) as Uint8Array, (await near.receive()) as Uint8Array]).toString(), "çaz");
	assert.equal(await near.receive(), null);
});

onEnds("what wants lines gets lines", {}, async (ends) => {
	const { near, far } = await ends.streams();
	for (const message of ["on", "e\ntwo\nth", "", "ree\n"]) await near.send(message);
	const closed = near.close();
	const duplex = toDuplex(far);
	const lines: string[] = [];
	for await (const line of createInterface({ input: duplex })) lines.push(line);
	assert.deepEqual(lines, ["one", "two", "three"]);
	duplex.end();
	await closed;
});

onEnds("compressed by one side and not by the other", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const [ours, theirs] = [toDuplex(near), toDuplex(far)];
	const bytes = Buffer.from("a line of text\n".repeat(50_000));
	const unpacked = new PassThrough();
	const received = buffer(unpacked);
	await Promise.all([pipeline(Readable.from([bytes]), createGzip(), ours), pipeline(theirs, createGunzip(), unpacked)]);
	assert.ok(bytes.equals(await received));
	theirs.end();
	ours.resume();
	await Promise.all([finished(ours), finished(theirs)]);
});

onEnds("TLS runs over it", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const { certificates, privateKey } = await makeSelfSigned({ names: ["localhost"] }, "ephemeral");
	const pem = (label: string, der: Uint8Array): string => `-----BEGIN ${label}-----\n${Buffer.from(der).toString("base64")}\n-----END ${label}-----\n`;
	const server = new TLSSocket(toDuplex(far), {
		isServer: true,
		secureContext: createSecureContext({ cert: pem("CERTIFICATE", certificates[0] as Uint8Array), key: pem("PRIVATE KEY", privateKey) }),
	});
	const client = connect({ socket: toDuplex(near), servername: "localhost", ca: pem("CERTIFICATE", certificates[0] as Uint8Array) });
	const bytes = randomBytes(300_000);
	server.on("data", (chunk) => server.write(chunk));
	server.on("end", () => server.end());
	client.end(bytes);
	const chunks: Buffer[] = [];
	client.on("data", (chunk: Buffer) => chunks.push(chunk));
	await once(client, "end");
	assert.ok(client.authorized);
	assert.equal(sha256(Buffer.concat(chunks)), sha256(bytes));
	client.destroy();
	server.destroy();
	near.reset();
	near.stop();
	far.reset();
	far.stop();
});

onEnds("a reader that stops makes the writer wait, and nothing is read ahead", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const [ours, theirs] = [toDuplex(near), toDuplex(far)];
	const written = await fill(ours, 32 * 1_024);
	assert.ok(written < 40, `${written} of 32 KiB`);
	assert.equal(theirs.readableLength, 0);
	ours.end();
	// A `for await` over a Duplex destroys it at the end; a pipe does not.
	assert.equal((await buffer(theirs.pipe(new PassThrough()))).length, written * 32 * 1_024);
	theirs.end();
	ours.resume();
	await Promise.all([finished(ours), finished(theirs)]);
});

onEnds("a slow sink slows the source", {}, async (ends) => {
	const { near, far } = await ends.streams();
	let release: (() => void) | undefined;
	let stopped = true;
	let taken = 0;
	const sink = new Writable({
		highWaterMark: 1,
		write(chunk: Uint8Array, _encoding, callback) {
			taken += chunk.length;
			if (stopped) release = callback;
			else callback();
		},
	});
	const piping = pipeline(toDuplex(far), sink);
	const ours = toDuplex(near);
	const written = await fill(ours, 16 * 1_024);
	assert.equal(taken, 16 * 1_024);
	// The reader has its window, and the pipeline holds some: not a longest message more, though the writer asks for it.
	assert.ok(written * 16 < 512, `${written} of 16 KiB`);
	assert.ok(release !== undefined);
	ours.destroy();
	stopped = false;
	release();
	await assert.rejects(piping, { code: "STREAM_RESET" });
});

onEnds("each direction ends on its own; finish says that it is in the peer's process", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const ours = toDuplex(near);
	ours.end("question");
	await once(ours, "finish");
	assert.equal(far.waitingMessages, 1);
	assert.equal(ours.readableEnded, false);
	assert.equal(new TextDecoder().decode((await far.receive()) as Uint8Array), "question");
	assert.equal(await far.receive(), null);
	await far.send("answer");
	const closed = far.close();
	assert.equal(await text(ours), "answer");
	await closed;
	await finished(ours);
	assert.deepEqual(await near.closed, { by: "local" });
});

onEnds("without allowHalfOpen the peer's end is both ends", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const ours = toDuplex(near);
	ours.allowHalfOpen = false;
	const closed = far.close();
	ours.resume();
	await finished(ours);
	assert.equal(await far.receive(), null);
	await closed;
});

onEnds("destroy resets and stops; with an error it is that error", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const ours = toDuplex(near);
	await far.send("unread");
	const reading = once(ours, "data");
	await reading;
	const reason = new Error("enough");
	const closed = assert.rejects(finished(ours), (error) => error === reason);
	ours.destroy(reason);
	await closed;
	await assert.rejects(far.receive(), { code: "STREAM_RESET", closeCode: 0 });
	await until("the peer is stopped", () => {
		try {
			far.trySend("more");
			return false;
		} catch (error) {
			return (error as { code?: string }).code === "STREAM_STOPPED";
		}
	});
	assert.equal((await near.closed).by, "local");
});

onEnds("an AbortSignal destroys it while it waits", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const controller = new AbortController();
	const ours = addAbortSignal(controller.signal, toDuplex(near));
	const reading = buffer(ours);
	controller.abort();
	await assert.rejects(reading, { name: "AbortError" });
	await assert.rejects(far.receive(), { code: "STREAM_RESET" });
});

onEnds("leaving a for await stops and resets, as Node streams do", {}, async (ends) => {
	const { near, far } = await ends.streams();
	await far.send("one");
	await far.send("two");
	for await (const chunk of toDuplex(near)) {
		assert.equal(String(chunk), "one");
		break;
	}
	await assert.rejects(far.receive(), { code: "STREAM_RESET" });
});

onEnds("what came whole is read before the error that ended the stream", {}, async (ends) => {
	const { near, far } = await ends.streams();
	for (let index = 0; index < 20; index++) await near.send(new Uint8Array(100));
	await until("they are there", () => far.waitingMessages === 20);
	const theirs = toDuplex(far);
	near.reset(6);
	let bytes = 0;
	await assert.rejects(
		async () => {
			for await (const chunk of theirs) {
				bytes += (chunk as Uint8Array).length;
				await new Promise((resolve) => setImmediate(resolve));
			}
		},
		{ name: "ConecError", code: "STREAM_RESET", closeCode: 6 },
	);
	assert.equal(bytes, 2_000);
	near.stop();
});

onEnds("the peer's stop, and a lost connection, come out of writing", {}, async (ends) => {
	const streams = await ends.streams();
	const ours = toDuplex(streams.near);
	streams.far.stop(3);
	const endless = new Readable({
		read() {
			setImmediate(() => this.push(new Uint8Array(100)));
		},
	});
	await assert.rejects(pipeline(endless, ours), { code: "STREAM_STOPPED", closeCode: 3 });
	const others = await ends.streams();
	const duplex = toDuplex(others.near);
	const failed = assert.rejects(buffer(duplex), { code: "CONNECTION_LOST" });
	ends.nearTransport.destroy();
	await failed;
	assert.ok(duplex.destroyed);
});

onEnds("a typed stream is one of objects; what cannot be decoded, encoded or said is an error", {}, async (ends) => {
	const streams = await ends.streams();
	const [near, far] = [toDuplex(typed(streams.near, jsonCodec<unknown>())), toDuplex(typed(streams.far, jsonCodec<unknown>()))];
	const echo = pipeline(far, far);
	const values = [{ a: 1 }, "", 0, false, [null]];
	const received = near.toArray();
	for (const value of values) near.write(value);
	near.end();
	assert.deepEqual(await received, values);
	await echo;
	for (const [message, code] of [
		["null", "DECODE_FAILED"],
		["{", "DECODE_FAILED"],
	] as const) {
		const others = await ends.streams();
		await others.near.send("1");
		await others.near.send(message);
		const seen: unknown[] = [];
		await assert.rejects(
			async () => {
				for await (const value of toDuplex(typed(others.far, jsonCodec()))) seen.push(value);
			},
			{ code },
		);
		assert.deepEqual(seen, [1]);
	}
	const last = await ends.streams();
	const duplex = toDuplex(typed(last.near, jsonCodec<unknown>()));
	duplex.write(1n);
	await assert.rejects(finished(duplex), { code: "ENCODE_FAILED" });
});

test("duplex: what is no stream is a TypeError", () => {
	for (const stream of [null, undefined, 1, {}, new PassThrough()]) {
		assert.throws(() => toDuplex(stream as never), { name: "TypeError", code: "OPTION_INVALID" });
	}
});
