// Which entries the packages have, and what each exports: followed from its `index.d.ts` through the lists of exports to the declarations.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { declaration, listed, statements } from "./declarations.mjs";

const root = join(import.meta.dirname, "..", "..");

/** The pages: what is imported, where its declarations are, and the file of the page. */
export const ENTRIES = [
	{ specifier: "conec", file: "packages/conec/dist/index.d.ts", page: "conec.md" },
	{ specifier: "conec/testing", file: "packages/conec/dist/testing/index.d.ts", page: "conec-testing.md" },
	{ specifier: "@conec/quic", file: "packages/quic/dist/index.d.ts", page: "conec-quic.md" },
];

/** What an entry says of itself, and its exports in the order of their names. An export has one `declarations` for each overload, and `beside`: what they mention and the entry does not export. */
export function readEntry({ specifier, file }) {
	const path = join(root, file);
	const text = readFileSync(path, "utf8");
	const intro = statementsOf(path)[0]?.doc ?? "";
	if (!/@module\b/.test(intro)) throw new Error(`${file} says nothing about itself: it has no comment with @module`);
	if (/^export \*/m.test(text)) throw new Error(`${file} exports all of another file: name what it exports`);
	const exports = exportsOf(path).map(({ alias, name, from }) => ({ name: alias, ...find(from, name) }));
	return { specifier, intro, exports: exports.sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1)) };
}

function exportsOf(path) {
	return statementsOf(path)
		.flatMap(listed)
		.filter(({ exported }) => exported)
		.map(({ name, alias, from }) => ({ name, alias, from: resolved(from, path) }));
}

/** The declarations of a name, in the file itself or in the one that it takes it from. */
function find(path, name) {
	const all = statementsOf(path);
	const declarations = all.map(declaration).filter((found) => found?.name === name);
	if (declarations.length > 0) return { declarations, beside: besides(path, declarations) };
	const other = all.flatMap(listed).find(({ alias, exported }) => exported && alias === name);
	if (other === undefined) throw new Error(`${path} does not declare ${name}`);
	return find(resolved(other.from, path), other.name);
}

/** What a type is made of: the constants of `typeof NAMES`, and what it is another name for. Without them nobody can read it. */
function besides(path, declarations) {
	const mentioned = declarations.flatMap(({ code }) =>
		[...code.matchAll(/\btypeof (\w+)|^type \w+ = ([A-Z]\w+);$/g)].map(([, constant, type]) => constant ?? type),
	);
	const names = new Set(mentioned.filter((name) => declarations.every((own) => own.name !== name)));
	return [...names].flatMap((name) => {
		const here = statementsOf(path)
			.map(declaration)
			.find((found) => found?.name === name);
		if (here !== undefined) return [here];
		const imported = statementsOf(path)
			.flatMap(listed)
			.find(({ alias }) => alias === name);
		return imported === undefined ? [] : find(resolved(imported.from, path), imported.name).declarations;
	});
}

const cache = new Map();

function statementsOf(path) {
	if (!cache.has(path)) cache.set(path, statements(readFileSync(path, "utf8"), { blocks: true }));
	return cache.get(path);
}

/** The declaration file behind `./x.ts` or `#conec/x`. */
function resolved(specifier, from) {
	const path = specifier.startsWith("#conec/")
		? join(root, "packages/conec/dist", `${specifier.slice("#conec/".length)}.d.ts`)
		: join(dirname(from), specifier.replace(/\.ts$/, ".d.ts"));
	if (!existsSync(path)) throw new Error(`${from} takes something from ${specifier}, and ${path} is not there`);
	return path;
}
