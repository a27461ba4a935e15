import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
// @ts-expect-error a script without types
import { bodyOf, declaration, listed, statements } from "./declarations.mjs";
// @ts-expect-error a script without types
import { ENTRIES, readEntry } from "./entries.mjs";
// @ts-expect-error a script without types
import { apiPages } from "./generate.mjs";
// @ts-expect-error a script without types
import { undescribed } from "./markdown.mjs";

interface Statement {
	readonly doc: string;
	readonly code: string;
	readonly name?: string;
}

const root: string = join(import.meta.dirname, "..", "..");
const folder: string = join(root, "docs", "api");
const entries = ENTRIES as readonly { readonly specifier: string; readonly file: string; readonly page: string }[];
const page = (name: string): string => readFileSync(join(folder, name), "utf8");

test("api reference: its pages are what the doc comments say now (npm run docs:api writes them)", () => {
	const pages = apiPages() as ReadonlyMap<string, string>;
	assert.deepEqual(readdirSync(folder).sort(), [...pages.keys()].sort());
	for (const [name, text] of pages) assert.equal(page(name), text, `docs/api/${name} is old: run npm run docs:api`);
});

for (const { specifier, page: name, file } of entries) {
	test(`api reference: each export of ${specifier} is there, once, with a description`, async () => {
		const text = page(name);
		const headings = [...text.matchAll(/^## (\w+)$/gm)].map((match) => match[1] as string);
		assert.equal(new Set(headings.map((heading) => heading.toLowerCase())).size, headings.length, "two exports differ only by case, and so share an anchor");
		// What the program sees, by another way than the generator's.
		const values = Object.keys((await import(pathToFileURL(join(root, file.replace(/\.d\.ts$/, ".js"))).href)) as object);
		assert.ok(values.length > 0);
		assert.deepEqual(
			values.filter((value) => !headings.includes(value)),
			[],
		);
		for (const heading of headings) assert.match(text, new RegExp(`^## ${heading}\\n\\n[A-Z\`].{10,}`, "m"), `${heading} has no description`);
	});
}

test("api reference: an export without a comment is found", () => {
	const { exports } = readEntry(ENTRIES[0]) as { readonly exports: readonly { readonly declarations: readonly Statement[] }[] };
	assert.deepEqual(undescribed({ exports }), []);
	const [first, ...others] = exports;
	assert.ok(first !== undefined);
	const bare = { ...first, declarations: first.declarations.map((one) => ({ ...one, doc: "@module" })) };
	assert.equal(undescribed({ exports: [bare, ...others] }).length, 1);
});

test("api reference: every link of its pages leads somewhere", () => {
	for (const name of readdirSync(folder)) {
		for (const [, target = "", fragment] of page(name).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)) {
			const file = target === "" ? name : target;
			const text = readFileSync(join(folder, file), "utf8");
			if (fragment !== undefined) assert.ok(new RegExp(`^##+ ${fragment}$`, "im").test(text), `${name}: ${file}#${fragment}`);
		}
	}
});

test("api reference: brackets and quotes in comments and strings end nothing", () => {
	const text =
		'/** It says "}" and {. */\nexport declare const A: "};" | `}{`; // }\nexport interface B { /* ; */ x: { y: 1; }; }\nexport type C = {\n    z: "\\"}";\n};\n';
	const found = (statements(text, { blocks: true }) as Statement[]).map(declaration) as {
		readonly kind: string;
		readonly name: string;
		readonly doc: string;
	}[];
	assert.deepEqual(
		found.map(({ kind, name, doc }) => [kind, name, doc]),
		[
			["const", "A", 'It says "}" and {.'],
			["interface", "B", ""],
			["type", "C", ""],
		],
	);
});

test("api reference: a class shows its public members, with their comments", () => {
	const code =
		"declare class A<T extends { x: 1 }> {\n    #private;\n    /** The x. */\n    readonly x: T;\n    /** @internal */\n    y(): void;\n    private constructor();\n    static go(o?: { z: 1; }): A<T>;\n}";
	const { head, members } = bodyOf(code) as { readonly head: string; readonly members: readonly Statement[] };
	assert.equal(head, "declare class A<T extends { x: 1 }>");
	assert.deepEqual(
		members.map(({ name, doc }) => [name, doc]),
		[
			["x", "The x."],
			["go", ""],
		],
	);
});

test("api reference: lists of exports are read with their aliases", () => {
	const [list] = statements('export { A, type B as C } from "./d.ts";') as Statement[];
	assert.deepEqual(listed(list), [
		{ name: "A", alias: "A", from: "./d.ts", exported: true },
		{ name: "B", alias: "C", from: "./d.ts", exported: true },
	]);
});

const broken: readonly (readonly [what: string, text: string])[] = [
	["a bracket too many", "export declare const A: 1); export type B = 2;"],
	["a statement without an end", "export type A = {"],
];

for (const [what, text] of broken) test(`api reference: ${what} is an error, not half a page`, () => assert.throws(() => statements(text, { blocks: true })));
