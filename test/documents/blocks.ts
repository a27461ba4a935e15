/**
 * The code blocks of the pages, and what the comments above them say to the tests:
 *
 * - `<!-- given: CODE -->`: what is there before a TypeScript block begins. The block may use the names, or have its own of the same name.
 * - `<!-- prints: TEXT -->`: what it prints, line by line. A program that goes on after that need not end.
 * - `<!-- run -->`: commands that the test runs, in an empty folder.
 * - `<!-- not run: REASON -->`: why nobody can run it here. It is still checked as far as it goes.
 *
 * @module
 */

/** One code block. */
export interface Block {
	readonly page: string;
	/** Of its first fence, counted from 1. */
	readonly line: number;
	readonly language: string;
	/** What follows the language. */
	readonly info: string;
	readonly text: string;
	readonly given: string;
	readonly prints: readonly string[] | undefined;
	readonly run: boolean;
	readonly notRun: string | undefined;
}

/** The code blocks of a page, in order. Throws for a fence without an end, and for a comment that nobody understands. */
export function blocksOf(page: string, markdown: string): Block[] {
	const lines = markdown.split("\n");
	const blocks: Block[] = [];
	let notes: string[] = [];
	for (let at = 0; at < lines.length; at++) {
		const line = lines[at] as string;
		if (line.trimStart().startsWith("<!--")) {
			const end = lines.findIndex((other, index) => index >= at && other.includes("-->"));
			if (end < 0) throw new Error(`${page}:${at + 1}: a comment has no end`);
			notes.push(
				lines
					.slice(at, end + 1)
					.join("\n")
					.replace(/^\s*<!--\s*|\s*-->.*$/gs, ""),
			);
			at = end;
			continue;
		}
		const fence = /^(\s*)(```+)(\S*)\s*(.*)$/.exec(line);
		if (fence === null) {
			if (line.trim() !== "") notes = [];
			continue;
		}
		const [, indent = "", ticks = "", language = "", info = ""] = fence;
		const end = lines.findIndex((other, index) => index > at && other.trim() === ticks);
		if (end < 0) throw new Error(`${page}:${at + 1}: a code block has no end`);
		const text = lines
			.slice(at + 1, end)
			.map((other) => (other.startsWith(indent) ? other.slice(indent.length) : other))
			.join("\n");
		blocks.push({ page, line: at + 1, language, info, text, ...noted(notes, `${page}:${at + 1}`) });
		notes = [];
		at = end;
	}
	return blocks;
}

function noted(notes: readonly string[], where: string): Pick<Block, "given" | "prints" | "run" | "notRun"> {
	const said = new Map<string, string>();
	for (const note of notes) {
		const match = /^(given|prints|not run|run)(?::\s*([\s\S]*))?$/.exec(note);
		if (match === null) throw new Error(`${where}: the comment above says nothing that the tests know: ${note}`);
		said.set(match[1] as string, match[2] ?? "");
	}
	const notRun = said.get("not run");
	if (notRun !== undefined && notRun.length < 10) throw new Error(`${where}: "not run" needs a reason`);
	return { given: said.get("given") ?? "", prints: said.get("prints")?.split("\n"), run: said.has("run"), notRun };
}
