/**
 * What two Clients that want to reach each other are told of one another, within the budget.
 *
 * @module
 */

import type { ChannelCandidate, ChannelOffer } from "../../wire/channel-messages.ts";
import { CANDIDATES_LISTED } from "../../wire/channel-messages.ts";
import type { WireAddress } from "../../wire/fields.ts";
import { canonicalIp } from "../../wire/ip-address.ts";
import { type Candidate, candidatesFor, isLoopback } from "./candidates.ts";
import { atOneSite, birthdayPart, inOneFamily } from "./nat-prospects.ts";
import { BIRTHDAY_PACKETS, type Grant, HOST_PACKETS, type PunchBudget } from "./punch-budget.ts";

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
	/** What it may send, by IP address. */
	readonly grants: ReadonlyMap<string, Grant>;
	/** The budget has nothing left for the addresses that matter: an attempt would be in vain. When it may have. */
	readonly exhaustedForMs: number | undefined;
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

/** Takes from the budget what both may send, and says to whom. What gets nothing is left out. `reserved` is used, or given back. */
export function introduce(
	a: IntroducedSide,
	b: IntroducedSide,
	terms: IntroductionTerms,
	reserved: Reservation = NOT_RESERVED,
): readonly [Introduction, Introduction] {
	const part = grantedPart(a, b, terms);
	const other = part === undefined ? undefined : part === "hard" ? "easy" : "hard";
	return [told(b, a, part, terms, reserved[0]), told(a, b, other, terms, reserved[1])];
}

/** Gives all of it back: nothing was sent. */
export function giveBack(grants: Iterable<Grant | undefined>, nowMs: number): void {
	for (const grant of grants) grant?.settle(0, nowMs);
}

/** What each of two may send to the other's validated address, where it has one: taken before anybody is asked. */
export type Reservation = readonly [Reserved | undefined, Reserved | undefined];

interface Reserved {
	readonly key: string;
	readonly grant: Grant;
}

/** Takes it, or says when there may be enough; then nothing is taken. `hopeless`: who asks insists on an attempt that is most likely in vain, which must not be in the way of others. */
export function reserve(
	a: WireAddress | undefined,
	b: WireAddress | undefined,
	terms: Pick<IntroductionTerms, "budget" | "requester" | "nowMs" | "lifeMs" | "isOwn">,
	hopeless: boolean = false,
): Reservation | number {
	const { budget, requester, nowMs, lifeMs } = terms;
	const keptBack = hopeless ? KEPT_FOR_HOPEFUL : 0;
	const taken = [
		[b, a],
		[a, b],
	].map(([side, prober]) => {
		const found = validated(side, prober, terms);
		return found && { key: found.budgetKey, grant: budget.grantValidated(found.budgetKey, requester, nowMs, lifeMs, isLoopback(found), keptBack) };
	}) as [Reserved | undefined, Reserved | undefined];
	const missing = taken.flatMap((one) => (one?.grant.packets === 0 ? [one.key] : []));
	if (missing.length === 0 || atOneSite(a, b)) return taken;
	giveBack(
		taken.map((one) => one?.grant),
		nowMs,
	);
	return Math.max(LEAST_WAIT_MS, ...missing.map((key) => budget.validatedAfterMs(key, requester, nowMs, keptBack)));
}

/** The first's part, where both want it, it is of use and the budget allows it. */
function grantedPart(a: IntroducedSide, b: IntroducedSide, terms: IntroductionTerms): "hard" | "easy" | undefined {
	const { budget, nowMs, birthdayLifeMs, birthdayFree } = terms;
	const wanted = [a, b].every(({ offer }) => offer.birthday && offer.punch);
	if (!wanted || !birthdayFree || atOneSite(a.reflexive, b.reflexive) || !inOneFamily(a.reflexive, b.reflexive)) return undefined;
	const part = birthdayPart([a.offer.nat, b.offer.nat]);
	if (part === undefined) return undefined;
	// Each must be given the other's validated address, or it is of no use.
	const [toA, toB] = [validated(a.reflexive, b.reflexive, terms), validated(b.reflexive, a.reflexive, terms)];
	if (toA === undefined || toB === undefined) return undefined;
	return budget.grantBirthday([toA.budgetKey, toB.budgetKey], nowMs, birthdayLifeMs) ? part : undefined;
}

