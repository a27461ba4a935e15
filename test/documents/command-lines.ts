/**
 * The `conec` commands in shell blocks and transcripts, as the command itself reads them.
 *
 * @module
 */

import { optionsOf, parseCommandLine } from "../../packages/conec/src/cli/command-line/index.ts";
import { COMMANDS } from "../../packages/conec/src/cli/commands/index.ts";
import { CliError } from "../../packages/conec/src/cli/outcome/index.ts";
import type { Block } from "./blocks.ts";

/** What people type: the whole of a shell block, and of a transcript what follows a prompt (`$ `, `alice$ `, `# `). */
export function typed({ language, text }: Pick<Block, "language" | "text">): string {
	if (language !== "console") return text;
	return text
		.split("\n")
		.flatMap((line) => /^(?:[\w-]+)?[$#]\s+(.*)$/.exec(line)?.[1] ?? [])
		.join("\n");
}

/** The arguments of each `conec` in a script. It knows quotes, pipes, lists, redirections and remarks, which is what the pages use. */
export function conecCommands(script: string): string[][] {
	return commands(script.replaceAll(/\\\n\s*/g, " ")).flatMap((words) => {
		const at = words.findIndex((word) => /^(?:conec|packages\/conec\/dist\/cli\/main\.js)$/.test(word));
		// `conec` is the command only where nothing but its starter, variables and `sudo` come before.
		const starts = words.slice(0, at).every((word) => /^(?:npx|node|sudo|exec|time|-u|\w+=.*)$/.test(word) || word === "conec-user");
		return at < 0 || !starts ? [] : [words.slice(at + 1)];
	});
}

function commands(script: string): string[][] {
	const found: string[][] = [[]];
	// A word, an operator, or a remark.
	const tokens = /\d?[<>]+&?\s*\S*|(?:"[^"]*"|'[^']*'|\\.|[^\s|&;<>()"'#\\]|(?<=\S)#)+|[|&;()\n]+|#[^\n]*/g;
	for (const [token] of script.matchAll(tokens)) {
		if (/^[|&;()\n]/.test(token)) found.push([]);
		else if (!/^(?:#|\d?[<>])/.test(token)) found.at(-1)?.push(token.replaceAll(/"([^"]*)"|'([^']*)'/g, "$1$2"));
	}
	return found.filter((words) => words.length > 0);
}

/** What the command has against its arguments; undefined if nothing. */
export async function complaint([name = "--help", ...rest]: readonly string[]): Promise<string | undefined> {
	if (["help", "version", "--help", "--version", "-V"].includes(name)) return undefined;
	const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
	if (entry === undefined) return `no command ${name}`;
	try {
		parseCommandLine(await entry.spec(), rest, {});
		return undefined;
	} catch (error) {
		if (error instanceof CliError) return error.message;
		throw error;
	}
}

/** Whether a command in the text exists, with the options that it is said to have; what does not, if so. Names in capitals stand for anything. */
export async function unknownPart(name: string, rest: string): Promise<string | undefined> {
	if (name === "help" || name === "version") return undefined;
	const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
	if (entry === undefined) return name;
	const options = new Set(Object.keys(optionsOf(await entry.spec())));
	return [...rest.matchAll(/(?<=\s)--([a-z-]+)/g)].map((match) => match[1] as string).find((option) => !options.has(option));
}
