/**
 * `conec ping`: the round trip to a peer that waits in `receive`, `chat` or `pipe`.
 *
 * @module
 */

import { setTimeout as delay } from "node:timers/promises";
import type { MessageStream } from "../../index.ts";
import { APPLICATION_CODES, PROTOCOLS, turnAway } from "../application.ts";
import { CliError, usageError } from "../cli-error.ts";
import type { Command, CommandContext } from "../command.ts";
import { CONNECTION_OPTIONS, connect, openTo } from "../connection.ts";
import { EXIT_CODES, type ExitCode } from "../exit-codes.ts";
import { quoted } from "../terminal-text.ts";

/** See `conec ping --help`. */
export const pingCommand: Command = {
	spec: {
		name: "ping",
		usage: "--to PEER",
		summary: "Measure the round trip to a peer that waits in receive, chat or pipe",
		operands: { least: 0, most: 0, what: "" },
		options: {
			to: { value: "PEER", text: "the peer" },
			count: { value: "N", text: "how many messages of 64 bytes; default 4" },
			"interval-ms": { value: "N", text: "time between them; default 1000; with 0 only the summary is shown" },
			...CONNECTION_OPTIONS,
		},
		examples: ["conec ping --to bob", "conec ping --to bob --count 1000 --interval-ms 0"],
	},
	linesTo: "stdout",
	async run(context) {
		const to = context.args.text("to");
		if (to === undefined) throw usageError("--to PEER is missing", "See: conec ping --help");
		const count = context.args.count("count", 1, 1_000_000) ?? 4;
		const intervalMs = context.args.count("interval-ms", 0, 60_000) ?? 1_000;
		const connection = await connect(context);
		try {
			const stream = await openTo(connection.client, to, PROTOCOLS.ping, context.signal);
			return await connection.orEnd(ping(stream, to, count, intervalMs, context));
		} finally {
			await connection.close();
		}
	},
};

async function ping(stream: MessageStream, to: string, count: number, intervalMs: number, { output, signal }: CommandContext): Promise<ExitCode> {
	const times: number[] = [];
	const message = new Uint8Array(64);
	for (let index = 0; index < count; index += 1) {
		if (index > 0 && intervalMs > 0) await delay(intervalMs, undefined, { signal });
		new DataView(message.buffer).setUint32(0, index);
		const sentAt = performance.now();
		await stream.send(message);
		const answer = await stream.receive({ signal });
		const roundTripMs = performance.now() - sentAt;
		if (answer === null || answer.length !== 64 || new DataView(answer.buffer, answer.byteOffset).getUint32(0) !== index) {
			turnAway(stream, APPLICATION_CODES.protocolError);
			throw new CliError(EXIT_CODES.peer, `Cannot measure the round trip to ${quoted(to)}: it did not answer with what was sent`);
		}
		times.push(roundTripMs);
		if (intervalMs > 0) output.event("pong", { peer: to, roundTripMs }, `64 bytes from ${to}: ${roundTripMs.toFixed(2)} ms`);
	}
	await Promise.all([stream.close({ signal }), stream.receive({ signal })]);
	times.sort((a, b) => a - b);
	const p50Ms = quantile(times, 0.5);
	const p99Ms = quantile(times, 0.99);
	const minMs = times[0] ?? 0;
	output.event(
		"summary",
		{ peer: to, count, minMs, p50Ms, p99Ms, path: stream.path },
		`${count} round trips to ${to} (${stream.path}): min ${minMs.toFixed(2)} ms, p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`,
	);
	return EXIT_CODES.ok;
}

function quantile(sorted: readonly number[], share: number): number {
	return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
