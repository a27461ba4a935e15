/**
 * Every figure of the benchmark, what it is compared with and what it has to reach. The table is in this order.
 *
 * @module
 */

import { type Entry, single } from "./entry.ts";
import type { Measured } from "./results.ts";
import { STREAM_ROWS } from "./stream-rows.ts";
import { broadcast, broadcastTime, frozenReader, join1000, proxyTime } from "./subjects/broadcast.ts";
import { type Churn, churn, connect1000, coordinatorUtilization, pausedReader, stalledStreams, stoppedNonBlocking } from "./subjects/checks.ts";
import { file1GiB, files10k } from "./subjects/command-line.ts";
import {
	connect,
	connectCa,
	connectClose,
	connectEphemeral,
	proxyBulk,
	proxyRtt,
	proxySmall,
	streamBulk,
	streamBulkResumable,
	streamSmall,
	streamSmallBatches,
	streamSmallResumable,
	typedJson,
} from "./subjects/conec.ts";
import { directBulk, directOpen, directRtt } from "./subjects/direct.ts";
import { natsBroadcast, natsTime } from "./subjects/nats.ts";
import { tlsBulk, tlsConnect, tlsPaused, tlsRtt, tlsSmall } from "./subjects/node-tls.ts";
import { quicBulk, quicPaused, quicRtt, quicSmall } from "./subjects/quic.ts";
import { rawBulk, rawConnect, rawPaused, rawRtt, rawSmall } from "./subjects/raw-quinn.ts";
import type { Subject } from "./subjects/subject.ts";

const TO_100 = { name: "1-100-100", members: 100, size: 100 };
const TO_10 = { name: "1-10-1k", members: 10, size: 1_024 };

/** Subjects that are only compared with. A reference may also be an entry. */
export const REFERENCES: Readonly<Record<string, Subject>> = {
	"raw-quinn-bulk-64k": rawBulk(65_536),
	"raw-quinn-bulk-1k": rawBulk(1_024),
	"raw-quinn-small-64": rawSmall(64),
	"raw-quinn-rtt-64": rawRtt,
	"raw-quinn-connect": rawConnect,
	"raw-quinn-paused": rawPaused,
	"node-tls-bulk-64k": tlsBulk(65_536),
	"node-tls-bulk-1k": tlsBulk(1_024),
	"node-tls-small-64": tlsSmall(64),
	"node-tls-rtt-64": tlsRtt,
	"node-tls-connect": tlsConnect,
	"node-tls-paused": tlsPaused,
	"nats-1-100-100": natsBroadcast(TO_100),
	"nats-1-10-1k": natsBroadcast(TO_10),
	"nats-time": natsTime,
	"proxy-time": proxyTime,
};

const MIB = 1_048_576;

