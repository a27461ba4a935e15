/**
 * The commands by name. Loaded one at a time, and what they take apart from what they do, so that help starts no network code.
 *
 * @module
 */

import type { CommandSpec } from "./arguments.ts";
import type { Command } from "./command.ts";

/** A command that is not loaded yet. */
export interface CommandEntry {
	readonly summary: string;
	/** What it takes. */
	spec(): Promise<CommandSpec>;
	load(): Promise<Command>;
}

/** In the order in which help lists them. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
	coordinator: {
		summary: "run a Coordinator",
		spec: async () => (await import("./specs/coordinator.ts")).coordinatorSpec,
		load: async () => (await import("./commands/coordinator.ts")).coordinatorCommand,
	},
	chat: {
		summary: "talk with a peer, or with everybody in a room, line by line",
		spec: async () => (await import("./specs/chat.ts")).chatSpec,
		load: async () => (await import("./commands/chat.ts")).chatCommand,
	},
	send: {
		summary: "send files and directories to a peer",
		spec: async () => (await import("./specs/send.ts")).sendSpec,
		load: async () => (await import("./commands/send.ts")).sendCommand,
	},
	receive: {
		summary: "receive files",
		spec: async () => (await import("./specs/receive.ts")).receiveSpec,
		load: async () => (await import("./commands/receive.ts")).receiveCommand,
	},
	pipe: {
		summary: "connect standard input and output with a peer's",
		spec: async () => (await import("./specs/pipe.ts")).pipeSpec,
		load: async () => (await import("./commands/pipe.ts")).pipeCommand,
	},
	broadcast: {
		summary: "send lines to everybody in a broadcast, and show theirs",
		spec: async () => (await import("./specs/broadcast.ts")).broadcastSpec,
		load: async () => (await import("./commands/broadcast.ts")).broadcastCommand,
	},
	ping: {
		summary: "show the path and the round trip to a peer",
		spec: async () => (await import("./specs/ping.ts")).pingSpec,
		load: async () => (await import("./commands/ping.ts")).pingCommand,
	},
	netcheck: {
		summary: "say what kind of network this is, and with whom direct channels work",
		spec: async () => (await import("./specs/netcheck.ts")).netcheckSpec,
		load: async () => (await import("./commands/netcheck.ts")).netcheckCommand,
	},
	peers: {
		summary: "list who is connected",
		spec: async () => (await import("./specs/peers.ts")).peersSpec,
		load: async () => (await import("./commands/peers.ts")).peersCommand,
	},
	certs: {
		summary: "make and renew certificates of a private authority",
		spec: async () => (await import("./specs/certs.ts")).certsSpec,
		load: async () => (await import("./commands/certs.ts")).certsCommand,
	},
	demo: {
		summary: "show everything on this machine, in a few seconds",
		spec: async () => (await import("./specs/demo.ts")).demoSpec,
		load: async () => (await import("./commands/demo.ts")).demoCommand,
	},
};
