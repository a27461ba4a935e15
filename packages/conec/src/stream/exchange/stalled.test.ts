import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import type { Clock } from "../../base/clock.ts";
import type { StreamHandler } from "../../transport/transport.ts";
import { NOTHING_KEPT, ONE_LEG } from "../lent.ts";
import { AckSchedule, type AckSlots, ReceiveBudget, type ReceiveWindows, SendBudget, type SendShares } from "../windows/index.ts";
import { Exchange } from "./exchange.ts";
import type { LegWire } from "./seams.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** One process and one connection of it. */
interface Process {
	readonly windows: ReceiveWindows;
	readonly shares: SendShares;
	readonly acks: AckSlots;
}

function processOf(clock: Clock, severalPeers: boolean): Process & { readonly budget: SendBudget } {
	const limits = { receiveBytes: 256 * MiB, streamWindowBytes: 2 * MiB, messageBytes: MiB };
	const budget = new SendBudget({ connectionWindowBytes: 16 * MiB, severalPeers });
	return { windows: new ReceiveBudget(limits, () => clock.now()), shares: budget, budget, acks: new AckSchedule(clock) };
}

/** A stream: messages of one length go forth, and come at once; what is written back waits for {@link hear}. */
class Stream {
	/** Everything that was asked of the windows and written, in order. */
	readonly acts: string[] = [];
	readonly #opener: Exchange;
	readonly #acceptor: Exchange;
	readonly #forth: [number, Uint8Array][] = [];
	readonly #back: [number, Uint8Array][] = [];
	readonly #unread: Uint8Array[] = [];
	readonly #message: Uint8Array;
	#openerLeg!: StreamHandler;
	#acceptorLeg!: StreamHandler;

	constructor(clock: Clock, [writer, reader]: readonly [Process, Process], peer: string, messageBytes: number) {
		this.#message = new Uint8Array(messageBytes);
		this.#opener = this.#end("opener", clock, writer, peer);
		this.#acceptor = this.#end("acceptor", clock, reader, "alice");
		const open = this.#opener.openResume;
		this.#opener.open((leg) => {
			this.#openerLeg = leg;
			return { wire: this.#wire(this.#forth, "forth"), shares: this.#watched(writer.shares), acks: writer.acks };
		}, 10_000);
		this.#acceptor.accept(
			(leg) => {
				this.#acceptorLeg = leg;
				return { wire: this.#wire(this.#back, "back"), shares: reader.shares, acks: reader.acks };
			},
			{ limit: open.limit, messageBytes: MiB },
		);
	}

	#end(role: "opener" | "acceptor", clock: Clock, { windows }: Process, identity: string): Exchange {
		const nothing = (): void => undefined;
		return new Exchange(
			role,
			{
				...{ subject: { peer: identity, describe: role, lostCode: "PEER_LOST" }, identity, windows, kept: NOTHING_KEPT },
				...{ messageBytes: MiB, highWaterBytes: 512 * KiB, now: () => clock.now(), fraction: () => 0 },
			},
			{
				receiving: { waiting: true, push: (message) => void this.#unread.push(message), finish: nothing, discard: nothing },
				sending: { drained: () => this.acts.push("drained"), end: nothing, fail: (error) => assert.fail(error) },
				...{ wakeAt: nothing, opened: nothing, refused: nothing, acknowledged: nothing, unacknowledged: nothing, over: nothing, ...ONE_LEG },
			},
		);
	}

	#wire(queue: [number, Uint8Array][], way: string): LegWire {
		const write = (kind: number, payload: Uint8Array): number => {
			this.acts.push(`${way} ${kind}`);
			return queue.push([kind, payload]);
		};
		const nothing = (): void => undefined;
		return { write, writeFrames: () => assert.fail(), queuedBytes: 0, finish: nothing, reset: nothing, stop: nothing, consumed: nothing };
	}

	/** The same shares, and it is noted when one is refused and when its turn comes. */
	#watched(shares: SendShares): SendShares {
		return {
			open: (peer, early, room, priority) => {
				const share = shares.open(
					peer,
					early,
					() => {
						this.acts.push("turn");
						room();
					},
					priority,
				);
				const { admits } = share;
				share.admits = (cost) => {
					const admitted = admits.call(share, cost);
					this.acts.push(admitted ? "admitted" : "refused");
					return admitted;
				};
				return share;
			},
		};
	}

	/** Writes until it has to wait. */
	write(): void {
		while (this.#opener.write(this.#message) >= 0) this.#deliver();
		this.#deliver();
	}

	#deliver(): void {
		for (let frame = this.#forth.shift(); frame !== undefined; frame = this.#forth.shift()) this.#acceptorLeg.frame(...frame);
	}

	/** The writer hears what the reader has said. */
	hear(): void {
		for (let frame = this.#back.shift(); frame !== undefined; frame = this.#back.shift()) this.#openerLeg.frame(...frame);
	}

	/** The reader takes everything. Gives the number of messages. */
	take(): number {
		const messages = this.#unread.splice(0);
		for (const message of messages) this.#acceptor.consumed(message);
		return messages.length;
	}
}

/** What a stream to Bob does, beside streams that nobody reads. 60 of them are to Bob, too: a few more, and windows are smaller (see `IdentityShare.windowFor`). */
async function live(messageBytes: number, stalledCount: number): Promise<readonly string[]> {
	const clock = createVirtualClock();
	const [writer, bob, dave] = [processOf(clock, true), processOf(clock, true), processOf(clock, true)];
	const stalled = Array.from({ length: stalledCount }, (_, index) =>
		index < 60 ? new Stream(clock, [writer, bob], "bob", 64 * KiB) : new Stream(clock, [writer, dave], "dave", 64 * KiB),
	);
	for (let turn = 0; turn < 20; turn++) {
		for (const stream of stalled) stream.write();
		await clock.advance(25);
		for (const stream of stalled) stream.hear();
	}
	assert.equal(writer.budget.onItsWayBytes, 0, "what nobody reads is in the readers' processes, and not on its way");
	for (const { acts } of stalled) {
		assert.ok(acts.includes("forth 22"), "it has asked for more");
		acts.length = 0;
	}
	const stream = new Stream(clock, [writer, bob], "bob", messageBytes);
	let messages = 0;
	for (let turn = 0; turn < 60; turn++) {
		stream.write();
		messages += stream.take();
		await clock.advance(1);
		stream.hear();
	}
	assert.ok(messages * messageBytes > 20 * MiB, `${messages} messages`);
	for (const { acts } of stalled) assert.deepEqual(acts, [], "nothing is done for one that stands still");
	return stream.acts;
}

for (const messageBytes of [64 * KiB, 4 * KiB]) {
	test(`stalled: messages of ${messageBytes} bytes wait for nothing and cost nothing more beside 128 streams that nobody reads`, async () => {
		const [alone, beside] = [await live(messageBytes, 0), await live(messageBytes, 128)];
		assert.equal(alone.includes("turn"), false, "the connection has room for one stream");
		assert.deepEqual(beside, alone);
	});
}
