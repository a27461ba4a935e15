import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { connectEnds } from "../../../testing/stream-fixture.ts";
import { Recorder } from "../../../testing/transport/suite-recorder.ts";
import { seededRandom } from "../../base/random.ts";
import { ConecError } from "../../errors.ts";
import type { FramedStream } from "../../stream/framed-stream.ts";
import { acceptMessageStream, type NewStream } from "../../stream/open-stream.ts";
import { errorCodeOfReset, RESET_CODES } from "../../wire/codes.ts";
import { FRAME } from "../../wire/frames.ts";
import { decodeOpenDirect, decodeReject, encodeOpen, type OpenResume } from "../../wire/open.ts";
import { decodeResumable, encodeAck, encodeCode, encodeCount } from "../../wire/stream-frames.ts";
import { type Proof, Survivors } from "./index.ts";

const TOKEN = "00112233445566778899aabbccddeeff";
const NEW: OpenResume = { limit: 262_144, messageBytes: 1_048_576, token: TOKEN, forMs: 60_000 };
const LEG = { token: TOKEN, generation: 1, received: 0, limit: 262_144 };
const ANN: Proof = { peer: "ann", key: "sha256:aa", verified: false };
const GONE = new ConecError("CLIENT_CLOSED", "gone");

/** A table of accepted streams, and a peer that writes its frames by hand. */
async function scene(limits: { readonly suspendedStreams?: number; readonly doneStreams?: number } = {}) {
	const clock = createVirtualClock();
	const ends = await connectEnds({ clock, step: () => clock.advance(0) });
	const survivors = new Survivors({
		...{ limits: { suspendedStreams: 100, doneStreams: 100, statusEvents: 4, ...limits }, clock, random: seededRandom(1) },
		way: () => undefined,
	});
	const streams: FramedStream[] = [];
	const legs: string[] = [];
	const settle = (): Promise<void> => clock.advance(0);
	/** OPEN comes, as from that peer. */
	const open = async (resume: OpenResume, proof: Proof = ANN): Promise<Recorder> => {
		const opener = new Recorder().open(ends.near, { kind: FRAME.OPEN, payload: encodeOpen({ id: 7, resume }) });
		await settle();
		const incoming = await ends.incoming();
		const header = decodeOpenDirect(incoming.header.payload);
		assert.ok(header.ok);
		const init = ends.init({ peer: proof.peer, clock });
		const arrival = { incoming, init, resume: header.value.resume, accepted: (one: FramedStream) => streams.push(one), legCame: () => legs.push("leg") };
		survivors.arrive(arrival, proof, (one) => void one.accepted(acceptMessageStream(one.incoming, one.init, one.resume as NewStream)));
		await settle();
		return opener;
	};
	/** How the OPEN was answered. */
	const answer = (opener: Recorder): string => {
		const [first] = opener.frames;
		if (first?.kind === FRAME.RESUMABLE) return `received ${decodeResumable(first.payload)?.received}, for ${decodeResumable(first.payload)?.forMs}`;
		if (first?.kind === FRAME.REJECT) {
			const reject = decodeReject(first.payload);
			return reject.ok ? reject.value.code : reject.error;
		}
		return opener.events.flatMap((event) => (event.type === "reset" ? [`reset ${event.code}`] : [])).join(", ");
	};
	const end = async (): Promise<void> => {
		survivors.end(GONE, RESET_CODES.CLIENT_CLOSED);
		assert.equal(survivors.size, 0);
		const closed = ends.close();
		await clock.advance(5_000);
		await closed;
	};
	return { clock, survivors, streams, legs, settle, open, answer, end };
}

