/**
 * How a Coordinator's log tells what was too much from somebody.
 *
 * @module
 */

import type { DefenceCount, DefenceStatus } from "../../../index.ts";
import type { Output } from "../../terminal/index.ts";
import { printable, quoted } from "../../text/index.ts";

/** One line, and one event for programs, which has all that the line leaves out. */
export function tellDefence({ counts, totals }: DefenceStatus, output: Output): void {
	const told = counts.slice(0, MOST_NAMED).map(words);
	const more = counts.length - told.length;
	output.event(
		"defence",
		{ counts: counts.map(entry), ...totals },
		`${output.style("yellow", "!")} too much from some: ${told.join("; ")}${more === 0 ? "" : `; and ${more} more`}`,
		"warn",
	);
}

function entry({ action, subject, whom, times }: DefenceCount): Readonly<Record<string, string | number>> {
	const { id, fingerprint, address } = whom ?? {};
	const known = Object.entries({ id, fingerprint, address }).filter((field): field is [string, string] => field[1] !== undefined);
	return { action, subject, times, ...Object.fromEntries(known) };
}

function words({ action, subject, whom, times }: DefenceCount): string {
	return `${action} ${NOUNS[subject]} of ${whom === undefined ? "many" : `${whom.id === undefined ? "" : `${quoted(whom.id)} at `}${printable(whom.address, 60)}`} (${times})`;
}

const NOUNS: Readonly<Record<DefenceCount["subject"], string>> = {
	connection: "connections",
	id: "ids",
	lease: "leases",
	stream: "streams",
	broadcast: "broadcasts",
	watch: "watches",
	attempt: "attempts",
	channel: "channels",
	control: "control messages",
	bytes: "bytes",
	memory: "what is held",
};

const MOST_NAMED = 3;
