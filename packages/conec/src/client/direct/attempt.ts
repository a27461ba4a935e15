/**
 * One attempt at a direct channel, from consent to the channel or its failure.
 *
 * @module
 */

import type { NatReport } from "../../wire/channel-messages.ts";
import type { WirePeer } from "../../wire/fields.ts";
import type { Punching } from "../punch/index.ts";

/** See the module. */
export interface Attempt {
	/** 32 hexadecimal digits; known to the two ends and the Coordinator. */
	readonly token: string;
	readonly peer: WirePeer;
	readonly role: "dial" | "accept";
	/** This side's number for it, where this side asked. */
	readonly request?: number | undefined;
	readonly phase: AskedPhase | PunchingPhase;
}

/** This side, the target, has been asked, and thinks it over or has consented. */
export interface AskedPhase {
	readonly type: "asked";
	/** The Coordinator has been told yes: only then may it say begin. */
	consented: boolean;
	/** Ends it. */
	readonly timer: unknown;
}

/** Both want to: packets fly. */
export interface PunchingPhase {
	readonly type: "punching";
	/** When that began, by the clock. */
	readonly since: number;
	readonly punching: Punching;
	readonly peerNat: NatReport;
	/** Uses the birthday method. */
	readonly birthday: boolean;
	/** One of the two has another address since: how it ends says nothing of the path that there is now. */
	moved: boolean;
	/** Ends it. */
	readonly timer: unknown;
}
