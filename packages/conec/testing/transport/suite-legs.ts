/**
 * The part of the compliance suite about streams that go on over another connection: two ways from a dialling side to an accepting side, which die
 * and come back, and a stream between them that must not notice.
 *
 * @module
 */

import assert from "node:assert/strict";
import { systemClock } from "../../src/base/clock.ts";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { ConecError } from "../../src/errors.ts";
import { resolveLimits } from "../../src/limits.ts";
import { moveStream, type Proof, Survivors } from "../../src/session/resumption/index.ts";
import type { FramedStream, StreamInit } from "../../src/stream/framed-stream.ts";
import type { LegWay } from "../../src/stream/leg-way.ts";
import { acceptMessageStream, type NewStream, openMessageStream } from "../../src/stream/open-stream.ts";
import { RESET_CODES } from "../../src/wire/codes.ts";
import { decodeOpenDirect } from "../../src/wire/open.ts";
import { connect, type OnPair, type Pair, type TransportFixture } from "./suite-fixture.ts";
import { until } from "./suite-recorder.ts";

const PATHS = ["proxied", "direct"] as const;
type Path = (typeof PATHS)[number];

const LIMITS = resolveLimits({ messageBytes: 32_768, sendHighWaterBytes: 65_536, lingerMs: 100 });
const PROOF: Proof = { peer: "ann", key: "sha256:00", verified: false };
const FOR_MS = 30_000;

/** Registers the tests. */
export function legsSuite(onPair: OnPair, fixture: () => TransportFixture): void {
	onPair("legs: a stream moves from one connection to the other and back, and each message comes once and in order", async (pair) => {
		const ways = new Ways(fixture(), pair);
		const { near, far } = await ways.open();
		const [there, back] = [flow(near, far, 400), flow(far, near, 400)];
		for (const path of ["direct", "proxied", "direct"] as const) {
			await until("the stream has carried something", () => there.came > 20 && back.came > 20);
			await until(`a move to ${path} begins`, () => near.path === path || moveStream(near.keeper, path));
			await until(`the stream is on ${path}`, () => near.path === path && far.path === path);
			assert.deepEqual([near.suspended, far.suspended], [false, false]);
		}
		await ways.ends(near, far, [there, back]);
	});

	for (const seed of [1, 2, 3, 4, 5, 6]) {
		onPair(`legs: connections die at any moment, at either end, and no message is lost or comes twice (seed ${seed})`, async (pair) => {
			const random = seededRandom(seed);
			const ways = new Ways(fixture(), pair);
			const { near, far } = await ways.open();
			const flows = [flow(near, far, 300, random), flow(far, near, 300, random)];
			for (let kill = 0; kill < 6; kill++) {
				const before = flows.map(({ came }) => came);
				const least = Math.floor(random.fraction() * 40);
				await until("the stream goes on", () => flows.every((one, index) => one.over || one.came >= (before[index] ?? 0) + least));
				const path = PATHS[Math.floor(random.fraction() * 2)] as Path;
				if (random.fraction() < 0.4) moveStream(near.keeper, path, random.fraction() < 0.5);
				await ways.kill(random.fraction() < 0.7 ? near.path : path, random.fraction() < 0.5 ? "near" : "far");
			}
			await ways.ends(near, far, flows);
		});
	}

	onPair("legs: without a way, sends wait and the stream is suspended; then it fails at the end that opened it", async (pair) => {
		const ways = new Ways(fixture(), pair);
		const { near, far } = await ways.open(400);
		ways.shut = true;
		await ways.kill("proxied", "far");
		await until("both ends know", () => near.suspended && far.suspended);
		assert.equal(near.path, "proxied");
		const sent = near.send("nobody gets this");
		await assert.rejects(sent, { code: "RESUME_EXPIRED" });
		await assert.rejects(near.receive(), { code: "RESUME_EXPIRED" });
		assert.deepEqual([near.suspended, (await near.closed).code], [false, "RESUME_EXPIRED"]);
		assert.deepEqual([ways.near.size, ways.far.size, far.suspended], [0, 1, true]);
		await ways.close();
	});

	onPair("legs: an end that fails its stream while nothing carries it tells the other as soon as there is a way", async (pair) => {
		const ways = new Ways(fixture(), pair);
		const { near, far } = await ways.open();
		ways.shut = true;
		await ways.kill("proxied", "far");
		await until("both ends know", () => near.suspended && far.suspended);
		await near[Symbol.asyncDispose]();
		assert.equal((await near.closed).code, "STREAM_CLOSED");
		assert.equal(far.suspended, true);
		ways.shut = false;
		assert.equal((await far.closed).code, "STREAM_RESET");
		await ways.nothingLeft();
		await ways.close();
	});
}

/** Two ways, and what goes over them. */
class Ways {
	readonly near: Survivors;
	readonly far: Survivors;
	/** No further leg is opened. */
	shut = false;
	readonly #fixture: TransportFixture;
	readonly #pairs: Partial<Record<Path, Pair>>;
	readonly #extra: Pair[] = [];
	#accepted: FramedStream | undefined;