test("survivors: another leg of a stream is taken from its own peer only: the same id, and the same key or both times the word of an authority", async () => {
	const { survivors, streams, legs, open, answer, end } = await scene();
	assert.equal(answer(await open(NEW)), "received 0, for 60000");
	const others: readonly Proof[] = [
		{ ...ANN, peer: "ben" },
		{ ...ANN, peer: null },
		{ ...ANN, key: "sha256:bb" },
		{ ...ANN, key: undefined },
		// The stream was opened without the word of an authority.
		{ ...ANN, key: "sha256:bb", verified: true },
	];
	for (const other of others) assert.equal(answer(await open(LEG, other)), "RESUME_UNKNOWN", JSON.stringify(other));
	for (const token of ["00112233445566778899aabbccddeefe", "10112233445566778899aabbccddeeff"])
		assert.equal(answer(await open({ ...LEG, token })), "RESUME_UNKNOWN");
	assert.deepEqual([legs, survivors.size], [[], 1]);
	assert.equal(answer(await open(LEG)), "received 0, for 60000");
	assert.deepEqual([legs, streams.length], [["leg"], 1]);
	const verified = { ...ANN, peer: "cleo", verified: true };
	await open(NEW, verified);
	assert.equal(answer(await open(LEG, { ...verified, key: "sha256:bb" })), "received 0, for 60000", "a renewed key, proven like the first");
	await end();
});

test("survivors: a generation that is not greater, and a new stream with a token that is known, are reset with MOVED and change nothing", async () => {
	const { streams, open, answer, settle, end } = await scene();
	const first = await open(NEW);
	const third = await open({ ...LEG, generation: 3 });
	for (const generation of [3, 2, 1]) assert.equal(answer(await open({ ...LEG, generation })), `reset ${RESET_CODES.MOVED}`);
	assert.equal(answer(await open(NEW)), `reset ${RESET_CODES.MOVED}`);
	third.write(FRAME.FROM, encodeCount(1));
	third.write(FRAME.DATA, new Uint8Array([5]));
	await settle();
	assert.deepEqual([(await streams[0]?.receive())?.[0], streams.length, first.has("reset")], [5, 1, false]);
	await end();
});

test("survivors: eleven legs of one stream within a second are too many, and the stream goes on", async () => {
	const { clock, streams, open, answer, end } = await scene();
	await open(NEW);
	for (let generation = 1; generation <= 10; generation++) assert.match(answer(await open({ ...LEG, generation })), /^received/);
	for (let flood = 11; flood < 60; flood++) assert.equal(answer(await open({ ...LEG, generation: flood })), "LIMIT_EXCEEDED");
	assert.equal(streams[0]?.over, false);
	await clock.advance(1_000);
	assert.match(answer(await open({ ...LEG, generation: 60 })), /^received/);
	await end();
});

test("survivors: a leg that says more has come than was sent ends the stream", async () => {
	const { streams, survivors, open, answer, end } = await scene();
	const first = await open(NEW);
	assert.equal(answer(await open({ ...LEG, received: 1 })), `reset ${RESET_CODES.FRAME_INVALID}`);
	assert.deepEqual([(await streams[0]?.closed)?.code, survivors.size], ["FRAME_INVALID", 0]);
	assert.equal(errorCodeOfReset((await first.first("reset")).code ?? 0), "FRAME_INVALID");
	assert.equal(answer(await open(LEG)), "RESUME_UNKNOWN", "it is forgotten");
	await end();
});

test("survivors: a stream whose time is over, and one whose opener ended it, are not known any more", async () => {
	const { clock, streams, survivors, open, answer, settle, end } = await scene();
	const first = await open(NEW);
	first.stream.reset(RESET_CODES.MOVED);
	first.stream.stop(RESET_CODES.MOVED);
	await settle();
	assert.equal(streams[0]?.suspended, true);
	await clock.advance(79_999);
	assert.equal(survivors.size, 1);
	await clock.advance(1);
	assert.deepEqual([(await streams[0]?.closed)?.code, survivors.size, answer(await open(LEG))], ["RESUME_EXPIRED", 0, "RESUME_UNKNOWN"]);
	const second = await open(NEW);
	second.stream.reset(RESET_CODES.CANCELLED);
	await settle();
	assert.deepEqual([survivors.size, answer(await open(LEG))], [0, "RESUME_UNKNOWN"]);
	await end();
});

