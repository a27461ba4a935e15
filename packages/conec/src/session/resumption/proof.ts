/**
 * Who is at the other end of a leg, and how that is known.
 *
 * @module
 */

/** What a connection has shown of a peer. */
export interface Proof {
	/** Its id; `null`: the Coordinator. */
	readonly peer: string | null;
	/** `sha256:<hex>` of its key. Through the Coordinator it is what the Coordinator says. Of the Coordinator itself, whose key its connection has shown: none. */
	readonly key: string | undefined;
	/** An authority that this side trusts has said, in a certificate that this side has checked, that the id is that peer's. */
	readonly verified: boolean;
}

/** Whether two legs lead to the same peer: it has the same id, and the same key or both times the word of the authority. */
export function isSamePeer(a: Proof, b: Proof): boolean {
	if (a.peer !== b.peer) return false;
	if (a.peer === null || (a.verified && b.verified)) return true;
	return a.key !== undefined && a.key === b.key;
}
