/**
 * What a Client does when its machine shows a sign of having slept or of being on other networks: whatever may have ended meanwhile is
 * asked now, and not when its silence has become too long.
 *
 * @module
 */

import type { MachineWatch } from "../session/machine/index.ts";

/** Parts of a Client that a sign concerns. */
export interface SignParts {
	/** `undefined`: nobody tells of signs. */
	readonly machine: MachineWatch | undefined;
	/** Whether another link follows when this one is given up. */
	readonly comesBack: () => boolean;
	/** The present link, if there is one. */
	readonly link: () => AskedLink | undefined;
	/** An attempt to come back need not wait. */
	readonly hurry: () => void;
	/** The machine has other addresses. */
	readonly networkChanged: () => void;
	/** Direct channels may have ended. `moved`: the machine has other addresses. `long`: the peers have most likely given the channels up. */
	readonly askChannels: (moved: boolean, long: boolean) => void;
}

/** What is asked of a link. */
export interface AskedLink {
	readonly rttMs: number;
	/** Makes the Coordinator say something, and gives the link up if nothing comes. */
	verify(withinMs: number): void;
}

/** Heeds signs until what it returns is called. However many there are, each of them costs a ping for each connection, and they come at most once in 5 s. */
export function heedSigns(parts: SignParts): () => void {
	const { machine, comesBack, link, hurry, networkChanged, askChannels } = parts;
	return (
		machine?.((sign) => {
			const long = sign.pausedMs >= LONG_MS;
			hurry();
			if (sign.networkChanged) networkChanged();
			askChannels(sign.networkChanged, long);
			const present = link();
			// Nothing would follow a link that is given up, so its silence decides.
			if (present !== undefined && comesBack()) present.verify(Math.max(long ? SURE_MS : UNSURE_MS, ROUND_TRIPS * present.rttMs));
		}) ?? (() => undefined)
	);
}

/** After a silence so long most sides have given a connection up (`limits.idleTimeoutMs` by default). */
const LONG_MS = 15_000;

/** How long an answer may take if the other side has most likely given the connection up. A network that is not up yet is asked again with the next attempt. */
const SURE_MS = 600;

/** The same if the connection may well have lived through it. */
const UNSURE_MS = 2_000;

const ROUND_TRIPS = 4;
