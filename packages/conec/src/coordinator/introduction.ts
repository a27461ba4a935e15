/**
 * What two Clients that want to reach each other are told of one another, within the budget.
 *
 * @module
 */

import type { ChannelCandidate, ChannelOffer } from "../wire/channel-messages.ts";
import { CANDIDATES_LISTED } from "../wire/channel-messages.ts";
import type { WireAddress } from "../wire/fields.ts";
import { canonicalIp } from "../wire/ip-address.ts";
import { candidatesFor, isLoopback } from "./candidates.ts";
import { atOneSite, birthdayPart, inOneFamily } from "./nat-prospects.ts";
import { BIRTHDAY_PACKETS, HOST_PACKETS, type PunchBudget } from "./punch-budget.ts";

/** One of the two. */
export interface IntroducedSide {
	readonly offer: ChannelOffer;
	/** Its validated address, if there is one now. */
	readonly reflexive: WireAddress | undefined;
}

/** What one of the two is told. */
export interface Introduction {
	/** Addresses of the other. */
	readonly candidates: readonly ChannelCandidate[];
	/** Its part in the birthday method. */
	readonly birthday: "hard" | "easy" | undefined;
	/** An address was left out because the budget has nothing left for it now. */
	readonly exhausted: boolean;
}

/** When, and within which bounds. */
export interface IntroductionTerms {
	readonly budget: PunchBudget;
	/** Id of the Client that asked. */
	readonly requester: string;
	readonly nowMs: number;
	/** How long the attempt lasts, without and with the birthday method. */
	readonly lifeMs: number;
	readonly birthdayLifeMs: number;
	/** Neither is in another attempt that uses the birthday method. */
	readonly birthdayFree: boolean;
	/** Sockets of the Coordinator. */
	readonly isOwn: (address: WireAddress) => boolean;
}

/** Takes from the budget what both may send, and says to whom. What gets nothing is left out. */
export function introduce(a: IntroducedSide, b: IntroducedSide, terms: IntroductionTerms): readonly [Introduction, Introduction] {
	const part = grantedPart(a, b, terms);
	const other = part === undefined ? undefined : part === "hard" ? "easy" : "hard";
	return [told(b, a, part, terms), told(a, b, other, terms)];
}

/** The first's part, where both want it, it is of use and the budget allows it. */
function grantedPart(a: IntroducedSide, b: IntroducedSide, terms: IntroductionTerms): "hard" | "easy" | undefined {
	const { budget, nowMs, birthdayLifeMs, birthdayFree } = terms;
	const wanted = [a, b].every(({ offer }) => offer.birthday && offer.punch);
	if (!wanted || !birthdayFree || atOneSite(a.reflexive, b.reflexive) || !inOneFamily(a.reflexive, b.reflexive)) return undefined;
	const part = birthdayPart([a.offer.nat, b.offer.nat]);
	if (part === undefined) return undefined;
	// Each must be given the other's validated address, or it is of no use.
	const keys = [validatedKey(a, b, terms), validatedKey(b, a, terms)] as const;
	if (keys[0] === undefined || keys[1] === undefined) return undefined;
	return budget.grantBirthday([keys[0], keys[1]], nowMs, birthdayLifeMs) ? part : undefined;
}

function validatedKey(side: IntroducedSide, prober: IntroducedSide, { isOwn }: IntroductionTerms): string | undefined {
	const [first] = candidatesFor({ reflexive: side.reflexive, hosts: [] }, prober.reflexive, isOwn);
	return first?.kind === "reflexive" ? first.budgetKey : undefined;
}

/** What `prober` is told of `side`. */
function told(side: IntroducedSide, prober: IntroducedSide, birthday: "hard" | "easy" | undefined, terms: IntroductionTerms): Introduction {
	const { budget, requester, nowMs, isOwn } = terms;
	const lifeMs = birthday === undefined ? terms.lifeMs : terms.birthdayLifeMs;
	const candidates: ChannelCandidate[] = [];
	let exhausted = false;
	// What both call their own, the bridge of a Docker on each, is nowhere else.
	const theirs = new Set(prober.offer.hosts.map(({ address }) => canonicalIp(address)));
	const hosts = [...side.offer.hosts].sort((a, b) => Number(theirs.has(canonicalIp(a.address))) - Number(theirs.has(canonicalIp(b.address))));
	for (const { address, port, kind, budgetKey } of candidatesFor({ reflexive: side.reflexive, hosts }, prober.reflexive, isOwn)) {
		if (candidates.length === CANDIDATES_LISTED) break;
		const granted =
			kind === "reflexive"
				? budget.grantValidated(budgetKey, requester, nowMs, lifeMs, isLoopback({ address, port }))
				: budget.grantUnvalidated(budgetKey, HOST_PACKETS, nowMs, lifeMs);
		const packets = granted + (kind === "reflexive" && birthday !== undefined ? BIRTHDAY_PACKETS[birthday] : 0);
		if (packets > 0) candidates.push({ address, port, kind, packets });
		else exhausted = true;
	}
	return { candidates, birthday, exhausted };
}
