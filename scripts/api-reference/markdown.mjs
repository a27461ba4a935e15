// Turns entries into pages.

import { bodyOf } from "./declarations.mjs";

const KINDS = [
	["Classes", "class"],
	["Functions", "function"],
	["Constants", "const"],
	["Interfaces and types", "interface", "type"],
];

/** The page of an entry. `links` says where the other names of all pages are. */
export function renderEntry({ specifier, intro, exports }, links) {
	const lines = [`# \`${specifier}\``, "", GENERATED, "", prose(intro, links), ""];
	for (const [title, ...kinds] of KINDS) {
		const names = exports.filter(({ declarations }) => kinds.includes(declarations[0].kind)).map(({ name }) => `[${name}](#${anchor(name)})`);
		if (names.length > 0) lines.push(`**${title}:** ${names.join(", ")}`, "");
	}
	for (const found of exports) lines.push(...renderExport(found, links));
	return `${lines.join("\n").trimEnd()}\n`;
}

/** The page that names the others, with the first sentence of each description. */
export function renderIndex(entries, links) {
	const lines = [
		"# API reference",
		"",
		GENERATED,
		"",
		"Everything that the packages export. The words are those of the doc comments, which an editor shows too.",
		"",
	];
	for (const { specifier, page, exports } of entries) {
		lines.push(`## [\`${specifier}\`](${page})`, "");
		for (const [title, ...kinds] of KINDS) {
			const found = exports.filter(({ declarations }) => kinds.includes(declarations[0].kind));
			if (found.length === 0) continue;
			lines.push(
				`**${title}**`,
				"",
				...found.map(({ name, declarations }) => `- [${name}](${page}#${anchor(name)}): ${firstSentence(description(declarations), links, name)}`),
				"",
			);
		}
	}
	return `${lines.join("\n").trimEnd()}\n`;
}

function firstSentence(text, links, owner) {
	const [sentence = ""] = /^[\s\S]*?[.:](?=\s|$)/.exec(text) ?? [];
	return prose(sentence.replaceAll(/\s+/g, " ").replace(/:$/, "."), links, owner);
}

/** What the comments say of an export: of overloads, the first that has one. */
function description(declarations) {
	return declarations.map(({ doc }) => doc).find((doc) => doc !== "") ?? "";
}

/** Where each name is: `Client` and `Client.connect`, by name. */
export function linksOf(entries) {
	const links = new Map();
	for (const { page, exports } of entries)
		for (const { name, declarations } of exports)
			if (!links.has(name)) links.set(name, { page, anchor: anchor(name), members: membersOf(declarations[0]).map((member) => member.name) });
	return links;
}

/** Names of exports that no comment describes. */
export function undescribed({ exports }) {
	return exports.filter(({ declarations }) => declarations.every(({ doc }) => doc.replace(/^@[\s\S]*/m, "").trim() === "")).map(({ name }) => name);
}

const GENERATED = "<!-- Made by `npm run docs:api` from the doc comments. Change those, not this page. -->";

function anchor(name) {
	return name.toLowerCase();
}

function membersOf({ kind, code }) {
	return kind === "class" || kind === "interface" ? bodyOf(code).members : [];
}

function renderExport({ name, declarations, beside }, links) {
	const [first] = declarations;
	const lines = [`## ${name}`, "", prose(description(declarations), links, name), ""];
	if (first.kind === "class" || first.kind === "interface") {
		const { head, members } = bodyOf(first.code);
		lines.push(...fence(`${head} {}`), "");
		for (const member of members) lines.push(...renderMember(member, links, name));
		if (members.length > 0) lines.push("");
	} else {
		lines.push(...fence([...declarations, ...beside].map(({ code }) => code).join("\n")), "");
	}
	return lines;
}

/** A member is an item of a list: its declaration, and below it what the comment says. */
function renderMember({ name, code, doc }, links, owner) {
	// What has comments inside stays as it was written.
	if (code.includes("/**")) {
		const said = prose(doc, links, owner) || `\`${name}\``;
		return [`- ${indented(said).trim()}`, "", ...fence(undented(code)).map(indented), ""];
	}
	const oneLine = code
		.replaceAll(/\/\*[\s\S]*?\*\//g, "")
		.replaceAll(/\s+/g, " ")
		.replace(/;$/, "")
		.replaceAll(/; \}/g, " }");
	const text = prose(doc, links, owner);
	if (text === "") return [`- \`${oneLine}\``];
	return [`- \`${oneLine}\`  `, indented(text)];
}

/** Without the indentation that its first line has lost. */
function undented(code) {
	return code.replaceAll("\n    ", "\n");
}

function indented(text) {
	return text.replaceAll(/^(?=.)/gm, "  ");
}

function fence(code) {
	return ["```ts declaration", code.replaceAll("    ", "\t"), "```"];
}

/** The words of a doc comment as Markdown: tags become sentences, links become links. */
function prose(doc, links, owner) {
	const parts = doc.split(/^@(?=module|throws|default|returns|param|typeParam)/m);
	const [text, ...tags] = parts.map((part) => part.trim());
	const said = tags.map(tagSentence).filter((sentence) => sentence !== "");
	// `@default` at the end of a line belongs to that line.
	const body = text.replaceAll(/\s*@default (.+)$/gm, (_, value) => ` Default: ${value.replace(/\.?$/, ".")}`).trim();
	return linked([body, ...said].filter((part) => part !== "").join("\n\n"), links, owner);
}

function tagSentence(tag) {
	const [, name, value] = /^(\w+)\s*([\s\S]*)$/.exec(tag);
	if (name === "module") return "";
	if (name === "throws") return `**Throws** ${value}`;
	if (name === "default") return `Default: ${value.replace(/\.?$/, ".")}`;
	if (name === "returns") return `**Returns** ${value}`;
	// `@param name what it is`
	return `\`${value.replace(/^(\S+)\s+/, "$1`: ")}`;
}

/** `{@link X}` leads to where X is; pages of `docs/` are links too. Code stays as it is. */
function linked(text, links, owner) {
	return text
		.split(/(```[\s\S]*?```)/)
		.map((part) => {
			if (part.startsWith("```")) return part;
			return part
				.replaceAll(/\{@link ([^}]+)\}/g, (_, target) => linkTo(target.trim(), links, owner))
				.replaceAll(/(?<![\w/`]|\]\()`?docs\/([\w-]+\.md)`?/g, "[docs/$1](../$1)");
		})
		.join("");
}

function linkTo(target, links, owner) {
	const [name, member] = target.split(".");
	const place = links.get(name);
	if (place !== undefined) return `[\`${target}\`](${place.page}#${place.anchor})`;
	const own = links.get(owner);
	if (own?.members.includes(name) && member === undefined) return `[\`${name}\`](#${own.anchor})`;
	return `\`${target}\``;
}
