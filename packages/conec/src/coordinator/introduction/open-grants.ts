/**
 * What the two sides of each attempt may send, until they have said what they did send. Pure: takes the time.
 *
 * A side settles what it was granted itself, once, and nothing else: what it says is true, or its own machine breaks the rules anyway.
 *
 * @module
 */

import type { SentPackets } from "../../wire/channel-messages.ts";
import { canonicalIp } from "../../wire/ip-address.ts";
import type { Grant } from "./punch-budget.ts";

/** By IP address. */
export type Grants = ReadonlyMap<string, Grant>;

/** See the module. */
export class OpenGrants<S> {
	readonly #open: Map<string, { readonly sides: Map<S, Grants>; readonly untilMs: number }> = new Map();

	/** Attempts of which a side has not said anything. */
	get size(): number {
		return this.#open.size;
	}

	/** Both begin. `untilMs`: by then they have said what they sent, or never will. */
	begin(token: string, sides: readonly (readonly [S, Grants])[], untilMs: number): void {
		this.#open.set(token, { sides: new Map(sides), untilMs });
	}

	/** A side says what it has sent, and sends no more; to addresses that it does not name, nothing. */
	settle(token: string, side: S, sent: readonly SentPackets[], nowMs: number): void {
		const open = this.#open.get(token);
		const grants = open?.sides.get(side);
		if (open === undefined || grants === undefined) return;
		open.sides.delete(side);
		if (open.sides.size === 0) this.#open.delete(token);
		const packets = new Map<string, number>();
		for (const one of sent) {
			const address = canonicalIp(one.address) ?? one.address;
			packets.set(address, (packets.get(address) ?? 0) + one.packets);
		}
		for (const [address, grant] of grants) grant.settle(packets.get(address) ?? 0, nowMs);
	}

	/** Forgets those whose time is up: what they were granted counts as sent. */
	sweep(nowMs: number): void {
		for (const [token, { untilMs }] of this.#open) if (untilMs <= nowMs) this.#open.delete(token);
	}

	/** Forgets all. */
	clear(): void {
		this.#open.clear();
	}
}
