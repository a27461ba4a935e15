/**
 * The commands by name. Loaded one at a time, so that `conec --help` starts no network code.
 *
 * @module
 */

import type { Command } from "./command.ts";

/** A command that is not loaded yet. */
export interface CommandEntry {
	readonly summary: string;
	load(): Promise<Command>;
}

/** In the order in which help lists them. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
	coordinator: { summary: "run a Coordinator", load: async () => (await import("./commands/coordinator.ts")).coordinatorCommand },
	chat: { summary: "talk with a peer, or with everybody in a room, line by line", load: async () => (await import("./commands/chat.ts")).chatCommand },
	send: { summary: "send files and directories to a peer", load: async () => (await import("./commands/send.ts")).sendCommand },
	receive: { summary: "receive files", load: async () => (await import("./commands/receive.ts")).receiveCommand },
	pipe: { summary: "connect standard input and output with a peer's", load: async () => (await import("./commands/pipe.ts")).pipeCommand },
	broadcast: {
		summary: "send lines to everybody in a broadcast, and show theirs",
		load: async () => (await import("./commands/broadcast.ts")).broadcastCommand,
	},
	ping: { summary: "show the path and the round trip to a peer", load: async () => (await import("./commands/ping.ts")).pingCommand },
	netcheck: {
		summary: "say what kind of network this is, and with whom direct channels work",
		load: async () => (await import("./commands/netcheck.ts")).netcheckCommand,
	},
	peers: { summary: "list who is connected", load: async () => (await import("./commands/peers.ts")).peersCommand },
	certs: { summary: "make and renew certificates of a private authority", load: async () => (await import("./commands/certs.ts")).certsCommand },
	demo: { summary: "show everything on this machine, in a few seconds", load: async () => (await import("./commands/demo.ts")).demoCommand },
};
