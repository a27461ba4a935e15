/**
 * The figures of streams: short ones, idle ones, many, far away, beside stalled ones, with priorities.
 *
 * @module
 */

import { type Entry, single } from "./entry.ts";
import { directChannels, idleClients, idleStreams } from "./subjects/costs.ts";
import { closeUnread, closeUnreadEcho, slowClient, stalled128 } from "./subjects/crowded.ts";
import { chatBesideFiles, farAnswer, farBulk } from "./subjects/far.ts";
import { leftByShortStreams, type Path, shortStreams, thousandAtOnce } from "./subjects/short-streams.ts";

const KIB = 1_024;
const MIB = 1_048_576;
/** Files beside the chat of the priority rows. */
const FILES = 64;

const PATHS: readonly Path[] = ["proxied", "direct"];

export const STREAM_ROWS: readonly Entry[] = [
	...PATHS.flatMap((path): Entry[] => [
		{
			name: `short-streams-${path}`,
			title: `${path} streams with one message each way, one after another`,
			unit: "streams/s",
			references: [],
			rounds: shortStreams(path, 1),
		},
		{
			name: `short-streams-${path}-256`,
			title: "the same, 256 at a time",
			unit: "streams/s",
			references: [],
			rounds: shortStreams(path, 256),
		},
	]),
	...PATHS.map(
		(path): Entry => ({
			name: `at-once-1000-${path}`,
			title: `1,000 ${path} streams opened at once, each with one message there and back: time, to that of 50 batches of 20`,
			unit: "share",
			references: [],
			target: { of: "value", relation: "<=", bound: 2 },
			once: async (context) => {
				const { atOnce, inBatches } = await thousandAtOnce(context, path);
				return single(atOnce / inBatches, { "seconds at once": atOnce, "seconds in batches": inBatches });
			},
		}),
	),
	{
		name: "short-streams-left-bytes",
		title: "100,000 proxied streams with one message each way: what they leave in the worst of the processes",
		unit: "bytes",
		references: [],
		target: { of: "value", relation: "<=", bound: 4 * MIB },
		once: async (context) => {
			const { rss, heap } = await leftByShortStreams(context);
			return single(rss, { heap });
		},
	},
	{
		name: "idle-pipe-bytes",
		title: "an idle proxied stream: what it costs the Coordinator",
		unit: "bytes",
		references: [],
		target: { of: "value", relation: "<=", bound: 12 * KIB },
		once: async (context) => {
			const { coordinator, opener, acceptor } = await idleStreams(context, "proxied");
			return single(coordinator, { opener, acceptor });
		},
	},
	{
		name: "idle-stream-bytes",
		title: "an idle direct stream: what it costs the worse of its ends",
		unit: "bytes",
		references: [],
		target: { of: "value", relation: "<=", bound: 4 * KIB },
		once: async (context) => {
			const { opener, acceptor } = await idleStreams(context, "direct");
			return single(Math.max(opener, acceptor), { opener, acceptor });
		},
	},
	{
		name: "idle-client-bytes",
		title: "an idle Client: what it costs the Coordinator",
		unit: "bytes",
		references: [],
		once: async (context) => single(await idleClients(context)),
	},
	{
		name: "direct-channels-64-bytes",
		title: "64 idle direct channels: what they cost the Client that has them",
		unit: "bytes",
		references: [],
		once: async (context) => {
			const { client, coordinator } = await directChannels(context);
			return single(client, { coordinator });
		},
	},
	{
		name: "far-bulk-64k",
		title: "MessageStream over 100 ms there and back, 64 KiB messages",
		unit: "MB/s",
		references: [],
		rounds: farBulk,
	},
	...[64, 256, 1_024].map(
		(size): Entry => ({
			name: size < 1_024 ? `far-answer-${size}k` : "far-answer-1m",
			title: `the same way: a message of ${size} KiB on a new stream until its short answer is here, p50`,
			unit: "ms",
			references: [],
			rounds: farAnswer(size * KIB),
		}),
	),
	{
		name: "far-answer-1m-parts",
		title: "the same for 1 MiB in 16 messages",
		unit: "ms",
		references: [],
		rounds: farAnswer(MIB, 16),
	},
	{
		name: "stalled-128-rate",
		title: "128 streams of a Client stalled, 64 of them of one pair: rate of another, to the rate without",
		unit: "share",
		references: [],
		target: { of: "value", relation: ">=", bound: 0.95 },
		once: async (context) => single((await stalled128(context)).rate),
	},
	{
		name: "stalled-128-question",
		title: "the same: a question to the Coordinator, to the time without, p50",
		unit: "share",
		references: [],
		target: { of: "value", relation: "<=", bound: 2 },
		once: async (context) => single((await stalled128(context)).questions),
	},
	{
		name: "slow-client-256-rate",
		title: "256 streams to a Client behind 1 Mbit/s: rate of two others, to the rate without",
		unit: "share",
		references: [],
		target: { of: "value", relation: ">=", bound: 0.95 },
		once: async (context) => single((await slowClient(context)).rate),
	},
	{
		name: "slow-client-256-rss-growth",
		title: "the same: growth of the Coordinator",
		unit: "bytes",
		references: [],
		once: async (context) => single((await slowClient(context)).growth),
	},
	...PATHS.map(
		(path): Entry => ({
			name: `close-unread-${path}`,
			title: `${path}: \`close\` to a peer whose 64 MiB of answers nobody reads`,
			unit: "ms",
			references: [],
			once: async (context) => single(await closeUnread(context, path)),
		}),
	),
	{
		name: "close-unread-echo",
		title: "direct: `close` to an echo whose answers were unread, from the first read on",
		unit: "ms",
		references: [],
		once: async (context) => single((await closeUnreadEcho(context, "direct")).ms),
	},
	{
		name: "close-unread-echo-bytes",
		title: "the same: what the writer got rid of before it had to wait",
		unit: "bytes",
		references: [],
		once: async (context) => single((await closeUnreadEcho(context, "direct")).bytes),
	},
	{
		name: "chat-beside-files",
		title: `round trip of 64 B beside ${FILES} files over 20 Mbit/s and 10 ms, p99`,
		unit: "ms",
		references: [],
		rounds: chatBesideFiles({}, FILES),
	},
	{
		name: "chat-beside-files-ahead",
		title: "the same, the chat with `priority: 10`",
		unit: "ms",
		references: ["chat-beside-files"],
		rounds: chatBesideFiles({ chatPriority: 10 }, FILES),
	},
	{
		name: "chat-beside-files-behind",
		title: "the same, the files with `priority: -10`",
		unit: "ms",
		references: ["chat-beside-files"],
		rounds: chatBesideFiles({ filePriority: -10 }, FILES),
	},
];
