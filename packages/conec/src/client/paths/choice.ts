/**
 * Which way a stream takes when the caller leaves it open.
 *
 * @module
 */

import { type Clock, systemClock } from "../../base/clock.ts";
import { abortable, deferred } from "../../base/signals.ts";
import { DIRECT_CAPABILITY } from "../../wire/channel-messages.ts";
import type { DirectChannel } from "../channel/index.ts";
import type { DirectChannels } from "../direct/index.ts";
import type { CoordinatorLink } from "../uplink/index.ts";

/**
 * The direct channel that a stream for path "auto" should take, or `undefined`: through the Coordinator. Waits for an
 * attempt, but never long: about as long as one that succeeds takes, at most two seconds; it goes on behind the scenes, for
 * later streams. Waits for none where the last has failed lately: the next one is made behind the stream ({@link BackgroundAttempts}).
 *
 * Rejects with `signal.reason` only. `leftMs`: the time for the stream, of which it takes half at most.
 */
export async function directForAuto(
	peer: string,
	direct: DirectChannels,
	link: CoordinatorLink,
	signal: AbortSignal | undefined,
	clock: Clock = systemClock,
	leftMs: number = Number.POSITIVE_INFINITY,
): Promise<DirectChannel | undefined> {
	const live = direct.find(peer);
	if (live !== undefined) return live;
	direct.lookAround();
	if (!link.can(DIRECT_CAPABILITY) || direct.memory.hopeless(peer) !== undefined || direct.memory.doubtful(peer)) return undefined;
	const patience = deferred<undefined>();
	const timer = clock.setTimeout(() => patience.resolve(undefined), Math.min(leftMs / 2, patienceMs(link.rttMs)));
	try {
		return await abortable(Promise.race([direct.connect(peer, { auto: true }).catch(() => undefined), patience.promise]), signal);
	} finally {
		clock.clearTimeout(timer);
	}
}

/**
 * The direct channel that a resumable stream for path "auto" begins on, or `undefined`: it begins through the Coordinator, and moves later. It
 * waits for nothing. A channel that has not said anything for a while may be broken, which nobody has noticed yet.
 */
export function directAtOnce(peer: string, direct: DirectChannels, link: CoordinatorLink): DirectChannel | undefined {
	const live = direct.find(peer);
	if (live === undefined) direct.lookAround();
	if (live === undefined || link.state !== "open") return live;
	return !live.stalled && live.silentMs() < FRESH_MS ? live : undefined;
}

const FRESH_MS = 2_000;

/** Two round trips to arrange it, one or two to find an address, two for the handshake and the greeting; each side has its own. */
export function patienceMs(coordinatorRttMs: number): number {
	return Math.min(MOST_MS, LEAST_MS + ROUND_TRIPS * coordinatorRttMs);
}

const ROUND_TRIPS = 10;
const LEAST_MS = 250;
const MOST_MS = 2_000;
