/**
 * Takes one line from an input, and leaves the rest for somebody else.
 *
 * @module
 */

import type { Readable } from "node:stream";

/**
 * The first line, without its end. What follows can still be read from the input. `undefined`: the line has more than `most` bytes, or the
 * input has ended or broken with nothing in it.
 */
export function firstLine(input: Readable, most: number): Promise<string | undefined> {
	return new Promise((resolve) => {
		let taken = Buffer.alloc(0);
		const end = (line: Buffer | undefined): void => {
			input.off("readable", read);
			input.off("end", atEnd);
			input.off("error", atEnd);
			input.off("close", atEnd);
			resolve(line?.toString());
		};
		const atEnd = (): void => end(taken.length === 0 ? undefined : taken);
		const read = (): void => {
			for (;;) {
				const chunk: unknown = input.read();
				if (chunk === null) return;
				taken = Buffer.concat([taken, Buffer.from(chunk as Uint8Array)]);
				const at = taken.indexOf(0x0a);
				if ((at === -1 ? taken.length : at) > most) return end(undefined);
				if (at === -1) continue;
				const rest = taken.subarray(at + 1);
				if (rest.length > 0) input.unshift(rest);
				return end(taken.subarray(0, at));
			}
		};
		if (input.readableEnded || input.destroyed) return end(undefined);
		input.on("readable", read).on("end", atEnd).on("error", atEnd).on("close", atEnd);
	});
}
