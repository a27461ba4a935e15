/**
 * Who holds the end of a stream in a walk.
 *
 * @module
 */

/** A Client or the Coordinator: one run of it. */
export interface Party {
	/** The id of the Client; `null`: the Coordinator. */
	readonly id: string | null;
	/** For the log. */
	readonly name: string;
	/** Its process was killed. */
	readonly killed: boolean;
	/** It has been closed or destroyed by its own application. */
	readonly left: boolean;
	/** It has been without a Coordinator, and goes on. */
	readonly hasBeenAway: boolean;
}

/** Whether what a party sees of an end says nothing of the other side. */
export function isAway(party: Party): boolean {
	return party.killed || party.left;
}
