/**
 * All kinds of attacks.
 *
 * @module
 */

import { CONNECTION_KINDS } from "./connections.ts";
import { CONTROL_KINDS } from "./control.ts";
import type { Kind } from "./kind.ts";
import { POOL_KINDS } from "./pools.ts";
import { STREAM_KINDS } from "./streams.ts";

export type { Kind, World } from "./kind.ts";

/** In the order in which they are run. */
export const KINDS: readonly Kind[] = [...CONTROL_KINDS, ...STREAM_KINDS, ...POOL_KINDS, ...CONNECTION_KINDS];

/** The kind of that name. Throws when there is none. */
export function kindOf(name: string): Kind {
	const kind = KINDS.find((one) => one.name === name);
	if (kind === undefined) throw new Error(`there is no attack "${name}": ${KINDS.map((one) => one.name).join(", ")}`);
	return kind;
}
