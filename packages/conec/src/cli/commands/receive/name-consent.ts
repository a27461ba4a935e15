/**
 * Decides about names that a receiver has to allow: by `--allow-hidden`, by asking on the terminal, or not at all.
 *
 * @module
 */

import type { Answer } from "../../terminal/index.ts";
import { quoted } from "../../text/index.ts";

/** What decides. */
export interface ConsentOptions {
	/** Whether `--allow-hidden` was given. */
	readonly allowHidden: boolean;
	/** `undefined`: there is no terminal. */
	readonly ask: ((question: string) => Promise<Answer>) | undefined;
	readonly peer: string;
}

/** For one transfer: whether a name is taken. "all" and "none" hold for the rest of it. */
export function nameConsent({ allowHidden, ask, peer }: ConsentOptions): (name: string, reason: string) => Promise<boolean> {
	let settled: boolean | undefined = allowHidden ? true : ask === undefined ? false : undefined;
	return async (name, reason) => {
		if (settled !== undefined || ask === undefined) return settled === true;
		const answer = await ask(`${peer} sends ${quoted(name)}: its name ${reason}. Take it?`);
		if (answer === "all" || answer === "none") settled = answer === "all";
		return answer === "yes" || answer === "all";
	};
}
