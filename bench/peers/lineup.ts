/**
 * Who is measured: what each can do, what it needs, and how its processes are started.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Remote, startProgram } from "../remote.ts";
import { findNatsServer } from "../subjects/nats.ts";
import type { Group } from "./catalogue.ts";
import { startLines } from "./processes/lines.ts";
import { natsServerPart } from "./processes/nats-server.ts";
import { rawQuinnPart } from "./processes/raw-quinn.ts";
import { IDENTITY_VARIABLE } from "./roles/tls.ts";
import { isInstalled, NOT_INSTALLED, type Site, versionOf } from "./site.ts";

/** What a process is for. */
export type Part = "hub" | "receiver" | "sender";

/** A system that is measured. */
export interface Contender {
	readonly name: string;
	/** With its versions, for the page. */
	readonly what: () => string;
	/** What it can do. */
	readonly groups: readonly Group[];
	/** Figures of these groups that it cannot do. */
	readonly without?: readonly string[];
	/** Whose memory idle clients take, and whom connections go to. */
	readonly holder: Part;
	/** At most so many messages of a fan-out are on the way. Default: 4,096. Less for those that would take many seconds to drain them. */
	readonly window?: number;
	/** So far behind that it takes part in every third round only. */
	readonly far?: true;
	/** Why it cannot be measured here. */
	absence(site: Site): string | undefined;
	start(site: Site, part: Part): Remote;
}

const ALL: readonly Group[] = ["direct", "proxied", "fan-out", "connect", "idle"];

/** The first is the one that all others are compared with. */
export const CONTENDERS: readonly Contender[] = [
	{
		name: "conec",
		what: () => "this tree",
		groups: ALL,
		holder: "hub",
		absence: () => undefined,
		start: (site) => node(site, "stacks/conec"),
	},
	{
		name: "conec-rs",
		what: () => "the crate `conec` 0.2.0 of 2020, on quinn 0.6.2 and tokio 0.2",
		groups: ALL,
		without: ["direct-json"],
		holder: "hub",
		window: 512,
		absence: ({ conecRs }) => (existsSync(conecRs) ? undefined : NOT_INSTALLED),
		start: ({ conecRs }) => startLines(conecRs, [], "conec-rs"),
	},
	{
		name: "raw-quinn",
		what: () => "quinn and rustls of the addon's versions in a Rust program without Node.js; it packs small messages into 64 KiB",
		groups: ["direct", "connect", "idle"],
		without: ["direct-json"],
		holder: "receiver",
		absence: ({ rawQuinn }) => (existsSync(rawQuinn) ? undefined : NOT_INSTALLED),
		start: ({ rawQuinn, identity }) => rawQuinnPart(rawQuinn, identity),
	},
	{
		name: "ws",
		what: () => `\`ws\` ${versionOf("ws")} over TLS`,
		groups: ALL,
		holder: "hub",
		absence: () => (isInstalled("ws") ? undefined : NOT_INSTALLED),
		start: (site) => node(site, "foreign/ws"),
	},
	{
		name: "nats",
		what: () => `\`nats-server\` with TLS and nats.js ${versionOf("@nats-io/transport-node")}`,
		groups: ["proxied", "fan-out", "connect", "idle"],
		holder: "hub",
		absence: () => {
			try {
				findNatsServer();
				return undefined;
			} catch (error) {
				return (error as Error).message;
			}
		},
		start: (site, part) => (part === "hub" ? natsServerPart(site.identity) : node(site, "stacks/nats")),
	},
	{
		name: "hyperdht",
		what: () => `hyperdht ${versionOf("hyperdht")}`,
		groups: ["direct", "fan-out", "connect", "idle"],
		holder: "receiver",
		absence: () => (isInstalled("hyperdht") ? undefined : NOT_INSTALLED),
		start: (site) => node(site, "foreign/hyperdht"),
	},
	{
		name: "socket.io",
		what: () => `Socket.IO ${versionOf("socket.io")} over TLS, WebSocket transport only`,
		groups: ALL,
		holder: "hub",
		window: 256,
		far: true,
		absence: () => (isInstalled("socket.io") ? undefined : NOT_INSTALLED),
		start: (site) => node(site, "foreign/socket-io"),
	},
	{
		name: "libp2p-tcp",
		what: () => `js-libp2p ${versionOf("libp2p")} over TCP, Noise and Yamux, proxied through a circuit relay without limits; Node.js 24`,
		groups: ["direct", "proxied", "connect", "idle"],
		holder: "receiver",
		far: true,
		absence: libp2pAbsence,
		start: (site) => startProgram(join(site.compiled, "foreign/libp2p.js"), "libp2p", { node: site.node22 }),
	},
	{
		name: "libp2p-quic",
		what: () => `the same over \`@chainsafe/libp2p-quic\` ${versionOf("@chainsafe/libp2p-quic")}`,
		groups: ["direct", "connect", "idle"],
		holder: "receiver",
		far: true,
		absence: libp2pAbsence,
		start: (site) => startProgram(join(site.compiled, "foreign/libp2p.js"), "libp2p", { node: site.node22, env: { CONEC_BENCH_QUIC: "1" } }),
	},
	{
		name: "iroh",
		what: () => `\`@number0/iroh\` ${versionOf("@number0/iroh")}, relays off`,
		groups: ["direct", "fan-out", "connect", "idle"],
		holder: "receiver",
		window: 256,
		far: true,
		absence: () => (isInstalled("@number0/iroh") ? undefined : NOT_INSTALLED),
		start: (site) => node(site, "foreign/iroh"),
	},
];

function libp2pAbsence({ node22 }: Site): string | undefined {
	if (!isInstalled("libp2p")) return NOT_INSTALLED;
	return existsSync(node22) ? undefined : "it needs Node.js 22: npm run bench:peers -- --install";
}

function node(site: Site, file: string): Remote {
	return startProgram(join(site.compiled, `${file}.js`), file, { env: { [IDENTITY_VARIABLE]: site.folder } });
}
