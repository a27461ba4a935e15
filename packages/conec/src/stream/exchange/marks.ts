/**
 * Which cumulative cost belongs to which number of a unit, for a stream that keeps nothing of what it sent.
 *
 * @module
 */

/** Costs closer than this to the mark before get no mark of their own. */
const STEP_BYTES = 8 * 1024;

const NONE: number[] = [];

/** Dropped marks that are cleared away at once. */
const CLEARED = 64;

/**
 * What is acknowledged is known up to the last mark at or below its number, which is at most {@link STEP_BYTES} and one
 * unit too little. It is exact again when everything is acknowledged, and its user knows that cost without a mark.
 */
export class Marks {
	// None at first: most streams send less than a step.
	#numbers: number[] | undefined = undefined;
	#costs: number[] = NONE;
	#head = 0;
	#marked: number;
	#acked: number;

	/** @param cost The cumulative cost of all units so far, which are not marked. */
	constructor(cost: number) {
		this.#marked = cost;
		this.#acked = 0;
	}

	/** Unit `number` was written, and all until then cost so much. */
	wrote(number: number, cost: number): void {
		if (cost - this.#marked < STEP_BYTES) return;
		this.#marked = cost;
		if (this.#numbers === undefined) [this.#numbers, this.#costs] = [[], []];
		this.#numbers.push(number);
		this.#costs.push(cost);
	}

	/** What the units up to `number` cost at least. */
	upTo(number: number): number {
		const numbers = this.#numbers;
		if (numbers === undefined) return this.#acked;
		while (this.#head < numbers.length && (numbers[this.#head] as number) <= number) this.#acked = this.#costs[this.#head++] as number;
		if (this.#head >= CLEARED || this.#head === numbers.length) {
			numbers.splice(0, this.#head);
			this.#costs.splice(0, this.#head);
			this.#head = 0;
		}
		return this.#acked;
	}
}
