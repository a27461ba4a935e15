/**
 * What a walk has found wrong.
 *
 * @module
 */

/** Collects what must not be; `note` writes it into the log of the world where it came up. */
export class Verdict {
	readonly problems: string[] = [];
	readonly #note: (line: string) => void;

	constructor(note: (line: string) => void) {
		this.#note = note;
	}

	/** Something is wrong. */
	wrong(problem: string): void {
		// One fault often shows a thousand times.
		if (this.problems.length < 50) this.problems.push(problem);
		this.#note(`WRONG ${problem}`);
	}

	/** Something is wrong unless it holds. */
	must(holds: boolean, problem: () => string): void {
		if (!holds) this.wrong(problem());
	}
}

/** Whether an error says that the other side has broken the rules, which nobody does here. */
export function accuses(code: string | undefined): boolean {
	return code === "FRAME_INVALID" || code === "PROTOCOL_ERROR" || code === "STREAM_TRUNCATED" || code === "STREAM_ID_IN_USE";
}

/** The code of an error of Conec, or what else was thrown. */
export function codeOf(error: unknown): string {
	if (error instanceof Error && "code" in error) return String(error.code);
	return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
