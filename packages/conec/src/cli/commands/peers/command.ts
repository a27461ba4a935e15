/**
 * `conec peers`: who is connected to the Coordinator.
 *
 * @module
 */

import type { PeerInfo, PresenceEvent } from "../../../index.ts";
import type { Command, CommandContext } from "../../command-line/index.ts";
import { connect } from "../../connecting/index.ts";
import { EXIT_CODES, type ExitCode } from "../../outcome/index.ts";
import type { Output } from "../../terminal/index.ts";
import { printable } from "../../text/index.ts";
import { PRESENCE_MARKS, peerFields } from "../../words/index.ts";
import { peersSpec } from "./spec.ts";

/** See `conec peers --help`. */
export const peersCommand: Command = {
	spec: peersSpec,
	linesTo: "stdout",
	outputRole: "purpose",
	async run(context) {
		const connection = await connect(context);
		const { client } = connection;
		try {
			if (context.args.flag("watch")) return await connection.orEnd(watch(client.watchPeers(), client.id, context));
			const members = await connection.orEnd(client.peers({ signal: context.signal }));
			context.output.event("members", { members: members.map(peerFields) });
			list(members, client.id, context.output);
			return EXIT_CODES.ok;
		} finally {
			await connection.close();
		}
	},
};

async function watch(events: AsyncIterable<PresenceEvent>, self: string, { output }: CommandContext): Promise<ExitCode> {
	for await (const event of events) {
		const { epoch, seq } = event;
		if (event.type === "members") {
			output.event("members", { members: event.members.map(peerFields), epoch, seq });
			list(event.members, self, output);
			continue;
		}
		output.event(event.type, { peer: peerFields(event.peer), epoch, seq }, `${PRESENCE_MARKS[event.type]} ${lineOf(event.peer, self)}`);
	}
	return EXIT_CODES.ok;
}

function list(members: readonly PeerInfo[], self: string, output: Output): void {
	for (const member of members) output.line(`  ${lineOf(member, self)}`);
	output.note(`${members.length} connected`);
}

/** Ids and fingerprints have been checked; metadata is whatever its Client says. */
function lineOf({ id, fingerprint, metadata }: PeerInfo, self: string): string {
	const words = [id, fingerprint];
	if (metadata !== undefined) words.push(printable(JSON.stringify(metadata)));
	if (id === self) words.push("(this Client)");
	return words.join("  ");
}
