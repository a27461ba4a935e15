/**
 * How a peer is reached and why so, in lines for people. Pure; what peers say is made printable.
 *
 * @module
 */

import type { PathCandidate, PathReport, SocketAddress } from "../../index.ts";
import { printable } from "../text/index.ts";
import { natKind, natWords } from "./nat.ts";
import { formatMs } from "./numbers.ts";

/** The values of `--path`. */
export const PATH_CHOICES = ["auto", "direct", "proxied"] as const;

/** One of {@link PATH_CHOICES}. */
export type PathChoice = (typeof PATH_CHOICES)[number];

/** `203.0.113.10:4711`, `[2001:db8::1]:4711`. */
export function endpoint({ address, port }: SocketAddress): string {
	return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** `direct, 203.0.113.10:4711`, or `through the Coordinator`. */
export function pathPhrase(path: "direct" | "proxied", address: SocketAddress | undefined): string {
	if (path === "proxied") return "through the Coordinator";
	return address === undefined ? "direct" : `direct, ${endpoint(address)}`;
}

/** What the user asked for and what came of it. */
export interface PathUse {
	readonly asked: PathChoice;
	/** Of the stream, if there was one. */
	readonly used: "direct" | "proxied" | undefined;
}

/** The whole report, a line each: the path and its reason, the NATs, the addresses tried. */
export function explainLines(report: PathReport, { asked, used }: PathUse): string[] {
	const peer = report.peers[1];
	const lines = [`path to ${peer}: ${verdict(report, asked)}`];
	if (used === "proxied" && report.path === "direct") lines.push("  began through the Coordinator, before the direct channel was there");
	if (used === "direct" && report.path !== "direct") lines.push("  was direct; that channel has ended");
	const { own, peer: theirs } = report.nat;
	if (own !== undefined && natKind(own) !== "unknown") lines.push(`  NAT here   ${natWords(own)}`);
	if (theirs !== undefined && natKind(theirs) !== "unknown") lines.push(`  NAT there  ${natWords(theirs)}`);
	report.candidates.forEach((candidate, index) => {
		lines.push(`  ${index === 0 ? "tried" : "     "}      ${candidateText(candidate)}`);
	});
	return lines;
}

/** A pair's channel, as the Coordinator hears of it. */
export interface PairChannel {
	readonly peers: readonly [requester: string, target: string];
	readonly outcome: "up" | "failed" | "down";
	readonly address?: SocketAddress | undefined;
	readonly rttMs?: number | undefined;
	readonly reason?: string | undefined;
}

/** In front of {@link channelLine}. */
export const CHANNEL_SIGNS: Readonly<Record<PairChannel["outcome"], string>> = { up: "=", failed: "~", down: "~" };

/** `alice and bob are connected directly (203.0.113.10:4711, 12.3 ms)`. */
export function channelLine({ peers: [a, b], outcome, address, rttMs, reason }: PairChannel): string {
	const why = reason === undefined ? "" : `: ${printable(reason, 300)}`;
	if (outcome === "failed") return `no direct channel from ${a} to ${b}${why}`;
	if (outcome === "down") return `the direct channel from ${a} to ${b} has ended${why}`;
	const facts = [
		...(address === undefined ? [] : [endpoint(address)]),
		...(rttMs === undefined ? [] : [rttMs < 1 ? "under 1 ms" : formatMs(Math.round(rttMs))]),
	];
	return `${a} and ${b} have a direct channel${facts.length === 0 ? "" : ` (${facts.join(", ")})`}`;
}

function verdict({ path, reason, address, rttMs, since }: PathReport, asked: PathChoice): string {
	const why = printable(reason, 500);
	switch (path) {
		case "direct": {
			const facts = [
				pathPhrase("direct", address),
				...(rttMs === undefined || rttMs === 0 ? [] : [`round trip ${formatMs(rttMs)}`]),
				...(since === undefined ? [] : [`since ${since.toTimeString().slice(0, 8)}`]),
			];
			return `${facts.join(", ")} (${why})`;
		}
		case "proxied":
			return asked === "proxied" ? "through the Coordinator, as --path proxied says" : `through the Coordinator: ${why}`;
		default:
			return `none: ${why}`;
	}
}

function candidateText({ address, port, kind, probes, answered, rttMs }: PathCandidate): string {
	const said =
		answered === true ? `answered${rttMs === undefined ? "" : ` in ${formatMs(rttMs)}`}` : answered === false && probes !== 0 ? "no answer" : undefined;
	const sent = probes === undefined ? undefined : probes === 0 ? "not probed" : `${probes} ${probes === 1 ? "probe" : "probes"}`;
	const facts = [KINDS[kind], sent, said].filter((fact) => fact !== undefined);
	return `${endpoint({ address, port })}  ${facts.join(", ")}`;
}

const KINDS: Readonly<Record<PathCandidate["kind"], string>> = {
	reflexive: "as the Coordinator sees it",
	host: "its own address",
	learned: "heard from there",
	predicted: "predicted port",
	birthday: "guessed port",
};
