import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { ConecError } from "../../errors.ts";
import type { LegWire } from "../../stream/exchange/index.ts";
import type { Lent } from "../../stream/lent.ts";
import { AckSchedule, fixedWindows, SendBudget } from "../../stream/windows/index.ts";
import type { IncomingStream, StreamHandler, TransportStream } from "../../transport/transport.ts";
import { FRAME } from "../../wire/frames.ts";
import { decodePresence } from "../../wire/presence.ts";
import { encodeAck, encodeCode } from "../../wire/stream-frames.ts";
import { PresenceService, type WatchOwner } from "./service.ts";

const LIMITS = { presenceWatches: 2, watches: 100, presenceQueueBytes: 16_384, presenceLogBytes: 65_536, presenceBytesPerSecond: 2 ** 30 };
const peer = (id: string, metadata = "") => ({ id, fingerprint: `sha256:${"0".repeat(64)}`, metadata });
const NO_DEFENCE = { count: () => undefined };
let owners = 0;
const newOwner = (network?: string): WatchOwner => {
	const id = `client-${owners++}`;
	return { poolKeys: network === undefined ? [id] : [id, `${network}.1`, network], whom: { id, address: "127.0.0.1" } };
};
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const lend = (): Lent => ({
	windows: fixedWindows(0),
	shares: new SendBudget({ connectionWindowBytes: 16 * 1_048_576, severalPeers: false }),
	acks: new AckSchedule(systemClock),
});

/** A stream whose other end reads when the test says so. */
class Far {
	/** What OPEN says. */
	readonly resume: { readonly limit: number; readonly messageBytes: number };
	units = 0;
	readonly words: string[] = [];
	readonly calls: string[] = [];
	queuedBytes = 0;
	handler: StreamHandler | undefined;

	constructor(limit = 2 ** 40) {
		this.resume = { limit, messageBytes: 0 };
	}

	readonly incoming = {
		accept: (handler: StreamHandler) => {
			this.handler = handler;
			const far = this;
			return {
				get queuedBytes() {
					return far.queuedBytes;
				},
				write: (kind, payload) => {
					if (kind === FRAME.BLOCKED) return this.calls.push("blocked");
					this.queuedBytes += payload.length + 4;
					if (kind === FRAME.CONTROL || kind === FRAME.END || kind === FRAME.RESET) this.units++;
					this.words.push(kind === FRAME.CONTROL ? this.#word(payload) : `kind ${kind}`);
					return this.queuedBytes;
				},
				writeUrgent: (kind, payload) => this.calls.push(kind === FRAME.ACK ? "ack" : `kind ${kind} of ${payload.length}`),
				finish: () => this.calls.push("finish"),
				reset: (code) => this.calls.push(`reset ${code}`),
				stop: (code) => this.calls.push(`stop ${code}`),
				consumed: () => undefined,
			} satisfies Partial<TransportStream & LegWire> as unknown as TransportStream;
		},
	} satisfies Partial<IncomingStream> as unknown as IncomingStream;

	drain(): void {
		this.queuedBytes = 0;
		this.handler?.drained();
	}

	/** Lets so much come in all. */
	allow(limit: number): void {
		this.handler?.frame(FRAME.ACK, encodeAck(this.units, limit));
	}

	/** Leaves. */
	leave(): void {
		this.handler?.frame(FRAME.STOP, encodeCode(0));
		this.handler?.frame(FRAME.END, new Uint8Array(0));
	}

	#word(payload: Uint8Array): string {
		const frame = decodePresence(payload);
		assert.ok(frame.ok);
		const { value } = frame;
		return value.type === "peers"
			? `${value.first ? "list" : "page"} ${value.peers.length}`
			: value.changes.map(({ type, peer: { id } }) => `${type} ${id}`).join(", ");
	}
}

test("presence service: what happens in one turn is one frame, told to everybody after it", async () => {
	const service = new PresenceService("e", LIMITS, lend, NO_DEFENCE);
	service.set(peer("a"));
	const [one, other] = [new Far(), new Far()];
	service.watch(newOwner(), one.incoming, one.resume);
	service.watch(newOwner(), other.incoming, other.resume);
	service.set(peer("b"));
	service.set(peer("b", "new"));
	service.delete("a");
	await turn();
	service.delete("nobody");
	await turn();
	for (const far of [one, other]) assert.deepEqual(far.words, ["list 1", "join b, update b, leave a"]);
});

