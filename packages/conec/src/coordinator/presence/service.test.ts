import assert from "node:assert/strict";
import { test } from "node:test";
import type { IncomingStream, StreamHandler, TransportStream } from "../../transport/transport.ts";
import { FRAME } from "../../wire/frames.ts";
import { decodePresence } from "../../wire/presence.ts";
import { PresenceService } from "./service.ts";

const LIMITS = { presenceWatches: 2, presenceQueueBytes: 16_384, presenceLogBytes: 65_536 };
const peer = (id: string, metadata = "") => ({ id, fingerprint: `sha256:${"0".repeat(64)}`, metadata });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A stream whose other end reads when the test says so. */
class Far {
	readonly words: string[] = [];
	readonly calls: string[] = [];
	queuedBytes = 0;
	handler: StreamHandler | undefined;

	readonly incoming = {
		accept: (handler: StreamHandler) => {
			this.handler = handler;
			const far = this;
			return {
				get queuedBytes() {
					return far.queuedBytes;
				},
				write: (kind, payload) => {
					this.queuedBytes += payload.length + 4;
					this.words.push(kind === FRAME.CONTROL ? this.#word(payload) : `kind ${kind}`);
					return this.queuedBytes;
				},
				finish: () => this.calls.push("finish"),
				reset: (code) => this.calls.push(`reset ${code}`),
				stop: (code) => this.calls.push(`stop ${code}`),
				consumed: () => undefined,
			} satisfies Partial<TransportStream> as unknown as TransportStream;
		},
	} satisfies Partial<IncomingStream> as unknown as IncomingStream;

	drain(): void {
		this.queuedBytes = 0;
		this.handler?.drained();
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
	const service = new PresenceService("e", LIMITS);
	service.set(peer("a"));
	const [one, other] = [new Far(), new Far()];
	service.watch({}, one.incoming);
	service.watch({}, other.incoming);
	service.set(peer("b"));
	service.set(peer("b", "new"));
	service.delete("a");
	await turn();
	service.delete("nobody");
	await turn();
	for (const far of [one, other]) assert.deepEqual(far.words, [`kind ${FRAME.ACCEPT}`, "list 1", "join b, update b, leave a"]);
});

test("presence service: it sends no more than a queue takes, and goes on when that has drained", async () => {
	const service = new PresenceService("e", LIMITS);
	for (let i = 0; i < 100; i++) service.set(peer(`p${i}`, "x".repeat(1_000)));
	const far = new Far();
	service.watch({}, far.incoming);
	for (let i = 0; i < 1_000; i++) {
		service.set(peer(`p${i % 100}`, "y".repeat(1_000)));
		if (i % 100 === 0) await turn();
	}
	await turn();
	assert.ok(far.queuedBytes <= LIMITS.presenceQueueBytes + 16_388);
	assert.ok(far.words.length <= 3);
	for (let before = 0; before < far.words.length; ) {
		before = far.words.length;
		far.drain();
	}
	// The first list was cut off by what was forgotten: another one, whole.
	assert.deepEqual(
		far.words.filter((word) => word.startsWith("list")),
		["list 14", "list 14"],
	);
	assert.equal(far.words.at(-1), "page 2");
});

test("presence service: a watch is counted for its owner until it is over, however it ends", () => {
	const service = new PresenceService("e", LIMITS);
	const owner = {};
	const ends: ((handler: StreamHandler | undefined) => void)[] = [
		(handler) => handler?.reset(0),
		(handler) => handler?.stopped(0),
		(handler) => handler?.end(),
		(handler) => handler?.frame(FRAME.DATA, new Uint8Array(1)),
		(handler) => handler?.lost(new Error("lost") as never),
	];
	for (const end of ends) {
		const [first, second, third] = [new Far(), new Far(), new Far()];
		for (const far of [first, second, third]) service.watch(owner, far.incoming);
		assert.deepEqual(third.words, [`kind ${FRAME.REJECT}`]);
		assert.equal(service.watches, 2);
		first.handler?.frame(0x80, new Uint8Array(1));
		assert.equal(service.watches, 2);
		for (const far of [first, second]) {
			end(far.handler);
			// Whatever comes after the end.
			far.handler?.reset(0);
			far.handler?.drained();
		}
		assert.equal(service.watches, 0);
	}
});

test("presence service: a Client that leaves by FIN is answered by FIN, and its place is free by then", async () => {
	const service = new PresenceService("e", { ...LIMITS, presenceWatches: 1 });
	const owner = {};
	const first = new Far();
	service.watch(owner, first.incoming);
	first.drain();
	first.handler?.end();
	assert.deepEqual(first.calls, ["finish"]);
	const second = new Far();
	service.watch(owner, second.incoming);
	assert.deepEqual(second.words, [`kind ${FRAME.ACCEPT}`, "list 0"]);
	service.set(peer("a"));
	await turn();
	assert.equal(first.words.length, 2, "one that has left is told nothing more");
	// Frames wait that nobody reads: they are not kept.
	second.handler?.end();
	assert.deepEqual([second.calls, service.watches], [["reset 0"], 0]);
});

test("presence service: the end ends listeners of this process, and tells nobody anything more", async () => {
	const service = new PresenceService("e", LIMITS);
	const far = new Far();
	service.watch({}, far.incoming);
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
	assert.deepEqual(far.words.slice(1), ["list 0", "join a"]);
	assert.equal(service.watches, 0);
});