test("survivors: no more streams without a connection than there is room for: of one peer a quarter, and the oldest fail first", async () => {
	const { survivors, streams, open, settle, end } = await scene({ suspendedStreams: 8 });
	const suspend = async (peer: string, count: number): Promise<void> => {
		for (let number = 0; number < count; number++) {
			const opener = await open({ ...NEW, token: `${peer}${number}`.padStart(32, "0") } as OpenResume, { ...ANN, peer });
			opener.stream.reset(RESET_CODES.MOVED);
			opener.stream.stop(RESET_CODES.MOVED);
			await settle();
		}
	};
	await suspend("a", 5);
	const alive = (): boolean[] => streams.map(({ suspended }) => suspended);
	assert.deepEqual(alive(), [false, false, false, true, true], "two of eight");
	for (const peer of ["b", "c", "d"]) await suspend(peer, 2);
	assert.deepEqual(alive().slice(3), Array(8).fill(true));
	await suspend("e", 1);
	assert.deepEqual([alive().slice(3), survivors.size], [[false, ...Array(8).fill(true)], 8]);
	await end();
});

test("survivors: of 10,000 streams without a connection to many peers the oldest fail, whatever ends them, and nothing is left of them", () => {
	const survivors = new Survivors({
		...{ limits: { suspendedStreams: 4_096, doneStreams: 100, statusEvents: 4 }, clock: createVirtualClock(), random: seededRandom(1) },
		way: () => undefined,
	});
	const failed: number[] = [];
	const keepers = Array.from({ length: 10_000 }, (_, id) => {
		const { keeper } = survivors.opening({ peer: `peer-${id % 10}`, id, path: "auto" }, 60_000);
		const over = (): void => {
			failed.push(id);
			keeper.done();
			keeper.gone();
		};
		const offer = (): { readonly refuse: number } => ({ refuse: RESET_CODES.RESUME_UNKNOWN });
		keeper.began({ ...{ unheard: false, resumable: true, path: "proxied", offer, move: () => false, wayIsThere() {} }, expire: over, end: over });
		return keeper;
	});
	for (const keeper of keepers) keeper.suspended(true);
	assert.deepEqual([failed.length, survivors.size], [10_000 - 4_096, 4_096]);
	assert.deepEqual(
		failed,
		[...failed].sort((one, other) => one - other),
		"the oldest first",
	);
	survivors.end(GONE, RESET_CODES.CLIENT_CLOSED);
	assert.equal(survivors.size, 0);
});

test("survivors: a listener of a stream hears of its losses and moves once each, and no more after its end", async () => {
	const told: string[] = [];
	const survivors = new Survivors({
		...{ limits: { suspendedStreams: 10, doneStreams: 10, statusEvents: 4 }, clock: createVirtualClock(), random: seededRandom(1) },
		way: () => undefined,
		changed: ({ peer, id, openedBy, change }) => told.push(`${peer} ${id} ${openedBy} ${change.type}`),
	});
	const { keeper } = survivors.opening({ peer: "ben", id: 7, path: "auto" }, 60_000);
	const offer = (): { readonly refuse: number } => ({ refuse: RESET_CODES.RESUME_UNKNOWN });
	const none = (): void => undefined;
	keeper.began({ ...{ unheard: false, resumable: true, path: "proxied", offer, move: () => false, wayIsThere: none }, expire: none, end: none });
	keeper.passed({ from: "proxied", to: "direct", pauseMs: 1, suspended: false });
	const changes = keeper.status()[Symbol.asyncIterator]();
	keeper.suspended(true);
	// A connection came and went before anything could be sent on it.
	keeper.suspended(false);
	keeper.suspended(true);
	keeper.passed({ from: "direct", to: "proxied", pauseMs: 2, suspended: true });
	keeper.done();
	keeper.suspended(true);
	assert.deepEqual(told, ["ben 7 local moved", "ben 7 local suspended", "ben 7 local resumed"]);
	const heard = [await changes.next(), await changes.next(), await changes.next()].map(({ value }) => value);
	assert.deepEqual(heard, [{ type: "suspended", path: "proxied" }, { type: "resumed", from: "direct", to: "proxied", pauseMs: 2 }, undefined]);
	assert.deepEqual(await keeper.status()[Symbol.asyncIterator]().next(), { done: true, value: undefined });
	keeper.gone();
	assert.equal(survivors.size, 0);
});

