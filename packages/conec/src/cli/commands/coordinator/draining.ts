/**
 * How a Coordinator ends: its Clients go one after the other, and each is told to come back.
 *
 * @module
 */

import type { Coordinator } from "../../../index.ts";
import type { Arguments } from "../../command-line/index.ts";
import { secondsMs } from "../../connecting/index.ts";
import type { Output } from "../../terminal/index.ts";
import { formatSeconds } from "../../words/index.ts";

/** Reads `--drain`: over how long, in milliseconds. `undefined`: it depends on how many there are. Throws a usage error. */
export function drainMs(args: Arguments): number | undefined {
	return secondsMs(args, "drain", MOST_MS);
}

/** Closes it, and says how. `givenMs`: as {@link drainMs} gives it; 0: all end at once, and are told nothing of coming back. */
export async function drain(coordinator: Coordinator, givenMs: number | undefined, output: Output): Promise<void> {
	const clients = coordinator.clientCount;
	const spreadMs = givenMs ?? Math.min(LONGEST_MS, clients * EACH_MS);
	output.event("closing", { clients, spreadMs });
	output.note(`closing${clientsText(clients, spreadMs, givenMs)}; Ctrl-C again ends at once`);
	await (givenMs === 0 ? coordinator.close() : coordinator.close({ drain: { spreadMs } }));
}

function clientsText(clients: number, spreadMs: number, givenMs: number | undefined): string {
	if (clients === 0 || givenMs === 0) return "";
	const who = clients === 1 ? "1 Client is" : `${clients} Clients are`;
	return `: ${who} told to come back${clients === 1 ? "" : `, one after another within ${formatSeconds(spreadMs / 1_000)}`}`;
}

/** Time for each Client, so that they do not all come back at once, and the most for all. Whoever starts services waits longer than that. */
const EACH_MS = 10;
const LONGEST_MS = 3_000;

/** The most that the library takes. */
const MOST_MS = 3_600_000;
