/**
 * Makes events of the frames of a watch. Pure. It checks what the Coordinator sends: nothing may be missing, nothing may come twice,
 * and a list must end.
 *
 * @module
 */

import type { PeerInfo } from "../../session/peer-info.ts";
import type { PresenceEvent } from "../../session/presence-event.ts";
import type { PeerChanges, PeersPage } from "../../wire/presence.ts";

/** The result of a frame. */
export type PresenceStep =
	| { readonly type: "events"; readonly events: readonly PresenceEvent[] }
	/** The list is longer than it may be. */
	| { readonly type: "too-many" }
	/** The Coordinator broke the protocol. */
	| { readonly type: "invalid"; readonly problem: string };

/** Keeps the list while it comes in. Afterwards it keeps only a number. */
export class PresenceView {
	readonly #maxPeers: number;
	#epoch: string | undefined;
	#seq = 0;
	#list: Map<string, PeerInfo> | undefined;

	/** `maxPeers`: longest list. */
	constructor(maxPeers: number) {
		this.#maxPeers = maxPeers;
	}

	/** Takes the next frame. */
	push(frame: PeersPage | PeerChanges): PresenceStep {
		return frame.type === "peers" ? this.#page(frame) : this.#changes(frame);
	}

	#page({ epoch, seq, first, more, peers }: PeersPage): PresenceStep {
		if (this.#epoch !== undefined && epoch !== this.#epoch) return invalid("another epoch in the same watch");
		if (first ? seq < this.#seq : this.#list === undefined || seq !== this.#seq) return invalid(`a page of change ${seq} after change ${this.#seq}`);
		const list = first || this.#list === undefined ? new Map<string, PeerInfo>() : this.#list;
		this.#list = list;
		this.#epoch = epoch;
		this.#seq = seq;
		for (const peer of peers) {
			// A member's place is in its page, also if a change has named it before.
			list.delete(peer.id);
			list.set(peer.id, peer);
		}
		if (list.size > this.#maxPeers) return { type: "too-many" };
		if (more) return NOTHING;
		this.#list = undefined;
		return { type: "events", events: [{ type: "members", members: [...list.values()], epoch, seq }] };
	}

	#changes({ seq, changes }: PeerChanges): PresenceStep {
		const epoch = this.#epoch;
		if (epoch === undefined || seq !== this.#seq + 1) return invalid(`change ${seq} after change ${this.#seq}`);
		this.#seq += changes.length;
		const list = this.#list;
		if (list === undefined) return { type: "events", events: changes.map(({ type, peer }, index) => ({ type, peer, epoch, seq: seq + index })) };
		for (const { type, peer } of changes) {
			if (type === "leave") list.delete(peer.id);
			else list.set(peer.id, peer);
		}
		return list.size > this.#maxPeers ? { type: "too-many" } : NOTHING;
	}
}

const NOTHING: PresenceStep = { type: "events", events: [] };

function invalid(problem: string): PresenceStep {
	return { type: "invalid", problem };
}
