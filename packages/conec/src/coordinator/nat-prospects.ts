/**
 * What two NATs let hope for.
 *
 * @module
 */

import type { NatReport } from "../wire/channel-messages.ts";

/** What is known about a pair. */
export interface Prospects {
	readonly nats: readonly [NatReport, NatReport];
	/** Both are seen at one IP address: most likely one network, where host candidates do. */
	readonly sameSite: boolean;
	/** The birthday method is granted. */
	readonly birthday: boolean;
}

/** Why a direct channel is out of reach, or `undefined` where it may succeed. */
export function hopelessReason({ nats, sameSite, birthday }: Prospects): string | undefined {
	const [a, b] = nats;
	if (sameSite) return undefined;
	if (a.mapping === "dependent" && b.mapping === "dependent") return "both are behind a symmetric NAT";
	const [hard, easy] = a.mapping === "dependent" ? [a, b] : [b, a];
	if (hard.mapping !== "dependent" || easy.filtering !== "by-port" || hard.portStep !== undefined || birthday) return undefined;
	return "one is behind a symmetric NAT, and the other lets in only ports that it has sent to";
}

/** Who does which part of the birthday method, or `undefined` where it is of no use: the first's part. */
export function birthdayPart([a, b]: Prospects["nats"]): "hard" | "easy" | undefined {
	const [hardA, hardB] = [a.mapping === "dependent", b.mapping === "dependent"];
	if (hardA === hardB) return undefined;
	const [hard, easy] = hardA ? [a, b] : [b, a];
	if (easy.filtering !== "by-port" || hard.portStep !== undefined) return undefined;
	return hardA ? "hard" : "easy";
}
