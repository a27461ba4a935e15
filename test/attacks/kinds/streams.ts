/**
 * Attacks by streams of messages.
 *
 * @module
 */

import { RESET_CODES } from "../../../packages/conec/src/wire/codes.ts";
import { FRAME } from "../../../packages/conec/src/wire/frames.ts";
import { encodeResumable } from "../../../packages/conec/src/wire/stream-frames.ts";
import { type Army, sleep, turn, unlessOver } from "../army.ts";
import { handler, type RawClient, type RawMessages, RESUME } from "../raw-client.ts";
import type { Kind } from "./kind.ts";

const EMPTY = new Uint8Array();
const ONE = Uint8Array.of(1);
const MESSAGE = new Uint8Array(65_536);
/** What an empty message may add to what waits in QUIC. */
const QUEUE_BYTES = 131_072;
/** Streams that one key opens before it looks again. */
const AT_ONCE = 64;
/** `RESET_STREAM` with this code is what a Client sends that gives up opening. */
const { CANCELLED } = RESET_CODES;

/** Messages on so many streams of each key, within what the other side allows. */
function messages(army: Army, fields: object, streams: number, message: Uint8Array, reads: boolean = true): Promise<void> {
	const open: RawMessages[][] = [];
	return army.keepOn((client, index) => {
		const own = open[index] ?? [];
		open[index] = own;
		for (let i = 0; i < streams; i++) if (own[i]?.alive !== true) own[i] = client.messages(fields, reads);
		let sent = 0;
		for (const stream of own) if (stream.stream.queuedBytes < QUEUE_BYTES) sent += stream.send(message, message.length === 0 ? 256 : 4);
		return sent;
	});
}

/** Opens a stream and gives it up, again and again. */
function openAndReset(fields: (army: Army) => object, answered: boolean): Kind["attack"] {
	return (army) =>
		army.keepOnSettled((client) => {
			for (let i = 0; i < AT_ONCE; i++) {
				const stream = client.open(fields(army), {
					frame: () => {
						if (!answered) return;
						stream.reset(CANCELLED);
						stream.stop(CANCELLED);
					},
				});
				if (answered) continue;
				stream.reset(CANCELLED);
				stream.stop(CANCELLED);
			}
			return AT_ONCE;
		});
}

/** Opens so many streams of each key, and keeps them. What is rejected is opened again. */
async function hold(army: Army, fields: object, streams: number): Promise<void> {
	const open = (client: RawClient): void => {
		if (army.over || !client.alive) return;
		const again = (): void => void setTimeout(() => open(client), 50);
		army.acts += unlessOver(() => {
			client.open(fields, { frame: (kind) => kind === FRAME.REJECT && again(), reset: again });
			return 1;
		});
	};
	for (const client of army.clients) {
		for (let i = 0; i < streams && !army.over; i++) {
			if (client?.alive === true) open(client);
			if (i % 64 === 63) await turn();
		}
	}
	while (!army.over) await sleep(50);
}

/** The first key is an accomplice: what the others open to it stays without an answer, or is answered and never read. */
function accomplice(client: RawClient, answers: boolean): void {
	if (!answers) return;
	client.connection.onStream = (incoming) => {
		const stream = incoming.accept(handler(), {});
		// It allows as much as can be said, and reads nothing.
		stream.write(FRAME.RESUMABLE, encodeResumable({ received: 0, limit: 2 ** 50, forMs: 0, messageBytes: RESUME.messageBytes }));
	};
}

const enterAll = (army: Army): Promise<void> => army.enterAll();

