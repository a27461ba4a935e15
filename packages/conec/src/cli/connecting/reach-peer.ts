/**
 * Opening a stream to the peer that was named: who is here if it is not, and waiting for it with `--wait`.
 *
 * @module
 */

import { type Client, isConecError, type JsonValue, type MessageStream } from "../../index.ts";
import type { CommandContext } from "../command-line/index.ts";
import { suggestion } from "../command-line/index.ts";
import { CliError, EXIT_CODES } from "../outcome/index.ts";
import { orInterrupted } from "../terminal/index.ts";
import { quoted } from "../text/index.ts";
import { explainPeer, pathChoice } from "./path.ts";
import type { Protocol } from "./protocols.ts";
import { survivalMs } from "./timeout.ts";

/** Opens a stream of a protocol to the peer that `--to` names, on the path that `--path` names. It outlives its connection, as long as `--give-up-after` says. `waits`: for a peer that is not here. Where there is no path, `--explain` says why. */
export async function openTo(
	client: Client,
	peer: string,
	protocol: Protocol,
	context: CommandContext,
	facts?: Readonly<Record<string, JsonValue>>,
	waits: boolean = context.args.flag("wait"),
): Promise<MessageStream> {
	const { args, signal } = context;
	try {
		const options = { protocol, ...(facts === undefined ? {} : { metadata: facts }), path: pathChoice(args), resumable: resumableFor(args), signal } as const;
		return await onceHere(client, peer, context, () => client.openStream(peer, options), waits);
	} catch (error) {
		if (isConecError(error) && PATH_FAILURES.includes(error.code)) await explainPeer(client, peer, undefined, context);
		throw error;
	}
}

function resumableFor(args: CommandContext["args"]): false | { readonly forMs: number } {
	const forMs = survivalMs(args);
	return forMs === 0 ? false : { forMs };
}

/**
 * Does something that needs the peer. If it is unknown (`PEER_UNKNOWN`): with `waits`, which `--wait` says, waits until it is here and does it again; without,
 * rejects with an error that lists who is here.
 */
export async function onceHere<Value>(
	client: Client,
	peer: string,
	context: CommandContext,
	act: () => Promise<Value>,
	waits: boolean = context.args.flag("wait"),
): Promise<Value> {
	const { output } = context;
	let told = false;
	for (;;) {
		try {
			return await act();
		} catch (error) {
			if (!isConecError(error) || error.code !== "PEER_UNKNOWN") throw error;
			if (!waits) throw await unknownPeer(client, peer, error, context);
		}
		await untilHere(client, peer, context, (here) => {
			if (told) return;
			told = true;
			output.event("waiting-for", { peer, here });
			output.note(`waiting for ${quoted(peer)}; ${hereWords(here)}`);
		});
		output.event("here", { peer });
		output.note(`${quoted(peer)} is here`);
	}
}

/** Resolves when the peer is connected, perhaps at once. `absent` is called with the others if it is not. Rejects with the interruption, or when the Coordinator is lost. */
async function untilHere(client: Client, peer: string, { signal }: CommandContext, absent: (here: string[]) => void): Promise<void> {
	signal.throwIfAborted();
	const events = client.watchPeers()[Symbol.asyncIterator]();
	try {
		for (;;) {
			const { value: event, done } = await orInterrupted(events.next(), signal);
			if (done === true) return;
			if (event.type === "members") {
				if (event.members.some(({ id }) => id === peer)) return;
				absent(othersOf(client, event.members));
			} else if (event.type !== "leave" && event.peer.id === peer) return;
		}
	} finally {
		// Not waited for: after an interruption it ends with the Client.
		events.return?.().catch(() => undefined);
	}
}

async function unknownPeer(client: Client, peer: string, error: Error, { output, signal }: CommandContext): Promise<Error> {
	const members = await client.peers({ signal }).catch(() => undefined);
	signal.throwIfAborted();
	if (members === undefined) return error;
	const here = othersOf(client, members);
	output.event("unknown-peer", { peer, here });
	const nearest = suggestion(peer, here, "");
	const words = [nearest, `${capital(hereWords(here))}.`, "--wait waits for it."].filter((part) => part !== undefined).join(" ");
	return new CliError(EXIT_CODES.peer, error.message, words, error);
}

function othersOf(client: Client, members: readonly { readonly id: string }[]): string[] {
	return members.map(({ id }) => id).filter((id) => id !== client.id);
}

/** `here are: alice, bob`. Ids have been checked: they can be shown. */
function hereWords(here: readonly string[]): string {
	if (here.length === 0) return "nobody else is here";
	const more = here.length > MOST_SHOWN ? ` and ${here.length - MOST_SHOWN} more` : "";
	return `here ${here.length === 1 ? "is" : "are"}: ${here.slice(0, MOST_SHOWN).join(", ")}${more}`;
}

function capital(text: string): string {
	return text.slice(0, 1).toUpperCase() + text.slice(1);
}

const MOST_SHOWN = 20;

const PATH_FAILURES: readonly string[] = ["DIRECT_UNAVAILABLE", "CHANNEL_CLOSED", "PEER_LOST", "PEER_TIMEOUT"];