test("presence service: it sends no more than a queue takes, and goes on when that has drained", async () => {
	const service = new PresenceService("e", LIMITS, lend, NO_DEFENCE);
	for (let i = 0; i < 100; i++) service.set(peer(`p${i}`, "x".repeat(1_000)));
	const far = new Far();
	service.watch(newOwner(), far.incoming, far.resume);
	for (let i = 0; i < 1_000; i++) {
		service.set(peer(`p${i % 100}`, "y".repeat(1_000)));
		if (i % 100 === 0) await turn();
	}
	await turn();
	assert.ok(far.queuedBytes <= LIMITS.presenceQueueBytes + 16_388);
	assert.ok(far.words.length <= 2);
	for (let before = 0; before < far.words.length; ) {
		before = far.words.length;
		far.drain();
		far.allow(2 ** 40);
	}
	// The first list was cut off by what was forgotten: another one, whole.
	assert.deepEqual(
		far.words.filter((word) => word.startsWith("list")),
		["list 14", "list 14"],
	);
	assert.equal(far.words.at(-1), "page 2");
});

test("presence service: it sends no more than the Client lets come, says so, and goes on when more may come", async () => {
	const service = new PresenceService("e", LIMITS, lend, NO_DEFENCE);
	for (let i = 0; i < 100; i++) service.set(peer(`p${i}`, "x".repeat(1_000)));
	const far = new Far(20_000);
	service.watch(newOwner(), far.incoming, far.resume);
	// What every stream may send at first is more: 65,536 bytes.
	for (let i = 0; i < 10; i++) {
		far.drain();
		far.allow(20_000);
	}
	assert.deepEqual(far.words, ["list 14", "page 14", "page 14", "page 14"]);
	assert.deepEqual(far.calls.slice(1), ["blocked"]);
	far.allow(80_000);
	assert.deepEqual(far.words.slice(4), ["page 14"]);
	far.allow(80_100);
	far.allow(80_000);
	assert.equal(far.words.length, 5);
	far.allow(2 ** 40);
	for (let i = 0; i < 10; i++) {
		far.drain();
		far.allow(2 ** 40);
	}
	assert.deepEqual(far.words.slice(5), ["page 14", "page 14", "page 2"]);
});

test("presence service: all watches of a Client together have no more on their way than one may have waiting, and each goes on", async () => {
	const service = new PresenceService("e", { ...LIMITS, presenceWatches: 8 }, lend, NO_DEFENCE);
	for (let i = 0; i < 100; i++) service.set(peer(`p${i}`, "x".repeat(1_000)));
	const [owner, other] = [newOwner(), newOwner()];
	const watches = Array.from({ length: 8 }, () => new Far());
	for (const far of watches) service.watch(owner, far.incoming, far.resume);
	const sentBytes = (): number => watches.reduce((sum, far) => sum + far.queuedBytes, 0);
	assert.ok(sentBytes() > 16_384 && sentBytes() <= LIMITS.presenceQueueBytes + 16_384 + 64, `${sentBytes()}`);
	// Another Client does not wait for this one.
	const free = new Far();
	service.watch(other, free.incoming, free.resume);
	assert.ok(free.words.length > 0);
	// Whoever acknowledges lets those go on that wait, until each has the whole list.
	for (let rounds = 0; watches.some((far) => far.words.at(-1) !== "page 2"); rounds++) {
		assert.ok(rounds < 200);
		for (const far of watches) {
			far.drain();
			far.allow(2 ** 40);
			assert.ok(sentBytes() <= LIMITS.presenceQueueBytes + 16_384 + 64, `${sentBytes()}`);
		}
	}
});

