/**
 * The rules for the folders ("rooms") of the Rust crate: which modules may know each other, and how large they may grow. `tests.rs` is not counted, and may know more.
 *
 * @module
 */

// @ts-expect-error a script without types
import { circleOf, MAX_FILES, MAX_LINES } from "./layout.mjs";

/**
 * What is wrong with a crate; nothing when it keeps the rules.
 *
 * @param files the sources by their paths below `src`, with forward slashes
 */
export function complaints(files: ReadonlyMap<string, string>): string[] {
	const modules = new Map<string, Set<string>>();
	const rooms = new Map<string, Set<string>>();
	for (const [file, source] of files) {
		for (const target of uses(file, source, files)) {
			if (target === file) continue;
			if (!isTest(file) && !isTest(target)) edges(modules, file).add(target);
			if (roomOf(file) !== roomOf(target)) edges(rooms, roomOf(file)).add(roomOf(target));
		}
	}
	const circles = [
		["rooms", circleOf(rooms) as string[] | undefined],
		["modules", circleOf(modules) as string[] | undefined],
	] as const;
	return [
		...circles.flatMap(([what, found]) => (found === undefined ? [] : [`circle of ${what}: ${found.join(" -> ")}`])),
		...[...files].filter(([, source]) => linesOf(source) > MAX_LINES).map(([file, source]) => `${file} has ${linesOf(source)} lines`),
		...crowdedFolders([...files.keys()]),
		...[...files.keys()].filter(repeatsItsFolder).map((file) => `${file} repeats the name of its folder`),
	];
}

/** The files that a file refers to, through `use`, by a path in its code, or because it declares them. */
export function uses(file: string, source: string, files: ReadonlyMap<string, string>): string[] {
	const code = withoutText(source);
	const inline = inlineModules(code);
	const own = modulePath(file);
	const found = new Set<string>();
	const add = (path: readonly string[]): void => {
		const target = fileOf(path, files);
		if (target !== undefined) found.add(target);
	};
	for (const match of code.matchAll(/(?<![\w:$])(crate|super|self)((?:\s*::\s*\w+)*)(\s*::\s*[{*])?/g)) {
		const [all, first = "", rest = "", end = ""] = match;
		if (rest === "" && end === "") continue; // `pub(super)`, or a receiver
		const names = rest.split("::").map((name) => name.trim());
		const here = [...own, ...inline.filter(({ from, to }) => from < match.index && match.index < to).map(({ name }) => name)];
		let path = first === "crate" ? [] : first === "super" ? here.slice(0, -1) : here;
		for (const name of names.filter(Boolean)) path = name === "super" ? path.slice(0, -1) : [...path, name];
		if (!end.endsWith("{")) add(path);
		else for (const item of groupItems(code, match.index + all.length)) add([...path, ...item]);
	}
	for (const match of code.matchAll(/^\s*(?:pub(?:\([^)]*\))? )?mod (\w+);/gm)) {
		const here = inline.filter(({ from, to }) => from < match.index && match.index < to).map(({ name }) => name);
		add([...own, ...here, match[1] as string]);
	}
	return [...found].sort();
}

/** The paths in a group of a `use`, whose `{` ends before `start`. */
function groupItems(code: string, start: number): string[][] {
	const items: string[][] = [];
	const prefixes: string[][] = [[]];
	let path: string[] = [];
	const finish = (): void => {
		if (path.length > 0) items.push([...prefixes.flat(), ...path]);
		path = [];
	};
	for (const [token] of code.slice(start).matchAll(/\w+|[{},]/g)) {
		if (token === "{") {
			prefixes.push(path);
			path = [];
		} else if (token === "," || token === "}") {
			finish();
			if (token === "}" && prefixes.length === 1) return items;
			if (token === "}") prefixes.pop();
		} else if (token !== "self") {
			path.push(token);
		}
	}
	return items;
}

/** Comments, strings and characters become blanks of the same length. */
function withoutText(source: string): string {
	const text = /"(?:\\[\s\S]|[^"\\])*"|'(?:\\.|[^'\\])'|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
	return source.replace(text, (found) => found.replace(/[^\n]/g, " "));
}

/** Where modules begin and end whose body stands in the file, outer ones first. */
function inlineModules(code: string): { name: string; from: number; to: number }[] {
	return [...code.matchAll(/\bmod (\w+) \{/g)].map((match) => {
		const from = match.index + match[0].length;
		let depth = 1;
		let to = from;
		for (; to < code.length && depth > 0; to++) {
			if (code[to] === "{") depth++;
			if (code[to] === "}") depth--;
		}
		return { name: match[1] as string, from, to };
	});
}

function modulePath(file: string): string[] {
	const names = file.replace(/\.rs$/, "").split("/");
	const last = names.at(-1);
	return last === "mod" || (names.length === 1 && last === "lib") ? names.slice(0, -1) : names;
}

/** The file of the innermost module on a path that has one of its own. */
function fileOf(path: readonly string[], files: ReadonlyMap<string, string>): string | undefined {
	for (let length = path.length; length > 0; length--) {
		const name = path.slice(0, length).join("/");
		for (const file of [`${name}.rs`, `${name}/mod.rs`]) if (files.has(file)) return file;
	}
	return undefined;
}

function roomOf(file: string): string {
	return (file.split("/")[0] as string).replace(/\.rs$/, "");
}

function isTest(file: string): boolean {
	return /(^|\/)tests\.rs$/.test(file);
}

function linesOf(source: string): number {
	return source.split("\n").length - 1;
}

function edges(graph: Map<string, Set<string>>, from: string): Set<string> {
	const known = graph.get(from) ?? new Set();
	graph.set(from, known);
	return known;
}

function crowdedFolders(files: readonly string[]): string[] {
	const counts = new Map<string, number>();
	for (const file of files.filter((name) => !isTest(name))) {
		const folder = file.split("/").slice(0, -1).join("/") || ".";
		counts.set(folder, (counts.get(folder) ?? 0) + 1);
	}
	return [...counts].filter(([, count]) => count > MAX_FILES).map(([folder, count]) => `${folder} has ${count} files`);
}

/** `stream/stream_state.rs` does; `stream/stream.rs` is the file of the room's main type. */
function repeatsItsFolder(file: string): boolean {
	const names = file.split("/");
	return names.length > 1 && `${names.at(-1)}`.startsWith(`${names.at(-2)}_`);
}
