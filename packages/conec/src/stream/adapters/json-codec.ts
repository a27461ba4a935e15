/**
 * JSON as messages, also from peers that are not trusted.
 *
 * @module
 */

import type { JsonValue } from "../../wire/json.ts";
import { type Codec, checkSchema, type StandardSchema } from "./codec.ts";

/** Deepest nesting of arrays and objects in a message. */
export const JSON_MESSAGE_DEPTH = 256;

/**
 * A codec for JSON in UTF-8. With a schema, every value is checked. Without one, any JSON may come, and `T` is only what the caller
 * assumes.
 *
 * It sends what `JSON.stringify` makes of a value: a `Date` becomes a string, `NaN` becomes null, and an `undefined` member is left
 * out. The following is refused in both directions, so that values are safe to walk and to merge:
 *
 * - text that is not strict JSON in strict UTF-8
 * - nesting deeper than 256
 * - keys named `__proto__`
 * - on receiving, numbers that are too large to be finite
 *
 * @throws TypeError `OPTION_INVALID` if `schema` is not a Standard Schema
 */
export function jsonCodec<T = JsonValue>(): Codec<T>;
export function jsonCodec<T, Sent>(schema: StandardSchema<Sent, T>): Codec<T, Sent>;
export function jsonCodec(schema?: StandardSchema): Codec<unknown> {
	if (schema === undefined) {
		return { encode, decode };
	}
	checkSchema(schema);
	return { encode, decode, schema };
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function encode(value: unknown): string {
	const text: string | undefined = JSON.stringify(value);
	if (text === undefined) {
		throw new TypeError(`JSON has no ${typeof value}`);
	}
	if (isNestedTooDeep(text)) {
		throw new RangeError(`It is nested more than ${JSON_MESSAGE_DEPTH} deep`);
	}
	// Keys come out of stringify unescaped; a string that has it is no reason to refuse. V8 looks for the first letter first, and there are many
	// quotes: with the quote in front the search takes 5 times as long.
	if (text.includes('__proto__"')) {
		checkValue(JSON.parse(text), JSON_MESSAGE_DEPTH);
	}
	return text;
}

function decode(bytes: Uint8Array): unknown {
	const value: unknown = JSON.parse(UTF8.decode(bytes));
	checkValue(value, JSON_MESSAGE_DEPTH);
	return value;
}

/** The value is a tree that `JSON.parse` made, which itself copes with any depth. */
function checkValue(value: unknown, depth: number): void {
	if (typeof value === "number" && !Number.isFinite(value)) {
		throw new RangeError("A number is too large");
	}
	if (typeof value !== "object" || value === null) {
		return;
	}
	if (depth === 0) {
		throw new RangeError(`It is nested more than ${JSON_MESSAGE_DEPTH} deep`);
	}
	if (Array.isArray(value)) {
		for (let index = 0; index < value.length; index++) {
			checkValue(value[index], depth - 1);
		}
		return;
	}
	for (const key in value) {
		if (key === "__proto__") {
			throw new TypeError("It has a key __proto__");
		}
		checkValue((value as Record<string, unknown>)[key], depth - 1);
	}
}

/** Whether correct JSON text is nested deeper than {@link JSON_MESSAGE_DEPTH}. */
function isNestedTooDeep(text: string): boolean {
	// Every level needs two brackets.
	if (text.length <= 2 * JSON_MESSAGE_DEPTH) {
		return false;
	}
	let depth = 0;
	for (let index = 0; index < text.length; index++) {
		switch (text.charCodeAt(index)) {
			case 0x22: // A string: to its closing quote.
				for (index++; text.charCodeAt(index) !== 0x22; index++) {
					if (text.charCodeAt(index) === 0x5c) {
						index++;
					}
				}
				break;
			case 0x5b:
			case 0x7b:
				if (++depth > JSON_MESSAGE_DEPTH) {
					return true;
				}
				break;
			case 0x5d:
			case 0x7d:
				depth--;
				break;
			default:
		}
	}
	return false;
}
