/**
 * Where a command writes text.
 *
 * @module
 */

/** Where text goes. Never fails: what cannot be written is lost. */
export interface Sink {
	write(text: string): void;
	readonly isTTY?: boolean | undefined;
	readonly columns?: number | undefined;
	/** What was written before has not been taken yet. */
	readonly isBehind?: boolean | undefined;
	/** Resolves when there is room for more. */
	drained?(): Promise<void>;
}
