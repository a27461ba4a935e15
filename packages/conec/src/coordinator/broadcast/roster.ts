/**
 * The Clients in one broadcast. Each is in it once, however often it has joined.
 *
 * @module
 */

import { type BroadcastPeer, encodeBroadcastControl } from "../../wire/broadcast.ts";
import { encodeFrame, FRAME, FRAME_BYTES } from "../../wire/frames.ts";

/** A change of the roster, in its place among the messages. */
export interface Presence {
	readonly seq: number;
	readonly id: string;
	/** The entry of the id before the change. Absent: it was not a member. */
	readonly before: BroadcastPeer | undefined;
	/** The whole CONTROL frame. */
	readonly frame: Uint8Array;
	/** How many queues keep it; see `HeldBytes`. */
	holders: number;
}

/** A change that has no number yet. */
export interface Change {
	readonly type: "join" | "update" | "leave";
	readonly peer: BroadcastPeer;
	readonly before: BroadcastPeer | undefined;
}

/** See the module. */
export class Roster {
	readonly peers: Map<string, BroadcastPeer> = new Map();
	readonly #joined: Map<string, number> = new Map();

	/** A Client joins once more. `undefined`: the others see no change. */
	join(peer: BroadcastPeer): Change | undefined {
		this.#joined.set(peer.id, (this.#joined.get(peer.id) ?? 0) + 1);
		return this.update(peer);
	}

	/** The metadata of a member has changed. */
	update(peer: BroadcastPeer): Change | undefined {
		const before = this.peers.get(peer.id);
		if (!this.#joined.has(peer.id) || (before !== undefined && samePeer(before, peer))) return undefined;
		this.peers.set(peer.id, peer);
		return { type: before === undefined ? "join" : "update", peer, before };
	}

	/** A Client leaves once. */
	leave(id: string): Change | undefined {
		const count = (this.#joined.get(id) ?? 1) - 1;
		if (count > 0) {
			this.#joined.set(id, count);
			return undefined;
		}
		this.#joined.delete(id);
		const before = this.peers.get(id);
		this.peers.delete(id);
		return before === undefined ? undefined : { type: "leave", peer: before, before };
	}
}

/** The change with its number, encoded. */
export function stampChange({ type, peer, before }: Change, seq: number): Presence {
	return { seq, id: peer.id, before, frame: encodeFrame(FRAME.CONTROL, encodeBroadcastControl({ type, seq, peer })), holders: 0 };
}

/** A `members` frame with as many members from `from` on as it holds, and the member that comes next. `undefined`: none does. */
export function encodeMembersPage(
	peers: readonly BroadcastPeer[],
	from: number,
	seq: number,
): { readonly frame: Uint8Array; readonly next: number | undefined } {
	const texts: string[] = [];
	let room = PAGE_BYTES;
	let at = from;
	for (; at < peers.length; at++) {
		const { json, bytes } = textOf(peers[at] as BroadcastPeer);
		if (bytes > room) break;
		texts.push(json);
		room -= bytes;
	}
	const next = at < peers.length ? at : undefined;
	// The result is that of `encodeBroadcastControl`. But if a thousand members join, each does not make the text of a thousand again.
	const text = `{"type":"members","seq":${seq},"members":[${texts.join(",")}],"more":${next !== undefined}}`;
	return { frame: encodeFrame(FRAME.CONTROL, Buffer.from(text)), next };
}

function textOf(peer: BroadcastPeer): { readonly json: string; readonly bytes: number } {
	let text = TEXTS.get(peer);
	if (text === undefined) {
		const json = JSON.stringify(peer);
		text = { json, bytes: Buffer.byteLength(json) + 1 };
		TEXTS.set(peer, text);
	}
	return text;
}

const TEXTS: WeakMap<BroadcastPeer, { readonly json: string; readonly bytes: number }> = new WeakMap();

/** Room for the rest of the message. */
const PAGE_BYTES = FRAME_BYTES - 256;

function samePeer(a: BroadcastPeer, b: BroadcastPeer): boolean {
	return a.fingerprint === b.fingerprint && JSON.stringify(a.metadata) === JSON.stringify(b.metadata);
}
