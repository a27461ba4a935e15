/**
 * How a stream ends, as far as known.
 *
 * @module
 */

import type { CloseInfo } from "../close-info.ts";

/** What ended a stream otherwise than by END on both sides counts, and of that the first. Else it is who sent END first. */
export class Ending {
	#broken: CloseInfo | undefined = undefined;
	#by: "local" | "peer" = "local";

	get info(): CloseInfo {
		return this.#broken ?? { by: this.#by };
	}

	/** The peer's END came before the application closed. */
	endedThere(): void {
		this.#by = "peer";
	}

	broke(info: CloseInfo): void {
		this.#broken ??= info;
	}
}