export const CATALOGUE: readonly Entry[] = [
	{
		name: "quic-bulk-64k",
		title: "@conec/quic, 64 KiB messages to a callback",
		unit: "MB/s",
		references: ["raw-quinn-bulk-64k", "node-tls-bulk-64k"],
		target: { of: "ratio", relation: ">=", bound: 0.6 },
		rounds: quicBulk(65_536),
	},
	{
		name: "quic-bulk-1k",
		title: "@conec/quic, 1 KiB messages to a callback",
		unit: "MB/s",
		references: ["raw-quinn-bulk-1k", "node-tls-bulk-1k"],
		rounds: quicBulk(1_024),
	},
	{
		name: "quic-small-64",
		title: "@conec/quic, 64 B messages to a callback",
		unit: "messages/s",
		references: ["raw-quinn-small-64", "node-tls-small-64"],
		target: { of: "value", relation: ">=", bound: 3_000_000 },
		rounds: quicSmall(64),
	},
	{
		name: "stream-small-64",
		title: "MessageStream, 64 B messages to `for await`",
		unit: "messages/s",
		references: ["quic-small-64", "node-tls-small-64"],
		target: { of: "value", relation: ">=", bound: 1_000_000 },
		rounds: streamSmall,
	},
	{
		name: "stream-small-64-batches",
		title: "MessageStream, 64 B messages to `for await` over `batches()`",
		unit: "messages/s",
		references: ["stream-small-64"],
		rounds: streamSmallBatches,
	},
	{
		name: "stream-bulk-64k",
		title: "MessageStream, 64 KiB messages to `for await`",
		unit: "MB/s",
		references: ["quic-bulk-64k", "node-tls-bulk-64k"],
		rounds: streamBulk,
	},
	{
		name: "stream-small-64-resumable",
		title: "resumable MessageStream, 64 B messages to `for await`",
		unit: "messages/s",
		references: ["stream-small-64"],
		target: { of: "ratio", relation: ">=", bound: 0.88 },
		rounds: streamSmallResumable,
	},
	{
		name: "stream-bulk-64k-resumable",
		title: "resumable MessageStream, 64 KiB messages to `for await`",
		unit: "MB/s",
		references: ["stream-bulk-64k"],
		target: { of: "ratio", relation: ">=", bound: 0.95 },
		rounds: streamBulkResumable,
	},
	{
		name: "typed-json-100",
		title: "typed MessageStream, objects of 100 B as JSON to `for await`",
		unit: "messages/s",
		references: ["stream-small-64"],
		target: { of: "value", relation: ">=", bound: 400_000 },
		rounds: typedJson,
	},
	{
		name: "quic-rtt-64",
		title: "@conec/quic, round trip of 64 B, p50",
		unit: "us",
		references: ["raw-quinn-rtt-64", "node-tls-rtt-64"],
		target: { of: "ratio", relation: "<=", bound: 1.6 },
		rounds: quicRtt,
	},
	{
		name: "proxy-bulk-64k",
		title: "proxied MessageStream, 64 KiB messages",
		unit: "MB/s",
		references: ["quic-bulk-64k", "node-tls-bulk-64k"],
		target: { of: "ratio", relation: ">=", bound: 0.3 },
		rounds: proxyBulk,
	},
	{
		name: "proxy-small-64",
		title: "proxied MessageStream, 64 B messages",
		unit: "messages/s",
		references: ["quic-small-64", "node-tls-small-64"],
		target: { of: "value", relation: ">=", bound: 2_000_000 },
		rounds: proxySmall,
	},
	{
		name: "proxy-rtt-64",
		title: "proxied MessageStream, round trip of 64 B, p50",
		unit: "us",
		references: ["quic-rtt-64", "node-tls-rtt-64"],
		rounds: proxyRtt,
	},
	{
		name: "direct-bulk-64k",
		title: "direct MessageStream, 64 KiB messages",
		unit: "MB/s",
		references: ["quic-bulk-64k", "node-tls-bulk-64k"],
		target: { of: "ratio", relation: ">=", bound: 0.9 },
		rounds: directBulk,
	},
	{
		name: "direct-rtt-64",
		title: "direct MessageStream, round trip of 64 B, p50",
		unit: "us",
		references: ["quic-rtt-64", "node-tls-rtt-64"],
		rounds: directRtt,
	},
	{
		name: "direct-open",
		title: "Client.openChannel until the direct channel is open, p50",
		unit: "ms",
		references: ["connect"],
		rounds: directOpen,
	},
	{
		name: "broadcast-1-100-100",
		title: "broadcast of 100 B messages to 100 Clients: deliveries",
		unit: "messages/s",
		references: ["nats-1-100-100"],
		target: { of: "value", relation: ">=", bound: 300_000 },
		rounds: broadcast(TO_100),
	},
	{
		name: "broadcast-1-10-1k",
		title: "broadcast of 1 KiB messages to 10 Clients: deliveries",
		unit: "messages/s",
		references: ["nats-1-10-1k"],
		target: { of: "value", relation: ">=", bound: 200_000 },
		rounds: broadcast(TO_10),
	},
	{
		name: "broadcast-rtt",
		title: "broadcast of 1,000 messages a second, publish to delivery, p50",
		unit: "us",
		references: ["proxy-rtt-64", "proxy-time", "nats-time"],
		target: { of: "ratio", relation: "<=", bound: 2 },
		rounds: broadcastTime,
	},
	{
		name: "connect",
		title: "Client.connect until welcome, by pin, p50",
		unit: "ms",
		references: ["raw-quinn-connect", "node-tls-connect"],
		target: { of: "value", relation: "<=", bound: 10 },
		rounds: connect,
	},
	{
		name: "connect-ca",
		title: "the same in CA mode: each checks the other's certificate of an authority, p50",
		unit: "ms",
		references: ["connect", "node-tls-connect"],
		target: { of: "value", relation: "<=", bound: 15 },
		rounds: connectCa,
	},
	{
		name: "connect-ephemeral",
		title: "by pin, making its own identity first, p50",
		unit: "ms",
		references: ["raw-quinn-connect", "node-tls-connect"],
		rounds: connectEphemeral,
	},
	{
		name: "connect-close",
		title: "Client.connect and close, by pin, one after another, p50 of both together",
		unit: "ms",
		references: ["connect"],
		target: { of: "value", relation: "<=", bound: 15 },
		rounds: connectClose,
	},
	{
		name: "connect-1000",
		title: "1,000 Clients of one address and process connect at once: until the last one is",
		unit: "s",
		references: [],
		target: { of: "value", relation: "<=", bound: 10 },
		once: async (context) => {
			const { seconds, p50 } = await connect1000(context);
			return { rounds: [seconds], details: { p50 } };
		},
	},
	{
		name: "broadcast-join-1000",
		title: "1,000 connected Clients join one broadcast at once: until the last one has",
		unit: "s",
		references: [],
		target: { of: "value", relation: "<=", bound: 5 },
		once: async (context) => {
			const { seconds, p50 } = await join1000(context);
			return { rounds: [seconds], details: { p50 } };
		},
	},
	{
		name: "broadcast-frozen-1-of-100",
		title: "one member of a hundred is frozen: deliveries to the others, to those without it",
		unit: "share",
		references: [],
		target: { of: "value", relation: ">=", bound: 0.95 },
		once: async (context) => single((await frozenReader(context)).share),
	},
	{
		name: "broadcast-frozen-rss-growth",
		title: "the same: growth of the Coordinator",
		unit: "bytes",
		references: [],
		target: { of: "value", relation: "<=", bound: 16_000_000 },
		once: async (context) => single((await frozenReader(context)).growth),
	},
	{
		name: "broadcast-frozen-unreported",
		title: "the same: messages that the frozen member missed and was not told of, or was told of wrongly",
		unit: "count",
		references: [],
		target: { of: "value", relation: "<=", bound: 0 },
		once: async (context) => {
			const { unreported, lost } = await frozenReader(context);
			return { rounds: [unreported], details: { "told of": lost } };
		},
	},
	{
		name: "proxy-coordinator-elu",
		title: "event-loop utilisation of the Coordinator while it pipes",
		unit: "share",
		references: [],
		target: { of: "value", relation: "<=", bound: 0.02 },
		once: async (context) => single(await coordinatorUtilization(context)),
	},
	{
		name: "paused-reader-bytes",
		title: "proxied, reader stops: bytes that the writer got rid of",
		unit: "bytes",
		references: ["raw-quinn-paused", "node-tls-paused"],
		target: { of: "value", relation: "<=", bound: 3 * MIB },
		once: async (context) => single((await pausedReader(context)).bytes),
	},
	{
		name: "paused-reader-rss-growth",
		title: "the same: largest growth of a process",
		unit: "bytes",
		references: [],
		target: { of: "value", relation: "<=", bound: 32_000_000 },
		once: async (context) => single((await pausedReader(context)).growth),
	},
	{
		name: "paused-reader-direct-bytes",
		title: "@conec/quic direct, reader stops: bytes that the writer got rid of",
		unit: "bytes",
		references: ["raw-quinn-paused", "node-tls-paused"],
		target: { of: "value", relation: "<=", bound: 3 * MIB },
		once: async (context) => single(await quicPaused(context)),
	},
	{
		name: "nonblocking-stopped",
		title: "reader behind `nonBlocking` stops: rate of its sender, to the rate with one that runs",
		unit: "share",
		references: [],
		target: { of: "value", relation: ">=", bound: 0.8 },
		once: async (context) => single((await stoppedNonBlocking(context)).rate),
	},
	{
		name: "nonblocking-stopped-rss-growth",
		title: "the same: growth of the receiver",
		unit: "bytes",
		references: [],
		target: { of: "value", relation: "<=", bound: 32_000_000 },
		once: async (context) => single((await stoppedNonBlocking(context)).growth),
	},
	{
		name: "stalled-streams-ratio",
		title: "64 streams of the sender stalled: rate of one more, to the rate without",
		unit: "share",
		references: [],
		target: { of: "value", relation: ">=", bound: 0.85 },
		once: async (context) => single((await stalledStreams(context)).bulk),
	},
	{
		name: "stalled-opens-ratio",
		title: "the same for streams opened and closed a second",
		unit: "share",
		references: [],
		target: { of: "value", relation: ">=", bound: 0.85 },
		once: async (context) => single((await stalledStreams(context)).opens),
	},
	{
		name: "churn-heap-bytes",
		title: "10,000 streams and 1,000 connects, the second time: heap",
		unit: "bytes",
		references: [],
		target: { of: "value", relation: "<=", bound: MIB },
		once: async (context) => churned(await churn(context), "heap"),
	},
	{
		name: "churn-rss-bytes",
		title: "the same: resident set",
		unit: "bytes",
		references: [],
		target: { of: "value", relation: "<=", bound: 16 * MIB },
		once: async (context) => churned(await churn(context), "rss"),
	},
	{
		name: "churn-descriptors",
		title: "the same: file descriptors",
		unit: "count",
		references: [],
		target: { of: "value", relation: "<=", bound: 0 },
		once: async (context) => churned(await churn(context), "descriptors"),
	},
	{
		name: "churn-handles",
		title: "the same: handles of the event loop",
		unit: "count",
		references: [],
		target: { of: "value", relation: "<=", bound: 0 },
		once: async (context) => churned(await churn(context), "handles"),
	},
	{
		name: "churn-clients",
		title: "the same: Clients that the Coordinator knows",
		unit: "count",
		references: [],
		target: { of: "value", relation: "<=", bound: 0 },
		once: async (context) => churned(await churn(context), "clients"),
	},
	{
		name: "file-1gib",
		title: "`conec send` of a random 1 GiB file, disk to disk",
		unit: "MB/s",
		references: ["proxy-bulk-64k"],
		target: { of: "ratio", relation: ">=", bound: 0.3 },
		once: async (context) => single(await file1GiB(context)),
	},
	{
		name: "files-10k",
		title: "`conec send` of 10,000 files of 1 KiB",
		unit: "s",
		references: [],
		target: { of: "value", relation: "<=", bound: 20 },
		once: async (context) => single(await files10k(context)),
	},
	...STREAM_ROWS,
];

/** The entries asked for, and every subject that they need in rounds: entries and references, neighbours kept together. */
export interface Plan {
	readonly entries: readonly Entry[];
	readonly subjects: ReadonlyMap<string, Subject>;
}

/** What to measure for these results; `undefined`: for all. */
export function planOf(only: readonly string[] | undefined): Plan {
	const entries = CATALOGUE.filter((entry) => only === undefined || only.includes(entry.name));
	const subjects = new Map<string, Subject>();
	for (const entry of entries) {
		if ("rounds" in entry) {
			subjects.set(entry.name, entry.rounds);
		}
		for (const name of entry.references) {
			const subject = REFERENCES[name] ?? roundsOf(name);
			subjects.set(name, subject);
		}
	}
	return { entries, subjects };
}

function roundsOf(name: string): Subject {
	const entry = CATALOGUE.find((candidate) => candidate.name === name);
	if (entry === undefined || !("rounds" in entry)) {
		throw new RangeError(`"${name}" is not measured in rounds`);
	}
	return entry.rounds;
}

function churned({ again, cold }: Awaited<ReturnType<typeof churn>>, figure: keyof Churn): Measured {
	return { rounds: [again[figure]], details: { cold: cold[figure] } };
}
