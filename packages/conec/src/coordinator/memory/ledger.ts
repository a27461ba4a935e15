/**
 * Who holds how much of a Coordinator's memory at one moment. Pure.
 *
 * @module
 */

/** What memory is held for. */
export type HeldKind =
	/** What is sent, or waits to be sent, and is not acknowledged. */
	| "unsent"
	/** What has come and waits for room where it goes to. */
	| "unread"
	/** Messages that the Coordinator's own application has not taken. */
	| "messages"
	/** Queues of members of broadcasts that are behind. */
	| "queues"
	/** What sessions and streams cost in any case, estimated. */
	| "fixed";

/** One that memory is held for. */
export interface Holder<P> {
	readonly party: P;
	/** What several parties have in common that are one: their key. */
	readonly key: string;
	/** All of it. */
	readonly bytes: number;
	readonly byKind: Readonly<Record<HeldKind, number>>;
}

interface Account<P> extends Holder<P> {
	bytes: number;
	readonly byKind: Record<HeldKind, number>;
}

/** See the module. What one key holds by several parties counts together. */
export class Ledger<P> {
	readonly #accounts: Map<P, Account<P>> = new Map();
	readonly #keys: Map<string, number> = new Map();
	#bytes = 0;
	#fixedBytes = 0;

	/** Bytes, 0 or more, are held for a party. */
	add(party: P, key: string, kind: HeldKind, bytes: number): void {
		if (!(bytes > 0)) return;
		let account = this.#accounts.get(party);
		if (account === undefined) {
			account = { party, key, bytes: 0, byKind: { unsent: 0, unread: 0, messages: 0, queues: 0, fixed: 0 } };
			this.#accounts.set(party, account);
		}
		account.bytes += bytes;
		account.byKind[kind] += bytes;
		this.#keys.set(key, (this.#keys.get(key) ?? 0) + bytes);
		this.addCommon(bytes, kind === "fixed");
	}

	/** Bytes are held for nobody in particular. */
	addCommon(bytes: number, fixed: boolean = false): void {
		if (!(bytes > 0)) return;
		this.#bytes += bytes;
		if (fixed) this.#fixedBytes += bytes;
	}

	/** All that is held. */
	get bytes(): number {
		return this.#bytes;
	}

	/** The part of it that sessions and streams cost in any case. */
	get fixedBytes(): number {
		return this.#fixedBytes;
	}

	/** How many keys hold something. */
	get keys(): number {
		return this.#keys.size;
	}

	/** What all parties with that key hold. */
	bytesOf(key: string): number {
		return this.#keys.get(key) ?? 0;
	}

	/** All that hold something: those of the heaviest key first, and of one key the heaviest first. */
	heaviestFirst(): Holder<P>[] {
		const weigh = ({ key }: Holder<P>): number => this.bytesOf(key);
		return [...this.#accounts.values()].sort((a, b) => weigh(b) - weigh(a) || (a.key === b.key ? 0 : a.key < b.key ? -1 : 1) || b.bytes - a.bytes);
	}
}