	constructor(fixture: TransportFixture, first: Pair) {
		this.#fixture = fixture;
		this.#pairs = { proxied: first };
		const parts = { limits: LIMITS, clock: systemClock, random: seededRandom(99) };
		this.near = new Survivors({ ...parts, way: ({ path, prefers }) => this.#way(path === "auto" ? (prefers ?? path) : path) });
		this.far = new Survivors({ ...parts, way: () => undefined });
		this.#listen("proxied", first);
	}

	/** Opens the stream on the first way, and the second way. */
	async open(forMs: number = FOR_MS): Promise<{ near: FramedStream; far: FramedStream }> {
		await this.#connect("direct");
		const { near: connection } = this.#pairs.proxied as Pair;
		const survival = this.near.opening({ peer: "ben", id: 7, path: "auto" }, forMs);
		const near = await openMessageStream(connection, { id: 7 }, { ...init("proxied"), survival });
		const far = this.#accepted as FramedStream;
		assert.deepEqual([near.resumable, far.resumable, near.path, far.path], [true, true, "proxied", "proxied"]);
		return { near, far };
	}

	/** Ends the connection of a way at one end, and makes another. */
	async kill(path: Path, by: "near" | "far"): Promise<void> {
		const pair = this.#pairs[path] as Pair;
		delete this.#pairs[path];
		pair[by].close(1, "killed");
		await this.#connect(path);
	}

	/** Waits until all has come, closes both ends, and looks for what is left. */
	async ends(near: FramedStream, far: FramedStream, flows: readonly Flow[]): Promise<void> {
		await Promise.all(flows.map(({ done }) => done));
		await Promise.all([near.close(), far.close()]);
		await Promise.all(flows.map(({ ended }) => ended));
		assert.deepEqual([(await near.closed).code, (await far.closed).code], [undefined, undefined]);
		await this.nothingLeft();
		await this.close();
	}

	async nothingLeft(): Promise<void> {
		await until("nothing is left of the stream", () => this.near.size === 0 && this.far.size === 0);
	}

	async close(): Promise<void> {
		for (const survivors of [this.near, this.far]) survivors.end(new ConecError("CLIENT_CLOSED", "the test is over"), RESET_CODES.CLIENT_CLOSED);
		assert.deepEqual([this.near.size, this.far.size], [0, 0]);
		await Promise.all(this.#extra.map((pair) => pair.close()));
	}

	#way(path: "auto" | Path): LegWay | undefined {
		if (this.shut) return undefined;
		const wanted = path === "auto" ? (PATHS.find((one) => this.#pairs[one] !== undefined) ?? "proxied") : path;
		// Where the wanted one is not, the other one does.
		const found = this.#pairs[wanted] === undefined ? (wanted === "direct" ? "proxied" : "direct") : wanted;
		const pair = this.#pairs[found];
		return pair === undefined ? undefined : { connection: pair.near, open: { id: 7 }, init: init(found) };
	}

	async #connect(path: Path): Promise<void> {
		const pair = await connect(this.#fixture);
		this.#extra.push(pair);
		this.#listen(path, pair);
		this.#pairs[path] = pair;
	}

	#listen(path: Path, { far }: Pair): void {
		far.onStream = (incoming) => {
			const open = decodeOpenDirect(incoming.header.payload);
			assert.ok(open.ok);
			const accepted = (stream: FramedStream): void => {
				this.#accepted = stream;
			};
			const arrival = { incoming, init: init(path), resume: open.value.resume, accepted, legCame: () => undefined };
			this.far.arrive(arrival, PROOF, (one) => one.accepted(acceptMessageStream(one.incoming, one.init, one.resume as NewStream)));
		};
	}
}

function init(path: Path): StreamInit {
	return { peer: "ben", id: 7, path, metadata: undefined, limits: LIMITS, describe: "stream 7", lostCode: "PEER_LOST" };
}

/** Messages of one direction. */
interface Flow {
	/** How many have come. */
	readonly came: number;
	/** All have come. */
	readonly over: boolean;
	readonly done: Promise<unknown>;
	/** Their end has come. */
	readonly ended: Promise<unknown>;
}

/** Sends so many numbered messages and reads them. */
function flow(from: FramedStream, to: FramedStream, count: number, random: Random = seededRandom(7)): Flow {
	const sizes = Array.from({ length: count }, () => 4 + Math.floor(random.fraction() * (random.fraction() < 0.2 ? 20_000 : 200)));
	const seen = { came: 0 };
	const send = async (): Promise<void> => {
		for (const [index, size] of sizes.entries()) {
			const message = new Uint8Array(size).fill(index & 0xff);
			new DataView(message.buffer).setUint32(0, index);
			await from.send(message);
		}
	};
	const read = async (): Promise<void> => {
		while (seen.came < count) {
			const message = await to.receive();
			assert.ok(message !== null, `message ${seen.came} comes before the end`);
			assert.equal(new DataView(message.buffer, message.byteOffset).getUint32(0), seen.came, "messages come in order, none twice, none missing");
			assert.equal(message.length, sizes[seen.came]);
			seen.came++;
		}
	};
	const done = Promise.all([send(), read()]);
	const ended = done.then(async () => assert.equal(await to.receive(), null));
	// Whoever waits for it hears of a failure.
	ended.catch(() => undefined);
	return {
		done,
		ended,
		get came() {
			return seen.came;
		},
		get over() {
			return seen.came === count;
		},
	};
}
