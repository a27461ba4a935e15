/**
 * The options about paths, and how commands tell which path is taken.
 *
 * @module
 */

import type { Channel, Client, MessageStream, SocketAddress } from "../../index.ts";
import type { Arguments, CommandContext } from "../command-line/index.ts";
import { usageError } from "../outcome/index.ts";
import type { EventFields } from "../terminal/index.ts";
import { explainLines, PATH_CHOICES, type PathChoice, pathPhrase, rounded } from "../words/index.ts";

/** The path that was asked for. Throws a usage error. */
export function pathChoice(args: Arguments): PathChoice {
	return args.choice("path", PATH_CHOICES) ?? "auto";
}

/** `--path` is the caller's. Throws a usage error. */
export function checkPathOption(args: Arguments): void {
	pathChoice(args);
	if (args.typed("path") && args.text("to") === undefined)
		throw usageError("--path goes with --to: the side that calls chooses the path", "To refuse direct channels of peers, use --no-listen.");
}

/** The live direct channel to a peer. */
export function channelTo(client: Client, peer: string | null): Channel | undefined {
	return client.channels().find((channel) => channel.peer === peer);
}

/** Which way a stream goes, for an event and in words. */
export interface PathTaken {
	readonly fields: EventFields;
	readonly words: string;
}

/** Which way a stream goes. */
export function pathTaken(client: Client, stream: Pick<MessageStream, "path" | "peer">): PathTaken {
	const address = stream.path === "direct" ? channelTo(client, stream.peer)?.stats().remoteAddress : undefined;
	return { fields: { path: stream.path, address: addressField(address) }, words: pathPhrase(stream.path, address) };
}

/** For events. */
export function addressField(address: SocketAddress | undefined): { address: string; port: number } | undefined {
	return address === undefined ? undefined : { address: address.address, port: address.port };
}

/** Tells which way a stream goes: an event `path`, and a remark that begins with `what`. */
export function tellPath(client: Client, stream: MessageStream, what: string, { output }: CommandContext): void {
	const { fields, words } = pathTaken(client, stream);
	output.event("path", { peer: stream.peer, ...fields });
	output.note(`${what}: ${words}`);
}

/** Waits until no direct channel to a peer is being tried: 10 s at most, 15 s with `--birthday`. Not after an interruption. Never rejects. */
export async function pathSettled(client: Client, peer: string, signal: AbortSignal): Promise<void> {
	await client.explainSettled(peer, { signal }).catch(() => undefined);
}

/**
 * With `--explain`, tells how a peer is reached and why so: an event `explain`, and lines. Where a direct channel is being tried,
 * when that has ended; not after an interruption. Where streams are left open, before the Client closes. Never rejects.
 */
export async function explainPeer(
	client: Client,
	peer: string | null | undefined,
	used: "direct" | "proxied" | undefined,
	{ args, output, signal }: CommandContext,
): Promise<void> {
	if (!args.flag("explain") || peer === undefined || peer === null) return;
	await pathSettled(client, peer, signal);
	const report = client.explain(peer);
	output.event("explain", {
		peer,
		path: report.path,
		used,
		reason: report.reason,
		address: addressField(report.address),
		rttMs: report.rttMs === undefined ? undefined : rounded(report.rttMs),
		since: report.since?.toISOString(),
		nat: { own: plain(report.nat.own), peer: plain(report.nat.peer) },
		candidates: report.candidates.map((candidate) => plain(candidate) as Record<string, string | number | boolean>),
	});
	for (const line of explainLines(report, { asked: pathChoice(args), used })) output.line(line);
}

/** The value as JSON has it: without fields that are undefined, and numbers rounded. */
function plain(value: object | undefined): Record<string, string | number | boolean> | null {
	return value === undefined ? null : JSON.parse(JSON.stringify(value, (_, field: unknown) => (typeof field === "number" ? rounded(field) : field)));
}
