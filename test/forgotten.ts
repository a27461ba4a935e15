/**
 * Connections whose end was told too late. Who closes one forgets it after three probe timeouts, less than 0.1 s on one machine, and
 * answers with a stateless reset from then on; where a machine is so busy that both are read together, quinn tells the latter only.
 */

import assert from "node:assert/strict";

/** See the module. */
export class Forgotten extends assert.AssertionError {
	constructor() {
		super({ message: "the other side had forgotten the connection before it was read why it has ended" });
	}
}

/** How a connection has ended, as it was given. Throws {@link Forgotten} where that was not told. */
export function asTold<Info extends { readonly error?: Error }>(info: Info): Info {
	for (let error: unknown = info.error; error instanceof Error; error = error.cause)
		if ((error as { code?: string }).code === "STATELESS_RESET") throw new Forgotten();
	return info;
}

/** For what cannot be done again: that it has ended must do. */
export function orForgotten(error: unknown): undefined {
	if (!(error instanceof Forgotten)) throw error;
}

/** Does something again where that has happened; what never tells how it ends fails all the same. */
export async function unlessForgotten<T>(run: () => Promise<T>): Promise<T> {
	for (let tries = 1; ; tries++) {
		try {
			return await run();
		} catch (error) {
			if (!(error instanceof Forgotten) || tries === 3) throw error;
		}
	}
}
