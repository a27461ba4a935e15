/**
 * JSON as it travels: it is I-JSON (RFC 7493), its length and its depth are bounded, and it is safe to merge into an object.
 *
 * @module
 */

import { isPlainObject } from "../base/bytes.ts";
import { NUMBER_MAX, scanJson, stringProblem } from "./i-json.ts";

/** Any value that JSON can express. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** What a decoder found: a value, or one English sentence that says what is wrong. Decoders never throw. */
export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string };

/** Deepest nesting of arrays and objects in metadata. */
export const JSON_DEPTH = 32;

/** The object in a control message or stream header: strict UTF-8 without a byte order mark, I-JSON, not an array. */
export function decodeJsonObject(payload: Uint8Array): Decoded<Record<string, unknown>> {
	let text: string;
	try {
		text = UTF8.decode(payload);
	} catch {
		return failed("is not UTF-8");
	}
	if (text.startsWith(BYTE_ORDER_MARK)) return failed("begins with a byte order mark");
	const scan = scanJson(payload, text);
	if (!scan.ok) return scan;
	const value: unknown = JSON.parse(text);
	if (typeof value !== "object" || value === null || Array.isArray(value)) return failed("is not a JSON object");
	for (const { path, bytes } of scan.metadata) METADATA_TEXTS.set(follow(value, path), bytes);
	return { ok: true, value: value as Record<string, unknown> };
}

/** How many bytes the field `metadata` of this object had in the text that it was decoded from. `undefined`: it was not decoded, or is no object that may have one. */
export function metadataTextBytes(object: object): number | undefined {
	return METADATA_TEXTS.get(object);
}

/** The UTF-8 JSON text of a value that has been checked. */
export function encodeJson(value: unknown): Uint8Array {
	return encodeText(JSON.stringify(value));
}

/** JSON text in UTF-8. */
export function encodeText(text: string): Uint8Array {
	return TEXT.encode(text);
}

/**
 * Whether a value is plain I-JSON: at most {@link JSON_DEPTH} deep, at most `maxBytes` as text, plain objects, numbers of a magnitude of
 * at most {@link NUMBER_MAX}, strings of Unicode characters only, and no key `__proto__` (it would change the prototype of what it is
 * merged into).
 */
export function checkJson(value: unknown, maxBytes: number): Decoded<JsonValue> {
	const wrong = findWrong(value, 0);
	if (wrong !== undefined) {
		return failed(wrong);
	}
	// Depth and kinds are checked, so this neither throws nor recurses far.
	if (encodeJson(value).length > maxBytes) {
		return failed(`is longer than ${maxBytes} bytes`);
	}
	return { ok: true, value: value as JsonValue };
}

/** A failed {@link Decoded}. */
export function failed(error: string): { readonly ok: false; readonly error: string } {
	return { ok: false, error };
}

const TEXT = new TextEncoder();
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const BYTE_ORDER_MARK = "\ufeff";

/** Lengths of fields `metadata`, by the objects that have them. */
const METADATA_TEXTS: WeakMap<object, number> = new WeakMap();

/** The object at the end of a path that the scan has found in the text of this very value. */
function follow(value: object, path: readonly (string | number)[]): object {
	let at = value;
	for (const step of path) at = (at as Record<string | number, object>)[step] as object;
	return at;
}

function findWrong(value: unknown, depth: number): string | undefined {
	switch (typeof value) {
		case "string":
			return stringProblem(value);
		case "boolean":
			return undefined;
		case "number":
			if (!Number.isFinite(value)) return "has a number that is not finite";
			return Math.abs(value) > NUMBER_MAX ? "has a number beyond 2^53 - 1" : undefined;
		case "object":
			break;
		default:
			return `has a ${typeof value}`;
	}
	if (value === null) {
		return undefined;
	}
	if (depth === JSON_DEPTH) {
		return `is nested more than ${JSON_DEPTH} deep`;
	}
	if (Array.isArray(value)) {
		for (let index = 0; index < value.length; index++) {
			const wrong = findWrong(value[index], depth + 1);
			if (wrong !== undefined) {
				return wrong;
			}
		}
		return undefined;
	}
	if (!isPlainObject(value)) {
		return "has an object that is not plain";
	}
	for (const [key, member] of Object.entries(value)) {
		if (key === "__proto__") {
			return "has a key __proto__";
		}
		const wrong = stringProblem(key) ?? findWrong(member, depth + 1);
		if (wrong !== undefined) {
			return wrong;
		}
	}
	return undefined;
}
