/**
 * One scan over a JSON text, before anything is made of it: is it I-JSON (RFC 7493)? Then every language reads the same values out of it,
 * and `JSON.parse` takes it as it is.
 *
 * The scan looks at each character once, does not recurse, and holds no more than the keys of the objects that are open.
 *
 * @module
 */

/** Deepest nesting of arrays and objects in a whole text. Metadata has a lower bound of its own. */
export const TEXT_DEPTH = 64;

/** Greatest magnitude of a number: beyond it, an integer is not exact in every language. */
export const NUMBER_MAX: number = Number.MAX_SAFE_INTEGER;

/** Where a field `metadata` is, and how long its text is there. */
export interface MetadataText {
	/** Keys and indices that lead from the whole value to the object that has the field. */
	readonly path: readonly (string | number)[];
	/** Bytes of UTF-8, from the first of the value to its last. */
	readonly bytes: number;
}

/** What a scan has found: the fields `metadata`, or one English sentence without a subject that says what is wrong. */
export type Scan = { readonly ok: true; readonly metadata: readonly MetadataText[] } | { readonly ok: false; readonly error: string };

/** Scans a text. It must be well-formed Unicode, as what a strict UTF-8 decoder has made always is. `bytes` is its length in UTF-8. */
export function scanJson(text: string, bytes: number): Scan {
	const scanner = new Scanner(text, text.length === bytes);
	const error = scanner.scan();
	return error === undefined ? { ok: true, metadata: scanner.metadata } : { ok: false, error };
}

/** What is wrong with a string that is to be sent, in words without a subject; `undefined`: nothing. */
export function stringProblem(text: string): string | undefined {
	if (SURROGATE.test(text)) return LONE_SURROGATE;
	return NONCHARACTER.test(text) ? HAS_NONCHARACTER : undefined;
}

/** Text for people as it may be sent: what no string may have is replaced by U+FFFD. */
export function wellFormed(text: string): string {
	return text.replace(NOT_ALLOWED, "\ufffd");
}

/** An array or an object that is open. There is one of these for each depth, used again and again. */
class Container {
	isArray = false;
	/** In an array: which item this is. */
	index = 0;
	/** In an object: the key of the member. */
	key = "";
	/** Where its keys begin in {@link Scanner.#keys}. */
	keysFrom = 0;
	/** All its keys, once there are many. */
	keys: Set<string> | undefined = undefined;
	/** Where the value of the field `metadata` begins; -1: the member is another one. */
	metadataFrom = -1;
}

class Scanner {
	readonly metadata: MetadataText[] = [];
	readonly #text: string;
	/** Each character is one byte. */
	readonly #ascii: boolean;
	readonly #open: Container[] = [];
	#depth = 0;
	/** Keys of all open objects, the outer ones first. */
	readonly #keys: string[] = [];
	#at = 0;
	/** Whether the string that was read last has escapes. */
	#escaped = false;

	constructor(text: string, ascii: boolean) {
		this.#text = text;
		this.#ascii = ascii;
	}

	scan(): string | undefined {
		this.#space();
		for (;;) {
			const problem = this.#value();
			if (problem !== undefined) return problem;
			const next = this.#afterValue();
			if (next !== "value") return next === "end" ? undefined : next.error;
		}
	}

	/** Reads a value that is no container, or opens containers up to the first such value or the first that is empty. */
	#value(): string | undefined {
		for (;;) {
			const first = this.#text.charCodeAt(this.#at);
			if (first === QUOTE) return this.#string();
			if (first !== BRACE && first !== BRACKET) return this.#isNumber(first) ? this.#number() : this.#word();
			if (this.#depth === TEXT_DEPTH) return `is nested more than ${TEXT_DEPTH} deep`;
			this.#enter(first === BRACKET);
			this.#space();
			if (this.#text.charCodeAt(this.#at) === first + CLOSES) {
				this.#at++;
				this.#leave();
				return undefined;
			}
			const problem = first === BRACE ? this.#key() : undefined;
			if (problem !== undefined) return problem;
		}
	}

