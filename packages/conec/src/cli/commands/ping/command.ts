/**
 * `conec ping`: the path and the round trip to a peer, whatever command it runs.
 *
 * @module
 */

import { ConecError } from "../../../index.ts";
import type { Arguments, Command, CommandContext } from "../../command-line/index.ts";
import { addressField, type Connection, connectToStay, explainPeer, onceHere, pathChoice, pathSettled } from "../../connecting/index.ts";
import { EXIT_CODES, type ExitCode, usageError } from "../../outcome/index.ts";
import { delay } from "../../surroundings/index.ts";
import type { Output } from "../../terminal/index.ts";
import { printable, quoted } from "../../text/index.ts";
import { formatMs, pathPhrase, rounded, roundTripsOf, roundTripWords } from "../../words/index.ts";
import { PingExchange } from "./exchange.ts";
import { PingRoute, type Taken } from "./pinging.ts";
import { pingSpec } from "./spec.ts";

/** See `conec ping --help`. */
export const pingCommand: Command = {
	spec: pingSpec,
	linesTo: "stdout",
	outputRole: "purpose",
	async run(context) {
		const plan = planOf(context.args);
		const connection = await connectToStay(context);
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
	readonly timeoutMs: number;
}

function planOf(args: Arguments): Plan {
	const [operand] = args.operands;
	const to = args.text("to");
	if (operand !== undefined && args.typed("to")) throw usageError("PEER and --to exclude each other", "See: conec ping --help");
	const peer = operand ?? to;
	if (peer === undefined) throw usageError("PEER is missing", "See: conec ping --help");
	pathChoice(args);
	return {
		peer,
		count: args.count("count", 1, 1_000_000) ?? 4,
		intervalMs: args.count("interval-ms", 0, 60_000) ?? 1_000,
		timeoutMs: args.count("timeout-ms", 1, 600_000) ?? 10_000,
	};
}

async function ping(connection: Connection, plan: Plan, context: CommandContext): Promise<ExitCode> {
	const { client, orEnd } = connection;
	const { args, output, signal } = context;
	const { peer } = plan;
	const route = new PingRoute(connection, peer, pathChoice(args), context, {
		taken(path, address, why) {
			output.event("path", { peer, path, address: addressField(address) });
			output.line(output.style("dim", `${TAKEN[why](peer)}${pathPhrase(path, address)}`));
		},
		unavailable(error) {
			output.event("path-unavailable", { peer, code: error.code, reason: error.message });
			output.note(output.style("dim", printable(error.message, 500)));
		},
	});
	const exchange = new PingExchange(route, peer, plan.timeoutMs, context);
	const tally: Tally = { direct: [], proxied: [], unanswered: 0 };
	try {
		await orEnd(onceHere(client, peer, context, () => route.stream()));
		await orEnd(measure(exchange, route, plan, tally, context));
		// The end of the stream would give up the attempt at a direct channel, and that attempt is to be explained.
		if (args.flag("explain")) await pathSettled(client, peer, signal);
		await orEnd(exchange.end());
		if (answered(tally) > 0) return EXIT_CODES.ok;
		throw new ConecError("PEER_TIMEOUT", `Cannot measure the round trip to ${quoted(peer)}: it answered nothing`, { peer });
	} finally {
		if (answered(tally) + tally.unanswered === plan.count || signal.aborted) summarize(tally, route, peer, output);
		route.stop();
		// Before the Client closes, and with it the channel.
		if (route.path !== undefined || args.text("path") === "direct") await explainPeer(client, peer, route.path, context);
	}
}

async function measure(exchange: PingExchange, route: PingRoute, plan: Plan, tally: Tally, { output, signal, surroundings }: CommandContext): Promise<void> {
	const { peer, count, intervalMs, timeoutMs } = plan;
	for (let index = 0; index < count; index += 1) {
		if (index > 0 && intervalMs > 0) await delay(surroundings.clock, intervalMs, signal);
		const exchanged = await exchange.exchange(index);
		if (signal.aborted) return;
		const { path } = exchanged;
		if (exchanged.type === "unanswered") {
			tally.unanswered += 1;
			output.event("no-answer", { peer, path, timeoutMs }, `no answer within ${timeoutMs / 1_000} s (${path})`);
			continue;
		}
		const { roundTripMs } = exchanged;
		tally[path].push(roundTripMs);
		if (intervalMs === 0) continue;
		const address = addressField(route.address);
		output.event("pong", { peer, roundTripMs: rounded(roundTripMs), path, address }, `64 bytes from ${peer}: ${formatMs(roundTripMs)} (${path})`);
	}
}

/** Round trips of each path, and messages that did not come back in time. */
type Tally = Readonly<Record<"direct" | "proxied", number[]>> & { unanswered: number };

function summarize(tally: Tally, route: PingRoute, peer: string, output: Output): void {
	const all = roundTripsOf([...tally.direct, ...tally.proxied]);
	if (all.count === 0) return;
	const paths = (["proxied", "direct"] as const).filter((path) => tally[path].length > 0).map((path) => [path, roundTripsOf(tally[path])] as const);
	output.event("summary", {
		peer,
		...all,
		unanswered: tally.unanswered,
		path: route.path,
		paths: Object.fromEntries(paths.map(([path, figures]) => [path, { ...figures }])),
	});
	for (const [path, figures] of paths)
		output.line(`${figures.count} round ${figures.count === 1 ? "trip" : "trips"} to ${peer} (${path}): ${roundTripWords(figures)}`);
	if (tally.unanswered > 0) output.line(`${tally.unanswered} not answered`);
}

function answered({ direct, proxied }: Tally): number {
	return direct.length + proxied.length;
}

const TAKEN: Readonly<Record<Taken, (peer: string) => string>> = {
	first: (peer) => `pinging ${peer}: `,
	better: () => "now ",
	lost: () => "that way is lost, now ",
	again: () => "again ",
};
