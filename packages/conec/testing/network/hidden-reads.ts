/**
 * Reads of small files that Node does not list. From Node 26 on, `readFile` is one request that `getActiveResourcesInfo` leaves out.
 *
 * @module
 */

import { createHook } from "node:async_hooks";

/** What {@link watchHiddenReads} sees. */
export interface HiddenReads {
	/** How many requests have begun since, and have not come back. */
	readonly pending: number;
	/** Nothing is counted any more. */
	stop(): void;
}

/** Counts requests to the file system from now on, where Node does not list all of them itself. */
export function watchHiddenReads(version: string = process.versions.node): HiddenReads {
	if (Number.parseInt(version, 10) < 26) return { pending: 0, stop: () => undefined };
	const ids = new Set<number>();
	const hook = createHook({
		init: (id, type) => {
			if (type === "FSREQCALLBACK") ids.add(id);
		},
		// It has come back; what it says is heard next.
		before: (id) => void ids.delete(id),
		destroy: (id) => void ids.delete(id),
		// To follow each promise would slow everything down. The types of Node 20 do not know this option.
		...{ trackPromises: false },
	});
	hook.enable();
	return {
		get pending() {
			return ids.size;
		},
		stop: () => {
			hook.disable();
			ids.clear();
		},
	};
}
