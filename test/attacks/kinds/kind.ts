/**
 * What an attack is.
 *
 * @module
 */

import type { CoordinatorLimits } from "../../../packages/conec/src/index.ts";
import type { Army } from "../army.ts";

/** One line of the table. */
export interface Kind {
	readonly name: string;
	/** What the attackers do, in a few words. */
	readonly does: string;
	/** What must hold, beside the figures and that nobody loses anything. */
	readonly holds: string;
	/** What the round needs that others do not. */
	readonly world?: World;
	/** Before the time begins. */
	readonly prepare?: (army: Army) => Promise<void>;
	/** What the second process does before the time begins, in kinds that have one: they are there to be sent to. */
	readonly readers?: (army: Army) => Promise<void>;
	/** Until `army.over`. */
	readonly attack: (army: Army) => Promise<void> | void;
}

/** Where an attack takes place. */
export interface World {
	/** Limits of the Coordinator. Pools are small, so that a few seconds fill them. */
	readonly limits?: Partial<CoordinatorLimits>;
	/** It needs so long to show what it does. @default what the round is told */
	readonly leastSeconds?: number;
	/** The victim is behind a line that carries so much. */
	readonly lineBytesPerSecond?: number;
	/** The second process is stopped when the time begins: it acknowledges nothing. */
	readonly frozenReaders?: boolean;
	/** Where the attackers come from: networks that are not loopback. Needs root; otherwise addresses of loopback, which some limits exempt. */
	readonly sources?: "one /24" | "many IPv6 networks";
}
