/**
 * What a process and one of its connections lend to a stream.
 *
 * @module
 */

import type { AckSlots, KeptShares, ReceiveWindows, SendShares } from "./windows/index.ts";

/** See the module. */
export interface Lent {
	/** Of the process. */
	readonly windows: ReceiveWindows;
	/** Of the connection. */
	readonly shares: SendShares;
	/** Of the connection. */
	readonly acks: AckSlots;
}

/** For streams that do not survive the loss of their leg. */
export const NOTHING_KEPT: KeptShares = {
	open: () => ({ admits: () => true, kept() {}, released() {}, suspended() {}, cancel() {}, close() {} }),
};
