/**
 * From the bytes of a JSON payload to a checked message: the one place where what a field reader throws becomes a sentence.
 *
 * @module
 */

import { FieldProblem, textField } from "./fields.ts";
import { FRAME_BYTES } from "./frames.ts";
import { type Decoded, decodeJsonObject, failed } from "./json.ts";

/** The fields of a decoded JSON object. */
export type JsonFields = Readonly<Record<string, unknown>>;

/** Reads a payload of at most {@link FRAME_BYTES} with `read`, which may throw a {@link FieldProblem}. `name` begins the sentence that says what is wrong. */
export function decodeJson<T>(name: string, payload: Uint8Array, read: (object: JsonFields) => T): Decoded<T> {
	const object = objectIn(name, payload);
	return object.ok ? decodeFields(name, () => read(object.value)) : object;
}

/** The same for an object whose `type` says what it is; the sentence names that too. */
export function decodeTyped<T>(name: string, payload: Uint8Array, read: (type: string, object: JsonFields) => T): Decoded<T> {
	const object = objectIn(name, payload);
	if (!object.ok) {
		return object;
	}
	const type = decodeFields(`${name} "message"`, () => textField(object.value, "type", 64));
	return type.ok ? decodeFields(`${name} ${JSON.stringify(type.value)}`, () => read(type.value, object.value)) : type;
}

function objectIn(name: string, payload: Uint8Array): Decoded<JsonFields> {
	if (payload.length > FRAME_BYTES) {
		return failed(`${name} is longer than ${FRAME_BYTES} bytes`);
	}
	const object = decodeJsonObject(payload);
	return object.ok ? object : failed(`${name} ${object.error}`);
}

function decodeFields<T>(name: string, read: () => T): Decoded<T> {
	try {
		return { ok: true, value: read() };
	} catch (problem) {
		if (problem instanceof FieldProblem) {
			return failed(`${name}: ${problem.problem}`);
		}
		throw problem;
	}
}
