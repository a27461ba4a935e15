/**
 * The streams that peers have opened here and that survive their legs, by their tokens.
 *
 * @module
 */

import { equalInConstantTime } from "../../base/constant-time.ts";
import { isSamePeer, type Proof } from "./proof.ts";

/** A stream with the token that names it, and who may use that. */
export interface Named {
	readonly proof: Proof;
	/** 32 hexadecimal digits. A secret. */
	readonly token: string;
}

/** So many of the digits lead to a stream. The others are compared in constant time. */
const INDEX_DIGITS = 8;

/** See the module. A token is known for its own peer only. */
export class Tokens<T extends Named> {
	readonly #byIndex: Map<string, T[]> = new Map();
	#size = 0;

	/** How many are known. */
	get size(): number {
		return this.#size;
	}

	/** The stream with that token, if that peer has opened it. */
	find(proof: Proof, token: string): T | undefined {
		let found: T | undefined;
		for (const one of this.#byIndex.get(indexOf(proof, token)) ?? []) if (equalInConstantTime(one.token, token)) found = one;
		return found !== undefined && isSamePeer(found.proof, proof) ? found : undefined;
	}

	/** Adds one. False: some stream of that id has this token. */
	add(one: T): boolean {
		const index = indexOf(one.proof, one.token);
		const others = this.#byIndex.get(index);
		if (others === undefined) this.#byIndex.set(index, [one]);
		else if (others.some(({ token }) => equalInConstantTime(token, one.token))) return false;
		else others.push(one);
		this.#size++;
		return true;
	}

	/** Forgets one, if it is there. */
	delete(one: T): void {
		const index = indexOf(one.proof, one.token);
		const all = this.#byIndex.get(index);
		const at = all?.indexOf(one) ?? -1;
		if (all === undefined || at < 0) return;
		all.splice(at, 1);
		this.#size--;
		if (all.length === 0) this.#byIndex.delete(index);
	}
}

function indexOf({ peer }: Proof, token: string): string {
	return `${token.slice(0, INDEX_DIGITS)}${peer ?? ""}`;
}
