/**
 * The parts of something that lives and ends as one.
 *
 * @module
 */

/** Owns parts. It ends them once, in the reverse order, and tells each the same `how`. So what a part was made with is still there when it ends. */
export class Lifetime<H> {
	#ends: ((how: H) => void)[] = [];
	#over: { readonly how: H } | undefined;

	/** Whether it has ended. */
	get over(): boolean {
		return this.#over !== undefined;
	}

	/** Owns one more part, which `end` ends. If it is over already, the part is ended at once. */
	own(end: (how: H) => void): void {
		if (this.#over === undefined) this.#ends.push(end);
		else end(this.#over.how);
	}

	/**
	 * Ends every part. If one throws, the others are ended all the same, and then the first error is thrown.
	 *
	 * @returns false if it had ended already: nothing is done then
	 */
	end(how: H): boolean {
		if (this.#over !== undefined) return false;
		this.#over = { how };
		const failures: unknown[] = [];
		for (const end of this.#ends.splice(0).reverse()) {
			try {
				end(how);
			} catch (error) {
				failures.push(error);
			}
		}
		if (failures.length > 0) throw failures[0];
		return true;
	}
}
