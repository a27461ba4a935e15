import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Client, Coordinator, isConecError, type MessageStream } from "../packages/conec/src/index.ts";
import { NODE_FLAGS, programOf } from "../packages/conec/testing/node-flags.ts";
import { openAgain, WORDS } from "./children/words.ts";

const CHILD = programOf(fileURLToPath(new URL("children/last-words.ts", import.meta.url)));
const COORDINATOR = programOf(fileURLToPath(new URL("children/last-words-coordinator.ts", import.meta.url)));
/** Each of five words on a stream that this side opened, and on one that the other side opened. */
const STREAMS = 10;

for (const path of ["direct", "proxied", "coordinator"] as const) {
	for (const [feed, feedBytes, kind] of [
		["small", 5, ""],
		["much", 65_536, ""],
		["much", 65_536, "resumable"],
	] as const) {
		test(`last words: a reset, a stop and an end reach the peer of a ${kind === "" ? path : `${kind} ${path}`} stream that sends ${feed}, though the Client closes at once and its process ends`, {
			timeout: 300_000,
		}, async (t) => {
			const heard = await listen(t, path, feedBytes, kind === "resumable");
			for (const [name, words] of heard) assert.deepEqual(words, name.includes("-end-") && !name.includes("stop") ? END : TOLD, name);
		});
	}
}

for (const feed of ["small", "much"] as const) {
	test(`last words: a reset, a stop and an end reach the Clients that send ${feed}, though the Coordinator closes at once and its process ends`, {
		timeout: 300_000,
	}, async (t) => {
		const heard = await listenToCoordinator(t, feed === "small" ? 5 : 65_536);
		for (const [name, words] of heard) assert.deepEqual(words, name.startsWith("end-") ? END : TOLD, name);
	});
}

/** The peer stopped the stream or reset it, with its code. */
const TOLD = { closeCode: 7, by: "peer" };
/** All messages came, and after them the end. */
const END = { messages: 4, ended: true };

type Heard = { readonly closeCode?: number | undefined; readonly by?: string; readonly messages?: number; readonly ended?: boolean };

/** Runs the Clients that speak; what was heard of each of their streams, by id. */
async function listen(t: TestContext, path: "direct" | "proxied" | "coordinator", feedBytes: number, resumable: boolean): Promise<Map<string, Heard>> {
	const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0 });
	const where = { coordinator: `localhost:${coordinator.address.port}`, address: `127.0.0.1:${coordinator.address.port}`, pin: coordinator.fingerprint };
	const alice = await Client.connect({ id: "alice", localAddress: "127.0.0.1", ...where });
	t.after(async () => {
		await alice.close();
		await coordinator.close();
	});
	const heard = new Map<string, Heard>();
	const hearing: Promise<void>[] = [];
	const hear = (stream: MessageStream, peer: string): void => {
		hearing.push(wordsOf(stream, feedBytes).then((words) => void heard.set(peer, words)));
	};
	void (async () => {
		for await (const stream of path === "coordinator" ? coordinator.incomingStreams : alice.incomingStreams) hear(stream, stream.peer ?? "");
	})();
	const child = spawn(process.execPath, [...NODE_FLAGS, CHILD, `127.0.0.1:${coordinator.address.port}`, where.pin, path, path, String(resumable)], {
		stdio: ["ignore", "pipe", "inherit"],
	});
	t.after(() => child.kill("SIGKILL"));
	createInterface({ input: child.stdout }).on("line", (line) => {
		const peer = line.slice("wants ".length);
		const opening = path === "coordinator" ? coordinator.openStream(peer) : openAgain(() => alice.openStream(peer, { path, resumable }));
		hearing.push(opening.then((stream) => hear(stream, peer)));
	});
	const [code] = await once(child, "close");
	assert.equal(code, 0);
	for (let known = 0; known < hearing.length; ) {
		known = hearing.length;
		await Promise.all(hearing);
	}
	assert.equal(heard.size, STREAMS);
	return heard;
}

/** Runs the Coordinator that speaks; what was heard of each of its streams, by the Client's id. */
async function listenToCoordinator(t: TestContext, feedBytes: number): Promise<Map<string, Heard>> {
	const child = spawn(process.execPath, [...NODE_FLAGS, COORDINATOR], { stdio: ["ignore", "pipe", "inherit"] });
	t.after(() => child.kill("SIGKILL"));
	const ended = once(child, "close");
	const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
	const [port, pin = ""] = line.split(" ");
	const hear = async (word: string, opener: string): Promise<[string, Heard]> => {
		const id = `${word}-${opener}`;
		const client = await Client.connect({ id, localAddress: "127.0.0.1", coordinator: `127.0.0.1:${port}`, pin });
		t.after(() => client.destroy());
		const stream = opener === "there" ? await client.openCoordinatorStream() : (await client.incomingStreams[Symbol.asyncIterator]().next()).value;
		return [id, await wordsOf(stream as MessageStream, feedBytes)];
	};
	const heard = await Promise.all(Object.keys(WORDS).flatMap((word) => ["here", "there"].map((opener) => hear(word, opener))));
	assert.equal((await ended)[0], 0);
	return new Map(heard);
}

/** Sends all the time and listens, until the stream is over or the peer has ended its side. */
async function wordsOf(stream: MessageStream, feedBytes: number): Promise<Heard> {
	let messages = 0;
	const feeding = feed(stream, feedBytes);
	try {
		for await (const _ of stream) messages++;
	} catch (error) {
		if (!isConecError(error)) throw error;
		const { by, closeCode } = await stream.closed;
		return { by, closeCode };
	}
	if (messages === 4) return { messages, ended: true };
	// It ended its side before it stopped ours.
	await feeding;
	const { by, closeCode } = await stream.closed;
	return { by, closeCode };
}

async function feed(stream: MessageStream, bytes: number): Promise<void> {
	try {
		for (;;) {
			await stream.send(new Uint8Array(bytes));
			await new Promise((resolve) => setTimeout(resolve, 1));
		}
	} catch {
		// That is what the test waits for.
	}
}
