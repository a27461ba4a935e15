/**
 * One scan over a JSON text, before anything is made of it: is it I-JSON (RFC 7493)? Then every language reads the same values out of it,
 * and `JSON.parse` takes it as it is.
 *
 * The scan looks at each byte once, does not recurse, and holds no more than the keys of the objects that are open.
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

/** Scans a text. `bytes` are valid UTF-8, and `text` is what a strict decoder has made of them. */
export function scanJson(bytes: Uint8Array, text: string): Scan {
	const scanner = new Scanner(bytes, text);
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
	readonly #bytes: Uint8Array;
	readonly #text: string;
	/** How many bytes there are up to here beyond the units of {@link #text}. */
	#extra = 0;
	readonly #open: Container[] = [];
	#depth = 0;
	/** Keys of all open objects, the outer ones first. */
	readonly #keys: string[] = [];
	#at = 0;
	/** Whether the string that was read last has escapes. */
	#escaped = false;

	constructor(bytes: Uint8Array, text: string) {
		this.#bytes = bytes;
		this.#text = text;
	}

	scan(): string | undefined {
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
			const first = this.#next();
			if (first === QUOTE) return this.#string();
			if (first !== BRACE && first !== BRACKET) return first === MINUS || isDigit(first) ? this.#number() : this.#word(first);
			if (this.#depth === TEXT_DEPTH) return `is nested more than ${TEXT_DEPTH} deep`;
			this.#enter(first === BRACKET);
			if (this.#next() === first + CLOSES) {
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
			if (this.#depth === 0) return this.#next() === END ? "end" : { error: NOT_JSON };
			const container = this.#open[this.#depth - 1] as Container;
			if (container.metadataFrom >= 0) this.#foundMetadata(container.metadataFrom);
			const mark = this.#next();
			this.#at++;
			if (mark === COMMA) {
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
		const { keysFrom } = this.#open[this.#depth] as Container;
		if (this.#keys.length > keysFrom) this.#keys.length = keysFrom;
	}

	/** Reads a key and its colon. */
	#key(): string | undefined {
		if (this.#next() !== QUOTE) return NOT_JSON;
		const from = this.#at - this.#extra;
		const problem = this.#string();
		if (problem !== undefined) return problem;
		const to = this.#at - this.#extra;
		const key: string = this.#escaped ? JSON.parse(this.#text.slice(from, to)) : this.#text.slice(from + 1, to - 1);
		const container = this.#open[this.#depth - 1] as Container;
		if (this.#isTaken(container, key)) return `has the key ${JSON.stringify(key.slice(0, KEY_SHOWN))} twice in one object`;
		if (this.#next() !== COLON) return NOT_JSON;
		this.#at++;
		container.key = key;
		container.metadataFrom = -1;
		if (key === "metadata" && this.#depth <= METADATA_PATH) {
			this.#next();
			container.metadataFrom = this.#at;
		}
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
		this.metadata.push({ path, bytes: this.#at - from });
	}

	/** Reads a string from its quote to behind the other. */
	#string(): string | undefined {
		const bytes = this.#bytes;
		const { length } = bytes;
		this.#escaped = false;
		for (let at = this.#at + 1; at < length; ) {
			const byte = bytes[at] as number;
			if (byte === QUOTE) {
				this.#at = at + 1;
				return undefined;
			}
			if (byte === BACKSLASH) {
				this.#escaped = true;
				this.#at = at;
				const problem = this.#escape();
				if (problem !== undefined) return problem;
				at = this.#at;
			} else if (byte < 0x80) {
				if (byte < 0x20) return NOT_JSON;
				at++;
			} else {
				const more = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
				if (more > 1 && isNoncharacterAt(bytes, at)) return HAS_NONCHARACTER;
				at += 1 + more;
				// A character of four bytes has two units.
				this.#extra += Math.min(more, 2);
			}
		}
		return NOT_JSON;
	}

	/** Reads one escape, or two that are a pair of surrogates. */
	#escape(): string | undefined {
		const letter = this.#bytes[this.#at + 1];
		if (letter !== LETTER_U) {
			if (letter === undefined || !SHORT_ESCAPES.includes(letter)) return NOT_JSON;
			this.#at += 2;
			return undefined;
		}
		const unit = this.#hex();
		if (unit < 0) return NOT_JSON;
		if (unit < 0xd800) return undefined;
		if (unit > 0xdfff) return unit >= 0xfffe || (unit >= 0xfdd0 && unit <= 0xfdef) ? HAS_NONCHARACTER : undefined;
		if (unit >= 0xdc00 || this.#bytes[this.#at] !== BACKSLASH || this.#bytes[this.#at + 1] !== LETTER_U) return LONE_SURROGATE;
		const low = this.#hex();
		if (low < 0) return NOT_JSON;
		if (low < 0xdc00 || low > 0xdfff) return LONE_SURROGATE;
		return (unit & 0x3f) === 0x3f && (low & 0x3fe) === 0x3fe ? HAS_NONCHARACTER : undefined;
	}

	/** Reads `\uXXXX`; -1: it is none. */
	#hex(): number {
		let unit = 0;
		for (let i = 2; i < 6; i++) {
			const byte = this.#bytes[this.#at + i] ?? END;
			const letter = (byte | LOWER) - LETTER_A;
			if (isDigit(byte)) unit = unit * 16 + byte - ZERO;
			else if (letter >= 0 && letter < 6) unit = unit * 16 + letter + 10;
			else return -1;
		}
		this.#at += 6;
		return unit;
	}

	#number(): string | undefined {
		const bytes = this.#bytes;
		const from = this.#at;
		if (bytes[this.#at] === MINUS) this.#at++;
		if (bytes[this.#at] === ZERO) this.#at++;
		else if (!this.#digits()) return NOT_JSON;
		if (bytes[this.#at] === POINT) {
			this.#at++;
			if (!this.#digits()) return NOT_JSON;
		}
		let isShort = this.#at - from < SURELY_EXACT;
		if (((bytes[this.#at] ?? END) | LOWER) === LETTER_E) {
			this.#at++;
			const sign = bytes[this.#at];
			if (sign === MINUS || sign === PLUS) this.#at++;
			if (!this.#digits()) return NOT_JSON;
			isShort &&= sign === MINUS;
		}
		if (isShort) return undefined;
		return Math.abs(Number(this.#text.slice(from - this.#extra, this.#at - this.#extra))) > NUMBER_MAX ? BEYOND : undefined;
	}

	/** Reads digits; false: there are none. */
	#digits(): boolean {
		const from = this.#at;
		while (isDigit(this.#bytes[this.#at] ?? END)) this.#at++;
		return this.#at > from;
	}

	#word(first: number): string | undefined {
		const word = first === LETTER_T ? "true" : first === LETTER_F ? "false" : "null";
		if (!this.#text.startsWith(word, this.#at - this.#extra)) return NOT_JSON;
		this.#at += word.length;
		return undefined;
	}

	/** The next byte that is no space, which is not taken; {@link END}: there is none. */
	#next(): number {
		for (; this.#at < this.#bytes.length; this.#at++) {
			const byte = this.#bytes[this.#at] as number;
			if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
		}
		return END;
	}
}

/** A field `metadata` deeper than this belongs to no message of ours: `changes`, its item, `peer`. */
const METADATA_PATH = 4;

/** Up to so many keys of one object are compared one by one, which costs less than a set. */
const MANY_KEYS = 16;

/** So much of a key is shown in an error. */
const KEY_SHOWN = 40;

/** A number that is shorter than this, without an exponent or with a negative one, is below {@link NUMBER_MAX}. */
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
const LETTER_F = 0x66;
const LETTER_T = 0x74;
const LETTER_U = 0x75;
const BRACE = 0x7b;
/** From an opening bracket or brace to the closing one. */
const CLOSES = 2;
/** From an upper-case letter to the lower-case one. */
const LOWER = 0x20;
const SHORT_ESCAPES: readonly number[] = [...'"\\/bfnrt'].map((letter) => letter.charCodeAt(0));
/** Behind the last byte. No byte has this value. */
const END = -1;

const NOT_JSON = "is not JSON";
const LONE_SURROGATE = "has half of a surrogate pair in a string";
const HAS_NONCHARACTER = "has a noncharacter of Unicode in a string";
const BEYOND = "has a number beyond 2^53 - 1";

const SURROGATE = /\p{Surrogate}/u;
const NONCHARACTER = /\p{Noncharacter_Code_Point}/u;
const NOT_ALLOWED = /[\p{Surrogate}\p{Noncharacter_Code_Point}]/gu;

function isDigit(byte: number): boolean {
	return byte >= ZERO && byte <= NINE;
}

/** Whether a character of three or four bytes is U+FDD0 to U+FDEF, or one of the last two of a plane. */
function isNoncharacterAt(bytes: Uint8Array, at: number): boolean {
	const [first, second, third, fourth] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]] as [number, number, number, number];
	if (first < 0xf0) return first === 0xef && ((second === 0xb7 && third >= 0x90 && third <= 0xaf) || (second === 0xbf && third >= 0xbe));
	return (second & 0x0f) === 0x0f && third === 0xbf && fourth >= 0xbe;
}
