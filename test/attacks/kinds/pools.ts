/**
 * Attacks on what all share: places, names, watches, leases, attempts, and an id that somebody has.
 *
 * @module
 */

import { RESET_CODES } from "../../../packages/conec/src/wire/codes.ts";
import { FRAME } from "../../../packages/conec/src/wire/frames.ts";
import { type Army, sleep } from "../army.ts";
import { RawClient, RESUME } from "../raw-client.ts";
import type { Kind } from "./kind.ts";

const { CANCELLED } = RESET_CODES;
const EMPTY = new Uint8Array();
let numbers = 0;

/** Of streams whose reader has no limit of its own. */
const UNLIMITED = { limit: 2 ** 50, messageBytes: RESUME.messageBytes };
const WATCH = { watch: "peers", resume: UNLIMITED };
const broadcast = (name: string): object => ({
	broadcast: { name, mode: "both", slowReader: "drop-oldest", bufferBytes: 65_536 },
	resume: UNLIMITED,
});
const enterAll = (army: Army): Promise<void> => army.enterAll();
const until = async (army: Army): Promise<void> => {
	while (!army.over) await sleep(50);
};

/** Opens a stream of broadcasts or watches, and resets it on its first answer. */
function openAndDrop(fields: (client: RawClient) => object, each: number): Kind["attack"] {
	return (army) =>
		army.keepOnSettled((client) => {
			for (let i = 0; i < each; i++) {
				const stream = client.open(fields(client), {
					frame: (kind) => {
						if (kind === FRAME.RESUMABLE) return;
						stream.reset(CANCELLED);
						stream.stop(CANCELLED);
					},
				});
			}
			return each;
		});
}

export const POOL_KINDS: readonly Kind[] = [
	{
		name: "joins",
		does: "joins of the broadcast `news`, in which the bystanders are, left at once",
		holds: "1,200 joinings a minute of one Client; members hear each other",
		prepare: enterAll,
		attack: openAndDrop(() => broadcast("news"), 8),
	},
	{
		name: "joins-new-names",
		does: "joins of broadcasts with new names, left at once",
		holds: "the same",
		prepare: enterAll,
		attack: openAndDrop(() => broadcast(`room-${process.pid}-${numbers++}`), 8),
	},
	{
		name: "stopped-members",
		does: "members of `news` that never read",
		holds: "nobody waits for them for long",
		prepare: enterAll,
		attack: async (army) => {
			for (const client of army.clients) for (let i = 0; i < 16; i++) client.open(broadcast("news"));
			army.acts += army.clients.length * 16;
			await until(army);
		},
	},
	{
		name: "watches",
		does: "watches of the peers, dropped at the first page",
		holds: "connections take turns",
		prepare: enterAll,
		attack: openAndDrop(() => WATCH, 4),
	},
	{
		name: "stopped-watches",
		does: "8 watches of each key that nobody reads, and changes of metadata",
		holds: "64 KiB and 16 KiB of each at the Coordinator",
		prepare: enterAll,
		attack: (army) => updates(army, false),
	},
	{
		name: "updates",
		does: "8 watches of each key, all read, and 60 changes of 1 KB of metadata a minute by each key",
		holds: "presence has a budget",
		prepare: enterAll,
		attack: (army) => updates(army, true),
	},
	{
		name: "places",
		does: "connects of new keys from one /24, which stay, until all places are taken (300 here)",
		holds: "an honest newcomer gets a place",
		world: { limits: { clients: 300 }, sources: "one /24", leastSeconds: 10 },
		attack: (army) =>
			army.inParallel(16, async (number) => {
				const client = await army.enter(number, { fresh: true });
				if (client === undefined) await sleep(10);
			}),
	},
	{
		name: "broadcast-names",
		does: "32 broadcasts of each key from one /24, until all names are taken (200 here)",
		holds: "an honest Client from elsewhere begins a broadcast",
		world: { limits: { broadcasts: 200 }, sources: "one /24" },
		prepare: enterAll,
		attack: async (army) => {
			for (const client of army.clients) for (let i = 0; i < 32; i++) client.open(broadcast(`taken-${process.pid}-${numbers++}`));
			army.acts += army.clients.length * 32;
			await until(army);
		},
	},
	{
		name: "attempts",
		does: "16 requests of each key for a channel to the victim, which are never reported",
		holds: "an honest Client gets a channel to the victim",
		world: { leastSeconds: 12 },
		prepare: enterAll,
		attack: async (army) => {
			const offer = { hosts: [], nat: { mapping: "unknown", filtering: "unknown" }, punch: true, birthday: false };
			while (!army.over) {
				for (const client of army.clients) {
					if (client?.alive !== true) continue;
					for (let i = 0; i < 16; i++)
						client.say(JSON.stringify({ type: "channel-request", request: ++numbers, peer: army.orders.victim, ...offer, auto: false }));
					army.acts += 16;
				}
				await sleep(500);
			}
		},
	},
	{
		name: "id-theft",
		does: "8 keys send empty messages on 16 streams each to the victim, and another asks for its id again and again",
		holds: "the victim keeps its id and its connection",
		prepare: enterAll,
		attack: async (army) => {
			const flooders = army.clients.slice(0, Math.max(8, army.orders.keys - 1));
			const streams = flooders.map((client) => Array.from({ length: 16 }, () => client.messages({ to: army.orders.victim })));
			const thief = async (): Promise<void> => {
				while (!army.over) {
					const connection = await army.dial(army.orders.keys - 1);
					await sleep(50);
					if (connection === undefined) continue;
					const entered = await RawClient.enter(connection, army.orders.victim, false).catch(() => undefined);
					if (entered?.answer === "welcome") army.gained++;
					connection.close(0);
				}
			};
			await Promise.all([
				thief(),
				army.keepOn((_, index) =>
					(streams[index] ?? []).reduce((sent, stream) => sent + (stream.stream.queuedBytes < 65_536 ? stream.send(EMPTY, 256) : 0), 0),
				),
			]);
		},
	},
	{
		name: "leases",
		does: "new kept keys with new names from 200 IPv6 networks, which leave at once, until all leases are taken (100 here)",
		holds: "an honest kept key keeps its name while it is away",
		world: { limits: { leases: 100 }, sources: "many IPv6 networks", leastSeconds: 10 },
		attack: (army) =>
			army.inParallel(16, async (number) => {
				const client = await army.enter(number, { fresh: true, kept: true });
				client?.connection.close(0);
			}),
	},
];

/** Watches that are read or not, and as many changes of metadata as are allowed, each with 1 KB. */
async function updates(army: Army, read: boolean): Promise<void> {
	const consume = (client: RawClient): void => {
		for (let i = 0; i < 8; i++) {
			const stream = client.open(WATCH, { frame: (_, payload) => void (read && stream.consumed(payload.length)) });
		}
	};
	for (const client of army.clients) consume(client);
	const filling = "x".repeat(980);
	while (!army.over) {
		for (const client of army.clients) {
			if (client?.alive !== true) continue;
			client.say(JSON.stringify({ type: "metadata", request: ++numbers, metadata: { n: numbers, filling } }));
			army.acts++;
		}
		// A burst of 60, and then one a second, is what the limit lets pass.
		await sleep(numbers < 60 * army.orders.keys ? 1 : 1_000);
	}
}
