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
	/** Whether earlier text still waits to be taken. */
	readonly isBehind?: boolean | undefined;
	/** Resolves when there is room for more. */
	drained?(): Promise<void>;
}
