/**
 * `conec ping`: the path and the round trip to a peer that waits in `receive`, `chat` or `pipe`.
 *
 * @module
 */

import { setTimeout as delay } from "node:timers/promises";
import { isConecError, type MessageStream } from "../../index.ts";
import { APPLICATION_CODES, turnAway } from "../application.ts";
import type { Arguments } from "../arguments.ts";
import { CliError, usageError } from "../cli-error.ts";
import type { Command, CommandContext } from "../command.ts";
import { CONNECTION_OPTIONS, type Connection, connect } from "../connection.ts";
import { EXIT_CODES, type ExitCode } from "../exit-codes.ts";
import type { Output } from "../output.ts";
import { addressField, explainPeer, PATH_OPTIONS, pathChoice } from "../path.ts";
import { pathPhrase } from "../path-words.ts";
import { roundTripsOf, roundTripWords } from "../ping-times.ts";
import { PingRoute, type Taken } from "../pinging.ts";
import { printable, quoted } from "../terminal-text.ts";

/** See `conec ping --help`. */
export const pingCommand: Command = {
	spec: {
		name: "ping",
		usage: "PEER",
		summary: "Show the path and the round trip to a peer that waits in receive, chat or pipe; begins at once and goes direct when it can",
		operands: { least: 0, most: 1, what: "PEER" },
		options: {
			to: { value: "PEER", text: "the peer, instead of PEER" },
			count: { value: "N", text: "how many messages of 64 bytes; default 4" },
			"interval-ms": { value: "N", text: "time between them; default 1000; with 0 only the summary is shown" },
			...PATH_OPTIONS,
			...CONNECTION_OPTIONS,
		},
		examples: ["conec ping bob", "conec ping bob --explain", "conec ping bob --path direct --count 1000 --interval-ms 0"],
	},
	linesTo: "stdout",
	async run(context) {
		const plan = planOf(context.args);
		const connection = await connect(context);
		try {
			return await ping(connection, plan, context);
		} finally {
			await connection.close();
		}
	},
};

interface Plan {
	readonly peer: string;
	readonly count: number;
	readonly intervalMs: number;
}

function planOf(args: Arguments): Plan {
	const [operand] = args.operands;
	const to = args.text("to");
	if (operand !== undefined && to !== undefined) throw usageError("PEER and --to exclude each other", "See: conec ping --help");
	const peer = operand ?? to;
	if (peer === undefined) throw usageError("PEER is missing", "See: conec ping --help");
	pathChoice(args);
	return { peer, count: args.count("count", 1, 1_000_000) ?? 4, intervalMs: args.count("interval-ms", 0, 60_000) ?? 1_000 };
}

async function ping({ client, orEnd }: Connection, plan: Plan, context: CommandContext): Promise<ExitCode> {
	const { args, output, signal } = context;
	const { peer } = plan;
	const route = new PingRoute(client, peer, pathChoice(args), signal, {
		taken(path, address, why) {
			output.event("path", { peer, path, address: addressField(address) });
			output.line(output.style("dim", `${TAKEN[why](peer)}${pathPhrase(path, address)}`));
		},
		unavailable(error) {
			output.event("path-unavailable", { peer, code: error.code, reason: error.message });
			output.note(output.style("dim", printable(error.message, 500)));
		},
	});
	const times: Times = { direct: [], proxied: [] };
	try {
		await orEnd(measure(route, plan, times, context));
		await orEnd(route.end());
		return EXIT_CODES.ok;
	} finally {
		if (completed(times) === plan.count || signal.aborted) summarize(times, route, peer, output);
		// Before the Client closes, and with it the channel.
		route.stop();
		if (route.path !== undefined || args.text("path") === "direct") explainPeer(client, peer, route.path, context);
	}
}

async function measure(route: PingRoute, { peer, count, intervalMs }: Plan, times: Times, { output, signal }: CommandContext): Promise<void> {
	for (let index = 0; index < count; index += 1) {
		if (index > 0 && intervalMs > 0) await delay(intervalMs, undefined, { signal });
		const { roundTripMs, path } = await roundTrip(route, peer, index, signal);
		if (signal.aborted) return;
		times[path].push(roundTripMs);
		if (intervalMs === 0) continue;
		const address = addressField(route.address);
		output.event("pong", { peer, roundTripMs, path, address }, `64 bytes from ${peer}: ${roundTripMs.toFixed(2)} ms (${path})`);
	}
}

type Times = Readonly<Record<"direct" | "proxied", number[]>>;

function summarize(times: Times, route: PingRoute, peer: string, output: Output): void {
	const all = roundTripsOf([...times.direct, ...times.proxied]);
	if (all.count === 0) return;
	const paths = (["proxied", "direct"] as const).filter((path) => times[path].length > 0).map((path) => [path, roundTripsOf(times[path])] as const);
	output.event("summary", { peer, ...all, path: route.path, paths: Object.fromEntries(paths.map(([path, figures]) => [path, { ...figures }])) });
	for (const [path, figures] of paths)
		output.line(`${figures.count} round ${figures.count === 1 ? "trip" : "trips"} to ${peer} (${path}): ${roundTripWords(figures)}`);
}

function completed({ direct, proxied }: Times): number {
	return direct.length + proxied.length;
}

/** Sends one message and waits for it to come back; where its way is lost and there is another, sends it again there. */
async function roundTrip(route: PingRoute, peer: string, index: number, signal: AbortSignal): Promise<{ roundTripMs: number; path: "direct" | "proxied" }> {
	const message = new Uint8Array(64);
	new DataView(message.buffer).setUint32(0, index);
	for (let way = 1; ; way += 1) {
		const stream: MessageStream = await route.stream();
		try {
			const sentAtMs = performance.now();
			await stream.send(message);
			const answer = await stream.receive({ signal });
			const roundTripMs = performance.now() - sentAtMs;
			if (answer !== null && Buffer.compare(answer, message) === 0) return { roundTripMs, path: stream.path };
			turnAway(stream, APPLICATION_CODES.protocolError);
			throw new CliError(EXIT_CODES.peer, `Cannot measure the round trip to ${quoted(peer)}: it did not answer with what was sent`);
		} catch (error) {
			if (way === MOST_WAYS || !isConecError(error) || !route.failed(error)) throw error;
		}
	}
}

const TAKEN: Readonly<Record<Taken, (peer: string) => string>> = {
	first: (peer) => `pinging ${peer}: `,
	better: () => "now ",
	lost: () => "that way is lost, now ",
};

/** How often one message is sent. */
const MOST_WAYS = 3;
