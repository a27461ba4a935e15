/**
 * One attempt at a direct channel, from consent to the channel or its failure.
 *
 * @module
 */

import type { ChannelPeer, NatReport } from "../wire/channel-messages.ts";
import type { Punching } from "./punching.ts";

/** See the module. */
export interface Attempt {
	/** 32 hexadecimal digits; known to the two ends and the Coordinator. */
	readonly token: string;
	readonly peer: ChannelPeer;
	readonly role: "dial" | "accept";
	/** When it came to be, by the clock. */
	readonly since: number;
	phase: AttemptPhase;
}

/** Where an attempt is. */
export type AttemptPhase =
	/** This side, the target, has been asked, and thinks it over or has consented; `timer` ends it. */
	| { readonly type: "asked"; readonly timer: unknown }
	/** Both want to: packets fly. */
	| { readonly type: "punching"; readonly punching: Punching; readonly peerNat: NatReport; readonly timer: unknown };