export const STREAM_KINDS: readonly Kind[] = [
	{
		name: "coordinator-empty",
		does: "empty messages to the application of the Coordinator, which sends them back",
		holds: "connections take turns",
		prepare: enterAll,
		attack: (army) => messages(army, {}, 4, EMPTY),
	},
	{
		name: "client-bytes",
		does: "messages of one byte to the victim, proxied, 4 streams of each key",
		holds: "the victim's other streams take their turns",
		prepare: enterAll,
		attack: (army) => messages(army, { to: army.orders.victim }, 4, ONE),
	},
	{
		name: "open-reset",
		does: "streams to the Coordinator, reset at once",
		holds: "connections take turns",
		prepare: enterAll,
		attack: openAndReset(() => ({}), false),
	},
	{
		name: "open-reset-proxied",
		does: "streams to the victim, reset at once",
		holds: "the victim is reached by others",
		prepare: enterAll,
		attack: openAndReset((army) => ({ to: army.orders.victim }), false),
	},
	{
		name: "open-answer-reset",
		does: "streams to the victim from one /24, reset when they are answered",
		holds: "the victim is reached from elsewhere",
		world: { sources: "one /24" },
		prepare: enterAll,
		attack: openAndReset((army) => ({ to: army.orders.victim }), true),
	},
	{
		name: "open-nobody",
		does: "streams to a Client that is not there",
		holds: "connections take turns",
		prepare: enterAll,
		attack: openAndReset(() => ({ to: "nobody" }), true),
	},
	{
		name: "opens-unanswered",
		does: "1,024 streams of each key to an accomplice that answers none",
		holds: "they wait at the accomplice's places only",
		prepare: (army) => army.enterAll(),
		attack: (army) => hold(army, { to: army.clients[0]?.id }, 1_024),
	},
	{
		name: "silent-streams",
		does: "1,024 streams of each of 8 keys to the victim, on which nothing is said",
		holds: "others get a stream to the victim",
		world: { leastSeconds: 12 },
		prepare: async (army) => {
			await army.enterAll();
			army.clients.length = Math.min(army.clients.length, 8);
		},
		attack: (army) => hold(army, { to: army.orders.victim }, 1_024),
	},
	{
		name: "stopped-streams",
		does: "the Coordinator's application echoes 64 KiB messages on 128 streams of each key, which reads none",
		holds: "what waits is bounded, per Client and in sum",
		prepare: enterAll,
		attack: (army) => messages(army, {}, 128, MESSAGE, false),
	},
	{
		name: "stopped-accomplice",
		does: "64 KiB messages on 64 streams of each key to an accomplice that answers and reads none",
		holds: "the senders wait, and nobody else",
		prepare: (army) => army.enterAll((client, index) => accomplice(client, index === 0)),
		attack: (army) => pour(army, () => army.clients[0]?.id, 64),
	},
	{
		name: "frozen-connections",
		does: "64 KiB messages to 32 accomplices whose process is stopped: they acknowledge nothing",
		holds: "what waits for them is bounded, in sum",
		world: { frozenReaders: true },
		readers: async (army) => {
			await Promise.all(
				Array.from({ length: army.orders.keys }, async (_, index) => {
					const client = await army.enter(index, { id: `frozen-${index}` });
					if (client !== undefined) accomplice(client, true);
				}),
			);
		},
		prepare: enterAll,
		attack: (army) => pour(army, (index) => `frozen-${index}`, 4),
	},
	{
		name: "half-frames",
		does: "first frames that never end, on 128 streams of each key",
		holds: "16 KiB of each, for 5 s",
		prepare: enterAll,
		attack: async (army) => {
			const half = new Uint8Array(16_000);
			half.set([FRAME.OPEN, 0, 0x3f, 0xff]);
			const open = (client: RawClient): void => {
				if (army.over || !client.alive) return;
				// The Coordinator gives it up after 5 s, and there is room for another one.
				army.acts += unlessOver(() => {
					client.connection.openStream(handler({ reset: () => open(client) }), { mode: "bytes" }).write(0, half);
					return 1;
				});
			};
			for (const client of army.clients) for (let i = 0; i < 128; i++) open(client);
			while (!army.over) await sleep(50);
		},
	},
	{
		name: "slow-line",
		does: "64 KiB messages without a pause on 16 streams of one key to the victim, whose line carries 2 Mbit/s",
		holds: "another's stream to the victim gets its turn",
		world: { lineBytesPerSecond: 250_000 },
		prepare: async (army) => {
			await army.enterAll();
			army.clients.length = 1;
		},
		attack: (army) => messages(army, { to: army.orders.victim }, 16, MESSAGE),
	},
];

/** Messages without a pause, and without looking at what the other side allows in its frames: QUIC alone makes them wait. */
async function pour(army: Army, to: (index: number) => string | undefined, streams: number): Promise<void> {
	const open = army.clients.map((client, index) => Array.from({ length: streams }, () => client.open({ to: to(index) })));
	await army.keepOn((_, index) => {
		let sent = 0;
		for (const stream of open[index] ?? []) {
			if (stream.queuedBytes >= QUEUE_BYTES) continue;
			if (stream.write(FRAME.DATA, MESSAGE) >= 0) sent++;
		}
		return sent;
	});
}