test("survivors: streams that are over are forgotten when there are too many of which the peer may not know it", async () => {
	const { survivors, open, settle, streams, answer, end } = await scene({ doneStreams: 4 });
	for (let number = 0; number < 3; number++) {
		const opener = await open({ ...NEW, token: `${number}`.padStart(32, "0") } as OpenResume);
		void streams[number]?.close();
		await settle();
		opener.write(FRAME.END, new Uint8Array(0));
		opener.write(FRAME.ACK, encodeAck(1, 262_144));
		// Its FIN does not come.
		await settle();
		assert.equal(streams[number]?.over, true);
	}
	assert.equal(survivors.size, 1, "a quarter of four");
	assert.equal(answer(await open({ ...LEG, token: "1".padStart(32, "0") })), "RESUME_UNKNOWN");
	assert.match(answer(await open({ ...LEG, token: "2".padStart(32, "0"), received: 1 })), /^received 1/, "the last one answers");
	await end();
	assert.equal(survivors.size, 0);
});

test("survivors: when their owner leaves, streams that go on end, and one that is over is not cut off: its last acknowledgement is on its way", async () => {
	const { survivors, open, settle, streams, end } = await scene();
	const codes = ({ events }: Recorder): string[] =>
		events.flatMap((event) => (event.type === "reset" || event.type === "stopped" ? [`${event.type} ${event.code}`] : []));
	const [over, failed, other] = ["1", "2", "3"].map((digit) => ({ ...NEW, token: digit.padStart(32, "0") }) as OpenResume) as [
		OpenResume,
		OpenResume,
		OpenResume,
	];
	const ended = await open(over);
	const broken = await open(failed);
	const going = await open(other);
	void streams[0]?.close();
	streams[1]?.reset(5);
	await settle();
	ended.write(FRAME.END, new Uint8Array(0));
	broken.write(FRAME.RESET, encodeCode(6));
	for (const opener of [ended, broken]) opener.write(FRAME.ACK, encodeAck(1, 262_144));
	// Their FIN has not come.
	await settle();
	survivors.leave(GONE, RESET_CODES.CLIENT_CLOSED);
	await settle();
	assert.deepEqual([ended, broken, going].map(codes), [[], [], [`reset ${RESET_CODES.CLIENT_CLOSED}`, `stopped ${RESET_CODES.CLIENT_CLOSED}`]]);
	assert.equal(survivors.size, 2);
	await end();
});

test("survivors: a stream of a peer whose key is not known is an ordinary one", async () => {
	const { survivors, streams, open, answer, end } = await scene();
	assert.equal(answer(await open(NEW, { ...ANN, key: undefined })), "received 0, for 0");
	assert.deepEqual([survivors.size, streams[0]?.resumable], [0, false]);
	await end();
});

test("survivors: a flood of legs of streams that nobody knows leaves nothing", async () => {
	const { survivors, open, answer, end } = await scene();
	for (let number = 0; number < 200; number++) assert.equal(answer(await open({ ...LEG, token: `${number}`.padStart(32, "f") })), "RESUME_UNKNOWN");
	assert.equal(survivors.size, 0);
	await end();
});
