/**
 * How attempts end about which nobody has said anything: their time is up, or others need the place.
 *
 * @module
 */

import type { Session } from "../sessions/index.ts";
import { refuse } from "./answers.ts";
import type { BrokeredAttempt } from "./broker.ts";
import type { Arrangement } from "./parties.ts";

/** An attempt between two sessions. */
export type Begun = BrokeredAttempt<Session, Arrangement>;

/** What is done with an attempt that is over at the broker. */
export interface Endings {
	/** What was taken from the budget for it, and is not needed, is there again. */
	readonly release: (arrangement: Arrangement) => void;
	/** It has come to nothing. `remembered`: that says something of the path. */
	readonly failed: (attempt: Begun, reason: string, remembered: boolean) => void;
	/** Tells a side that it is over. */
	readonly cancelled: (session: Session, attempt: Begun, reason: string) => void;
}

/** Its time is up. */
export function expired(attempt: Begun, { release, failed, cancelled }: Endings): void {
	if (attempt.state === "gone") {
		if (attempt.reported.size === 0) failed(attempt, "neither side said what became of it", true);
		return;
	}
	release(attempt.details);
	refuse(attempt.requester, attempt.request, "PEER_TIMEOUT", "the peer has not answered");
	cancelled(attempt.target, attempt, "it took too long");
}

/** It has had its time, and somebody else needs its place. Both had been told to begin. */
export function madeWay(attempt: Begun, { failed, cancelled }: Endings): void {
	const reason = "it took long, and others wait for the peer";
	failed(attempt, reason, false);
	for (const side of [attempt.requester, attempt.target]) if (!attempt.reported.has(side)) cancelled(side, attempt, reason);
}
