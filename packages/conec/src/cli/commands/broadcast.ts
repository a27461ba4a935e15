/**
 * `conec broadcast`: lines to everybody who is there, and theirs.
 *
 * @module
 */

import type { BroadcastOptions } from "../../index.ts";
import { joinNamed, takePart } from "../broadcast-talk.ts";
import { usageError } from "../cli-error.ts";
import type { Command } from "../command.ts";
import { CONNECTION_OPTIONS, connect } from "../connection.ts";
import { quoted } from "../terminal-text.ts";

const POLICIES = ["drop-oldest", "drop-newest", "latest-per-sender", "disconnect", "block"] as const;

/** See `conec broadcast --help`. */
export const broadcastCommand: Command = {
	spec: {
		name: "broadcast",
		usage: "NAME [--send | --receive]",
		summary: "Send standard input to everybody in a broadcast, line by line, and show what they send; ends when the last sender has gone",
		operands: { least: 1, most: 1, what: "the NAME of the broadcast" },
		options: {
			send: { text: "only send" },
			receive: { text: "only receive" },
			last: { value: "N", text: "begin with up to N earlier messages, as far as the Coordinator keeps them" },
			members: { text: "also show who is there, comes and goes" },
			"keep-open": { text: "stay when the last sender has gone" },
			"slow-reader": { value: "POLICY", text: `when this side is too slow: ${POLICIES.join(", ")}` },
			...CONNECTION_OPTIONS,
		},
		examples: ["conec broadcast news", "tail -f app.log | conec broadcast logs.app --send", "conec broadcast logs.app --receive --last 100 --keep-open"],
	},
	linesTo: "stdout",
	async run(context) {
		const { args, signal } = context;
		const [send, receive] = [args.flag("send"), args.flag("receive")];
		if (send && receive) throw usageError("--send and --receive exclude each other");
		const last = args.count("last", 0, 1_000_000);
		const policy = args.text("slow-reader");
		const slowReader = POLICIES.find((one) => one === policy);
		if (policy !== undefined && slowReader === undefined) throw usageError(`--slow-reader must be one of ${POLICIES.join(", ")}, not ${quoted(policy)}`);
		const options: BroadcastOptions = {
			mode: send ? "send" : receive ? "receive" : "both",
			keepOpen: args.flag("keep-open"),
			presence: args.flag("members"),
			...(last === undefined ? {} : { last }),
			...(slowReader === undefined ? {} : { slowReader }),
			signal,
		};
		const connection = await connect(context);
		try {
			const broadcast = await joinNamed(connection.client, args.operands[0] ?? "", options);
			// Who only sends has nothing to stay for.
			return await takePart(broadcast, connection, context, receive ? "receive" : send ? "leave" : "finish");
		} finally {
			await connection.close();
		}
	},
};
