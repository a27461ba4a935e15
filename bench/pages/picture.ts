/**
 * The frame of a picture: an SVG that is readable on light and on dark pages, and says everything in words too. Pure.
 *
 * @module
 */

/** All pictures are that wide. */
export const PICTURE_WIDTH = 720;
/** Where the first panel begins, below the title and two lines of the note. */
export const PICTURE_TOP = 64;
/** So many characters of the note are in a line. */
const NOTE_LINE = 105;

const STYLE = `		.ink { fill: #24292f; }
		.soft { fill: #57606a; font-size: 12px; }
		.bar { fill: #8c959f; }
		.ours { fill: #0b62b8; }
		.range { stroke: #24292f; stroke-width: 1.5; }
		.grid { stroke: #d0d7de; stroke-width: 1; }
		.line { fill: none; stroke-width: 2; }
		.line-0 { stroke: #0b62b8; } .dot-0 { fill: #0b62b8; }
		.line-1 { stroke: #bc4c00; } .dot-1 { fill: #bc4c00; }
		.line-2 { stroke: #1a7f37; } .dot-2 { fill: #1a7f37; }
		.line-3 { stroke: #8250df; } .dot-3 { fill: #8250df; }
		.bend { stroke: #24292f; stroke-width: 1.5; }
		@media (prefers-color-scheme: dark) {
			.ink { fill: #e6edf3; }
			.soft { fill: #9da7b1; }
			.bar { fill: #6e7681; }
			.ours { fill: #58a6ff; }
			.range { stroke: #e6edf3; }
			.grid { stroke: #30363d; }
			.line-0 { stroke: #58a6ff; } .dot-0 { fill: #58a6ff; }
			.line-1 { stroke: #f0883e; } .dot-1 { fill: #f0883e; }
			.line-2 { stroke: #3fb950; } .dot-2 { fill: #3fb950; }
			.line-3 { stroke: #bc8cff; } .dot-3 { fill: #bc8cff; }
			.bend { stroke: #e6edf3; }
		}`;

/** What a picture says beside what it shows. */
export interface Words {
	readonly title: string;
	/** Where the figures are from. */
	readonly note: string;
	/** All of them, for those who do not see it. */
	readonly description: string;
	readonly height: number;
}

/** A picture of these panels. */
export function picture({ title, note, description, height }: Words, panels: readonly string[]): string {
	return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${PICTURE_WIDTH} ${height}" role="img" aria-labelledby="title description" font-family="system-ui, -apple-system, 'Segoe UI', sans-serif" font-size="14">
	<title id="title">${escaped(title)}</title>
	<desc id="description">${escaped(description)}</desc>
	<style>
${STYLE}
	</style>
	<text class="ink" x="0" y="18" font-size="16" font-weight="600">${escaped(title)}</text>
${wrapped(note)
	.map((line, index) => `	<text class="soft" x="0" y="${36 + 16 * index}">${escaped(line)}</text>`)
	.join("\n")}
${panels.join("\n")}
</svg>
`;
}

/** The same in lines that a picture has room for. */
export function wrapped(note: string): string[] {
	const lines: string[] = [];
	for (const word of note.split(" ")) {
		const last = lines.at(-1);
		if (last === undefined || last.length + 1 + word.length > NOTE_LINE) lines.push(word);
		else lines[lines.length - 1] = `${last} ${word}`;
	}
	return lines;
}

/** Text between tags. */
export function escaped(text: string): string {
	return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
