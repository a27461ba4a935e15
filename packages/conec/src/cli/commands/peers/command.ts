/**
 * `conec peers`: who is connected to the Coordinator.
 *
 * @module
 */

import type { Client, PeerInfo, PresenceEvent } from "../../../index.ts";
import type { Command, CommandContext } from "../../command-line/index.ts";
import { connect, connectToStay } from "../../connecting/index.ts";
import { EXIT_CODES, type ExitCode, usageError } from "../../outcome/index.ts";
import type { Output } from "../../terminal/index.ts";
import { PRESENCE_MARKS, peerFields } from "../../words/index.ts";
import { peersSpec } from "./spec.ts";
import { type Known, pathFields, rowOf, Table } from "./table.ts";

/** See `conec peers --help`. */
export const peersCommand: Command = {
	spec: peersSpec,
	linesTo: "stdout",
	outputRole: "purpose",
	async run(context) {
		const watches = context.args.flag("watch");
		const waits = context.args.flag("wait");
		if (!watches && !waits && context.args.typed("give-up-after")) throw usageError("--give-up-after goes with --watch, or --wait");
		const connection = await (watches || waits ? connectToStay(context) : connect(context));
		const { client } = connection;
		try {
			if (watches) return await connection.orEnd(watch(client.watchPeers(), client, context));
			const members = await connection.orEnd(client.peers({ signal: context.signal }));
			const known = knownOf(client, context);
			context.output.event("members", { members: members.map((peer) => fieldsOf(peer, known)) });
			list(members, known, new Table(), context.output);
			return EXIT_CODES.ok;
		} finally {
			await connection.close();
		}
	},
};

async function watch(events: AsyncIterable<PresenceEvent>, client: Client, context: CommandContext): Promise<ExitCode> {
	const { output } = context;
	const table = new Table();
	for await (const event of events) {
		const { epoch, seq } = event;
		const known = knownOf(client, context);
		if (event.type === "members") {
			output.event("members", { members: event.members.map((peer) => fieldsOf(peer, known)), epoch, seq });
			list(event.members, known, table, output);
			continue;
		}
		const line = `${PRESENCE_MARKS[event.type]} ${table.line(rowOf(event.peer, known))}`;
		output.event(event.type, { peer: fieldsOf(event.peer, known), epoch, seq }, line);
	}
	return EXIT_CODES.ok;
}

function knownOf(client: Client, { surroundings }: CommandContext): Known {
	const channels = client.channels().map((channel) => ({ peer: channel.peer, remoteAddress: channel.stats().remoteAddress }));
	return { self: client.id, channels, nowMs: surroundings.clock.date().getTime() };
}

function list(members: readonly PeerInfo[], known: Known, table: Table, output: Output): void {
	const [titles = "", ...lines] = table.lines(members.map((member) => rowOf(member, known)));
	output.line(`  ${output.style("dim", titles)}`);
	for (const line of lines) output.line(`  ${line}`);
	output.note(`${members.length} connected`);
}

function fieldsOf(peer: PeerInfo, known: Known) {
	return { ...peerFields(peer), ...pathFields(peer.id, known) };
}