/** The validated address of one side, where the other may be given it as such. */
function validated(side: WireAddress | undefined, prober: WireAddress | undefined, { isOwn }: Pick<IntroductionTerms, "isOwn">): Candidate | undefined {
	const [first] = candidatesFor({ reflexive: side, hosts: [] }, prober, isOwn);
	return first?.kind === "reflexive" ? first : undefined;
}

/** What `prober` is told of `side`. */
function told(
	side: IntroducedSide,
	prober: IntroducedSide,
	birthday: "hard" | "easy" | undefined,
	terms: IntroductionTerms,
	reserved: Reserved | undefined,
): Introduction {
	const { budget, requester, nowMs, isOwn } = terms;
	const lifeMs = birthday === undefined ? terms.lifeMs : terms.birthdayLifeMs;
	const candidates: ChannelCandidate[] = [];
	const grants = new Map<string, Grant>();
	const oneSite = atOneSite(side.reflexive, prober.reflexive);
	// What both call their own, the bridge of a Docker on each, is nowhere else.
	const theirs = new Set(prober.offer.hosts.map(({ address }) => canonicalIp(address)));
	const hosts = [...side.offer.hosts].sort((a, b) => Number(theirs.has(canonicalIp(a.address))) - Number(theirs.has(canonicalIp(b.address))));
	const lost: number[] = [];
	let [mattered, used] = [false, false];
	const home = { granted: false, lost: false };
	// Two on one machine have all their addresses in common.
	const ownOnly = hosts.some(({ address }) => !theirs.has(canonicalIp(address)));
	// Without a NAT, what the Coordinator sees is the Client's own address.
	const seen = side.reflexive;
	const seenIsOwn = seen !== undefined && (isLoopback(seen) || hosts.some(({ address }) => canonicalIp(address) === canonicalIp(seen.address)));
	for (const { address, port, kind, budgetKey } of candidatesFor({ reflexive: side.reflexive, hosts }, prober.reflexive, isOwn)) {
		if (candidates.length === CANDIDATES_LISTED) break;
		const shared = grants.get(address);
		if (shared !== undefined) {
			// A mapped port of an address that has a grant. The grant is for the IP address, and there is no further one.
			candidates.push({ address, port, kind, packets: Math.min(HOST_PACKETS, shared.packets) });
			continue;
		}
		const isReserved = kind === "reflexive" && reserved?.key === budgetKey;
		used ||= isReserved;
		const grant = isReserved
			? reserved.grant
			: kind === "reflexive"
				? budget.grantValidated(budgetKey, requester, nowMs, lifeMs, isLoopback({ address, port }))
				: budget.grantUnvalidated(budgetKey, HOST_PACKETS, nowMs, lifeMs, budgetKey === address || oneSite ? 0 : KEPT_FOR_ONE_SITE);
		grant.extend(nowMs, lifeMs);
		const packets = grant.packets + (kind === "reflexive" && birthday !== undefined ? BIRTHDAY_PACKETS[birthday] : 0);
		const isHome = oneSite && (kind === "host" ? !(ownOnly && theirs.has(address)) : seenIsOwn);
		if (packets > 0) {
			home.granted ||= isHome;
			candidates.push({ address, port, kind, packets });
			grants.set(address, grant);
			continue;
		}
		// Two at one site meet at their own addresses, others hardly ever anywhere but where the Coordinator sees them.
		home.lost ||= isHome;
		mattered ||= kind === "reflexive" && !oneSite;
		lost.push(kind === "reflexive" ? budget.validatedAfterMs(budgetKey, requester, nowMs) : budget.unvalidatedAfterMs(budgetKey, nowMs));
	}
	if (!used) giveBack([reserved?.grant], nowMs);
	// One side alone cannot do it there: the other takes nothing from addresses that it was not told.
	mattered ||= home.lost && !home.granted;
	const inVain = mattered || (lost.length > 0 && candidates.length === 0);
	return { candidates, birthday, grants, exhaustedForMs: inVain ? Math.max(LEAST_WAIT_MS, Math.min(...lost)) : undefined };
}

/** Nothing was taken beforehand. */
export const NOT_RESERVED: Reservation = [undefined, undefined];

/** Part of the budget of a private address that only those at its Client's own site may use up: for others it is hardly ever of use. */
const KEPT_FOR_ONE_SITE = 0.5;

/** Part of the budget of a validated address that attempts with little hope leave to others. */
const KEPT_FOR_HOPEFUL = 0.5;

/** Before the budget is asked once more. */
const LEAST_WAIT_MS = 250;