	/** A value has ended: goes on to the next one, over the ends of containers. */
	#afterValue(): "value" | "end" | { readonly error: string } {
		for (;;) {
			if (this.#depth === 0) {
				this.#space();
				return this.#at === this.#text.length ? "end" : { error: NOT_JSON };
			}
			const container = this.#open[this.#depth - 1] as Container;
			if (container.metadataFrom >= 0) this.#foundMetadata(container.metadataFrom);
			this.#space();
			const mark = this.#text.charCodeAt(this.#at++);
			if (mark === COMMA) {
				this.#space();
				container.index++;
				const error = container.isArray ? undefined : this.#key();
				return error === undefined ? "value" : { error };
			}
			if (mark !== (container.isArray ? BRACKET : BRACE) + CLOSES) return { error: NOT_JSON };
			this.#leave();
		}
	}

	#enter(isArray: boolean): void {
		let container = this.#open[this.#depth];
		if (container === undefined) {
			container = new Container();
			this.#open.push(container);
		}
		this.#depth++;
		container.isArray = isArray;
		container.index = 0;
		container.keysFrom = this.#keys.length;
		container.keys = undefined;
		container.metadataFrom = -1;
		this.#at++;
	}

	#leave(): void {
		this.#depth--;
		this.#keys.length = (this.#open[this.#depth] as Container).keysFrom;
	}

	/** Reads a key and its colon. */
	#key(): string | undefined {
		const from = this.#at;
		if (this.#text.charCodeAt(from) !== QUOTE) return NOT_JSON;
		const problem = this.#string();
		if (problem !== undefined) return problem;
		const key: string = this.#escaped ? JSON.parse(this.#text.slice(from, this.#at)) : this.#text.slice(from + 1, this.#at - 1);
		const container = this.#open[this.#depth - 1] as Container;
		if (this.#isTaken(container, key)) return `has the key ${JSON.stringify(key.slice(0, KEY_SHOWN))} twice in one object`;
		this.#space();
		if (this.#text.charCodeAt(this.#at++) !== COLON) return NOT_JSON;
		this.#space();
		container.key = key;
		container.metadataFrom = key === "metadata" && this.#depth <= METADATA_PATH ? this.#at : -1;
		return undefined;
	}

	/** Whether the object has the key already; it has it now. */
	#isTaken(container: Container, key: string): boolean {
		const { keysFrom, keys } = container;
		if (keys !== undefined) return keys.size === keys.add(key).size;
		for (let i = keysFrom; i < this.#keys.length; i++) if (this.#keys[i] === key) return true;
		this.#keys.push(key);
		if (this.#keys.length - keysFrom === MANY_KEYS) container.keys = new Set(this.#keys.slice(keysFrom));
		return false;
	}

	#foundMetadata(from: number): void {
		const path: (string | number)[] = [];
		for (let depth = 0; depth < this.#depth - 1; depth++) {
			const { isArray, index, key } = this.#open[depth] as Container;
			path.push(isArray ? index : key);
		}
		this.metadata.push({ path, bytes: this.#ascii ? this.#at - from : utf8Bytes(this.#text, from, this.#at) });
	}

	/** Reads a string from its quote to behind the other. */
	#string(): string | undefined {
		const text = this.#text;
		let at = this.#at + 1;
		this.#escaped = false;
		for (;;) {
			const unit = text.charCodeAt(at);
			if (unit === QUOTE) break;
			if (unit === BACKSLASH) {
				this.#escaped = true;
				this.#at = at;
				const problem = this.#escape();
				if (problem !== undefined) return problem;
				at = this.#at;
			} else if (unit < 0xd800) {
				if (unit < 0x20) return NOT_JSON;
				at++;
			} else {
				// Not a number: the text is over.
				if (!(unit >= 0xd800)) return NOT_JSON;
				const pair = unit < 0xdc00;
				if (isNoncharacter(unit, pair ? text.charCodeAt(at + 1) : 0)) return HAS_NONCHARACTER;
				at += pair ? 2 : 1;
			}
		}
		this.#at = at + 1;
		return undefined;
	}

	/** Reads one escape, or two that are a pair of surrogates. */
	#escape(): string | undefined {
		const letter = this.#text.charCodeAt(this.#at + 1);
		if (letter !== LETTER_U) {
			if (!SHORT_ESCAPES.includes(letter)) return NOT_JSON;
			this.#at += 2;
			return undefined;
		}
		const unit = this.#hex();
		if (unit < 0) return NOT_JSON;
		if (unit < 0xd800 || unit > 0xdfff) return isNoncharacter(unit, 0) ? HAS_NONCHARACTER : undefined;
		if (unit >= 0xdc00 || this.#text.charCodeAt(this.#at) !== BACKSLASH || this.#text.charCodeAt(this.#at + 1) !== LETTER_U) return LONE_SURROGATE;
		const low = this.#hex();
		if (low < 0) return NOT_JSON;
		if (low < 0xdc00 || low > 0xdfff) return LONE_SURROGATE;
		return isNoncharacter(unit, low) ? HAS_NONCHARACTER : undefined;
	}

	/** Reads `\uXXXX`; -1: it is none. */
	#hex(): number {
		let unit = 0;
		for (let i = 2; i < 6; i++) {
			const code = this.#text.charCodeAt(this.#at + i);
			const digit = code <= NINE ? code - ZERO : (code | LOWER) - LETTER_A + 10;
			if (!(digit >= 0 && digit < 16) || (code > NINE && digit < 10)) return -1;
			unit = unit * 16 + digit;
		}
		this.#at += 6;
		return unit;
	}

	#isNumber(first: number): boolean {
		return first === MINUS || (first >= ZERO && first <= NINE);
	}

	#number(): string | undefined {
		const from = this.#at;
		if (this.#text.charCodeAt(from) === MINUS) this.#at++;
		if (this.#text.charCodeAt(this.#at) === ZERO) this.#at++;
		else if (this.#digits() === 0) return NOT_JSON;
		if (this.#text.charCodeAt(this.#at) === POINT) {
			this.#at++;
			if (this.#digits() === 0) return NOT_JSON;
		}
		if ((this.#text.charCodeAt(this.#at) | LOWER) === LETTER_E) {
			this.#at++;
			const sign = this.#text.charCodeAt(this.#at);
			if (sign === MINUS || sign === PLUS) this.#at++;
			if (this.#digits() === 0) return NOT_JSON;
		} else if (this.#at - from < SURELY_EXACT) return undefined;
		return Math.abs(Number(this.#text.slice(from, this.#at))) > NUMBER_MAX ? BEYOND : undefined;
	}

	#digits(): number {
		const from = this.#at;
		for (let code = this.#text.charCodeAt(from); code >= ZERO && code <= NINE; code = this.#text.charCodeAt(this.#at)) this.#at++;
		return this.#at - from;
	}

	#word(): string | undefined {
		const word = WORDS.find((one) => this.#text.startsWith(one, this.#at));
		if (word === undefined) return NOT_JSON;
		this.#at += word.length;
		return undefined;
	}

	#space(): void {
		for (let code = this.#text.charCodeAt(this.#at); code <= 0x20; code = this.#text.charCodeAt(this.#at)) {
			if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
			this.#at++;
		}
	}
}

/** A field `metadata` deeper than this belongs to no message of ours: `changes`, its item, `peer`. */
const METADATA_PATH = 4;

/** Up to so many keys of one object are compared one by one, which costs less than a set. */
const MANY_KEYS = 16;

/** So much of a key is shown in an error. */
const KEY_SHOWN = 40;

/** A number without exponent that is shorter than this is below {@link NUMBER_MAX}. */
const SURELY_EXACT = 16;

const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const LETTER_A = 0x61;
const LETTER_E = 0x65;
const LETTER_U = 0x75;
const BRACE = 0x7b;
/** From an opening bracket or brace to the closing one. */
const CLOSES = 2;
/** From an upper-case letter to the lower-case one. */
const LOWER = 0x20;
const SHORT_ESCAPES: readonly number[] = [...'"\\/bfnrt'].map((letter) => letter.charCodeAt(0));
const WORDS = ["true", "false", "null"];

const NOT_JSON = "is not JSON";
const LONE_SURROGATE = "has half of a surrogate pair in a string";
const HAS_NONCHARACTER = "has a noncharacter of Unicode in a string";
const BEYOND = "has a number beyond 2^53 - 1";

const SURROGATE = /\p{Surrogate}/u;
const NONCHARACTER = /\p{Noncharacter_Code_Point}/u;
const NOT_ALLOWED = /[\p{Surrogate}\p{Noncharacter_Code_Point}]/gu;

/** U+FDD0 to U+FDEF, and the last two of each plane. `unit` is no low surrogate; `low` counts where it is a high one. */
function isNoncharacter(unit: number, low: number): boolean {
	if (unit >= 0xdc00) return unit >= 0xfffe || (unit >= 0xfdd0 && unit <= 0xfdef);
	return unit >= 0xd800 && (unit & 0x3f) === 0x3f && (low & 0x3fe) === 0x3fe;
}

/** Length in UTF-8 of a part of a well-formed text. */
function utf8Bytes(text: string, from: number, to: number): number {
	let bytes = 0;
	for (let i = from; i < to; i++) {
		const unit = text.charCodeAt(i);
		bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 2 : 3;
	}
	return bytes;
}
