/**
 * JSON with comments, which are those of JavaScript, and where a comma after the last value is no mistake. Each value and key knows where it is.
 * Pure. `JSON.parse` has no comments, and says of a mistake only where the text cannot be read.
 *
 * @module
 */

/** A value and where it begins, in UTF-16 units from the beginning. */
export type JsoncNode =
	| { readonly type: "object"; readonly at: number; readonly entries: readonly JsoncEntry[] }
	| { readonly type: "list"; readonly at: number; readonly items: readonly JsoncNode[] }
	| { readonly type: "text"; readonly at: number; readonly value: string }
	| { readonly type: "number"; readonly at: number; readonly value: number }
	| { readonly type: "boolean"; readonly at: number; readonly value: boolean }
	| { readonly type: "null"; readonly at: number };

/** A key of an object and its value. */
export interface JsoncEntry {
	readonly key: string;
	readonly keyAt: number;
	readonly value: JsoncNode;
}

/** What is wrong, and where. */
export class JsoncError extends Error {
	readonly at: number;

	constructor(message: string, at: number) {
		super(message);
		this.at = at;
	}
}
Object.defineProperty(JsoncError.prototype, "name", { value: "JsoncError", configurable: true, writable: true });

/** Reads a text with one value. Throws {@link JsoncError}: also for a key that is there twice, of which JSON says nothing. */
export function parseJsonc(text: string): JsoncNode {
	const reader = new Reader(text);
	const node = reader.value(0);
	reader.end();
	return node;
}

/** The line and the column of a place, from 1. A column is a character as `printable` and editors count them: a UTF-16 unit. */
export function lineAndColumn(text: string, at: number): { readonly line: number; readonly column: number } {
	const before = text.slice(0, at).split(/\r\n|\n|\r/);
	return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
}

/** Values within values. */
const MOST_DEPTH = 16;

class Reader {
	readonly #text: string;
	#at: number;

	constructor(text: string) {
		this.#text = text;
		this.#at = 0;
	}

	value(depth: number): JsoncNode {
		this.#skip();
		const at = this.#at;
		if (depth > MOST_DEPTH) throw new JsoncError("there are too many values within values", at);
		switch (this.#text[at]) {
			case "{":
				return { type: "object", at, entries: this.#entries(depth) };
			case "[":
				return { type: "list", at, items: this.#items(depth) };
			case '"':
				return { type: "text", at, value: this.#string() };
			default:
				return this.#word(at);
		}
	}

	/** Only space and comments may follow. */
	end(): void {
		this.#skip();
		if (this.#at < this.#text.length) throw this.#unexpected("the end");
	}

	#entries(depth: number): JsoncEntry[] {
		const entries: JsoncEntry[] = [];
		const keys = new Set<string>();
		this.#each("}", () => {
			const keyAt = this.#at;
			if (this.#text[keyAt] !== '"') throw this.#unexpected('a key in double quotes, or "}"');
			const key = this.#string();
			if (keys.has(key)) throw new JsoncError(`the key ${JSON.stringify(key)} is there twice`, keyAt);
			keys.add(key);
			this.#skip();
			if (this.#text[this.#at] !== ":") throw this.#unexpected('":"');
			this.#at += 1;
			entries.push({ key, keyAt, value: this.value(depth + 1) });
		});
		return entries;
	}

	#items(depth: number): JsoncNode[] {
		const items: JsoncNode[] = [];
		this.#each("]", () => items.push(this.value(depth + 1)));
		return items;
	}

	/** What is between brackets, with commas between. */
	#each(close: string, take: () => void): void {
		this.#at += 1;
		for (;;) {
			this.#skip();
			if (this.#text[this.#at] === close) break;
			take();
			this.#skip();
			if (this.#text[this.#at] === ",") this.#at += 1;
			else if (this.#text[this.#at] !== close) throw this.#unexpected(`"," or "${close}"`);
		}
		this.#at += 1;
	}

	#string(): string {
		const at = this.#at;
		const match = STRING.exec(this.#text.slice(at));
		if (match === null) throw new JsoncError("a text does not end in its line", at);
		this.#at += match[0].length;
		try {
			return JSON.parse(match[0]) as string;
		} catch {
			throw new JsoncError('a text has a character or an escape that JSON does not know ("\\\\" is a backslash)', at);
		}
	}

	#word(at: number): JsoncNode {
		const word = WORD.exec(this.#text.slice(at))?.[0] ?? "";
		if (NUMBER.test(word)) {
			this.#at += word.length;
			return { type: "number", at, value: Number(word) };
		}
		if (word === "true" || word === "false") {
			this.#at += word.length;
			return { type: "boolean", at, value: word === "true" };
		}
		if (word !== "null") throw this.#unexpected("a value (a text in double quotes, a number, true, false, a list or an object)");
		this.#at += word.length;
		return { type: "null", at };
	}

	/** Space and comments. */
	#skip(): void {
		for (;;) {
			const rest = this.#text.slice(this.#at);
			const match = SPACE.exec(rest);
			if (match !== null) this.#at += match[0].length;
			else if (rest.startsWith("/*")) throw new JsoncError('a comment does not end: "*/" is missing', this.#at);
			else return;
		}
	}

	#unexpected(expected: string): JsoncError {
		const word = WORD.exec(this.#text.slice(this.#at))?.[0];
		const found =
			this.#at >= this.#text.length
				? "the text ends"
				: `there is ${JSON.stringify(word === undefined || word === "" ? this.#text[this.#at] : word.slice(0, 40))}`;
		return new JsoncError(`${found} where ${expected} should be`, this.#at);
	}
}

const SPACE = /^(?:[ \t\r\n\ufeff]+|\/\/[^\r\n]*|\/\*[\s\S]*?\*\/)/;
const STRING = /^"(?:[^"\\\r\n]|\\.)*"/;
const WORD = /^[^\s,:"'[\]{}/]*/;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