test("presence service: a watch is counted for its owner until it is over, however it ends", () => {
	const service = new PresenceService("e", LIMITS, lend, NO_DEFENCE);
	const owner = newOwner();
	const ends: ((far: Far) => void)[] = [
		(far) => far.handler?.reset(0),
		(far) => far.handler?.stopped(0),
		(far) => far.handler?.end(),
		(far) => far.handler?.frame(FRAME.DATA, new Uint8Array(1)),
		(far) => far.handler?.frame(FRAME.ACK, encodeAck(9, 0)),
		(far) => far.handler?.lost(new ConecError("CONNECTION_LOST", "lost")),
		(far) => far.leave(),
		(far) => far.handler?.frame(FRAME.STOP, encodeCode(0)),
	];
	for (const end of ends) {
		const [first, second, third] = [new Far(), new Far(), new Far()];
		for (const far of [first, second, third]) service.watch(owner, far.incoming, far.resume);
		assert.deepEqual(third.words, [`kind ${FRAME.REJECT}`]);
		assert.equal(service.watches, 2);
		first.handler?.frame(0x80, new Uint8Array(1));
		assert.equal(service.watches, 2);
		for (const far of [first, second]) {
			end(far);
			assert.equal(far.words.filter((word) => word === `kind ${FRAME.RESET}`).length, end === ends[6] || end === ends[7] ? 1 : 0);
			// Whatever comes after the end.
			far.handler?.reset(0);
			far.handler?.drained();
		}
		assert.equal(service.watches, 0);
	}
});

test("presence service: a Client that leaves has its place back before it hears so, and is told nothing more", async () => {
	const service = new PresenceService("e", { ...LIMITS, presenceWatches: 1 }, lend, NO_DEFENCE);
	const owner = newOwner();
	const first = new Far();
	service.watch(owner, first.incoming, first.resume);
	first.leave();
	assert.equal(first.words.at(-1), `kind ${FRAME.RESET}`);
	await turn();
	assert.deepEqual(first.calls.slice(1), ["ack", "finish"]);
	service.set(peer("a"));
	await turn();
	assert.equal(first.words.length, 2);
	first.allow(2 ** 40);
	first.handler?.end();
	// Streams of watches that were left may have frames that nobody reads. There cannot be any number of them.
	const taken: Far[] = [];
	for (; taken.length < 10; ) {
		const far = new Far();
		service.watch(owner, far.incoming, far.resume);
		if (far.words[0] === `kind ${FRAME.REJECT}`) break;
		taken.push(far);
		far.leave();
	}
	assert.equal(taken.length, 4);
	for (const far of taken) far.allow(2 ** 40);
	const last = new Far();
	service.watch(owner, last.incoming, last.resume);
	assert.deepEqual(last.words, ["list 1"]);
});

test("presence service: the end ends listeners of this process, and tells nobody anything more", async () => {
	const service = new PresenceService("e", LIMITS, lend, NO_DEFENCE);
	const far = new Far();
	service.watch(newOwner(), far.incoming, far.resume);
	const listener = service.listen();
	assert.deepEqual((await listener.next()).value, { type: "members", members: [], epoch: "e", seq: 0 });
	const pending = [listener.next(), listener.next()];
	service.set(peer("a"));
	assert.equal((await pending[0])?.value?.type, "join");
	service.set(peer("b"));
	service.end();
	assert.deepEqual(await pending[1], { done: true, value: undefined });
	assert.deepEqual(await service.listen().next(), { done: true, value: undefined });
	await turn();
	assert.deepEqual(far.words, ["list 0", "join a"]);
	assert.equal(service.watches, 0);
});

test("presence service: one network gets no more watches than leave some for others, and what is refused is counted", () => {
	const refused: unknown[] = [];
	const service = new PresenceService("e", LIMITS, lend, { count: (action, subject, whom) => refused.push([action, subject, whom.id]) });
	const watch = (owner: WatchOwner): string | undefined => {
		const far = new Far();
		service.watch(owner, far.incoming, far.resume);
		return far.words.find((word) => word.startsWith("kind"));
	};
	const flood = Array.from({ length: 200 }, () => newOwner("192.0.2"));
	for (const owner of flood) for (let i = 0; i < 2; i++) watch(owner);
	assert.equal(service.watches, 95);
	assert.deepEqual([refused.length, refused.at(-1)], [305, ["refused", "watch", flood.at(-1)?.whom.id]]);
	for (let i = 0; i < 5; i++) assert.equal(watch(newOwner(`198.51.${i}`)), undefined, `${i}`);
	assert.equal(service.watches, 100);
	service.end();
	assert.equal(service.watches, 0);
	assert.equal(watch(newOwner("192.0.2")), undefined, "all places are free again");
});
