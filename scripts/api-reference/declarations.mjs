// Reads what `tsc` writes into `.d.ts` files: statements with the comment above them, and the members of classes and interfaces.
// It knows comments, strings and brackets, and nothing else of TypeScript: a declaration file of tsc needs no more.

/** The statements of a file, or the members of a body: `{ doc, code }` each. A class and an interface of a file end with their brace. */
export function statements(text, { blocks = false } = {}) {
	const found = [];
	let doc = "";
	let start;
	let depth = 0;
	for (let at = 0; at < text.length; ) {
		const end = skipped(text, at);
		if (end !== undefined) {
			if (start === undefined && text.startsWith("/**", at)) doc = docText(text.slice(at, end));
			else if (start === undefined && text[at] !== "/") start = at;
			at = end;
			continue;
		}
		const char = text[at++];
		if (start === undefined && /\S/.test(char)) start = at - 1;
		if ("([{".includes(char)) depth++;
		if (")]}".includes(char)) depth--;
		if (depth < 0) throw new Error(`A bracket too many before: ${text.slice(at, at + 80)}`);
		if (start === undefined || depth > 0) continue;
		const closesBlock = blocks && char === "}" && /^(export )?(declare )?(abstract )?(class|interface) /.test(text.slice(start, at));
		if (char !== ";" && !closesBlock) continue;
		found.push({ doc, code: text.slice(start, at).trim() });
		doc = "";
		start = undefined;
	}
	if (start !== undefined) throw new Error(`This has no end: ${text.slice(start, start + 80)}`);
	return found;
}

/** Where the comment or string that begins here ends; undefined when none does. */
function skipped(text, at) {
	if (text.startsWith("/*", at)) return text.indexOf("*/", at) + 2;
	if (text.startsWith("//", at)) return text.indexOf("\n", at) + 1 || text.length;
	const quote = text[at];
	if (quote !== '"' && quote !== "'" && quote !== "`") return undefined;
	let end = at + 1;
	while (text[end] !== quote) end += text[end] === "\\" ? 2 : 1;
	return end + 1;
}

/** The words of a doc comment, without its frame. */
function docText(comment) {
	return comment
		.slice(3, -2)
		.split("\n")
		.map((line) => line.replace(/^\s*\* ?/, ""))
		.join("\n")
		.trim();
}

/** What a statement of a file declares: `{ name, kind, doc, code }`; undefined for imports and lists of exports. */
export function declaration({ doc, code }) {
	const match = /^(?:export )?(?:declare )?(?:abstract )?(class|interface|type|function|const) (\w+)/.exec(code);
	return match === null ? undefined : { kind: match[1], name: match[2], doc, code: code.replace(/^export /, "").replace(/^declare /, "") };
}

/** What a list names, `import { A, type B as C } from "./d.ts"` too: `{ name, from, exported }` each; `name` is what it is called there. */
export function listed({ code }) {
	const match = /^(import|export) (?:type )?\{([\s\S]*)\} from "([^"]+)";$/.exec(code);
	if (match === null) return [];
	return match[2]
		.split(",")
		.map((part) => part.trim().replace(/^type /, ""))
		.filter((part) => part !== "")
		.map((part) => {
			const [name, alias = name] = part.split(" as ");
			return { name, alias, from: match[3], exported: match[1] === "export" };
		});
}

/** The head of a class or interface, and its public members. */
export function bodyOf(code) {
	const open = openingBrace(code);
	const members = statements(code.slice(open + 1, code.lastIndexOf("}"))).map((member) => ({ ...member, name: memberName(member.code) }));
	return {
		head: code.slice(0, open).trim(),
		members: members.filter(({ code: text, doc }) => !/^(private |protected |#)/.test(text) && !/^@internal\b/m.test(doc)),
	};
}

/** The brace that opens the body: the last one of depth 0. */
function openingBrace(code) {
	let depth = 0;
	let open = -1;
	for (let at = 0; at < code.length; ) {
		const end = skipped(code, at);
		if (end !== undefined) {
			at = end;
			continue;
		}
		if ("([{".includes(code[at])) {
			if (depth === 0 && code[at] === "{") open = at;
			depth++;
		}
		if (")]}".includes(code[at])) depth--;
		at++;
	}
	return open;
}

function memberName(code) {
	return /^(?:static |readonly |get |set )*(\[[^\]]+\]|"[^"]+"|[\w$]+)/.exec(code)?.[1] ?? "";
}
