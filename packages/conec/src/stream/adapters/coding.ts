/**
 * A codec with its schema, and the errors when one of them refuses a value or a message.
 *
 * @module
 */

import { isBytes } from "../../base/bytes.ts";
import { argumentError, ConecError, messageOf } from "../../errors.ts";
import { type Codec, checkedCodec, type SchemaIssue, type SchemaResult } from "./codec.ts";

/** Longest text about a refusal in a message; parts of it may come from the peer. */
const WORDS_LENGTH = 256;

/** Both directions of a codec. A promise comes out only where a schema checks asynchronously. */
export class Coding<T, Sent> {
	readonly #codec: Codec<T, Sent>;
	readonly #describe: string;
	readonly #peer: string | undefined;

	/** @param describe for error messages: `a message on stream 7 with "bob"` */
	constructor(codec: Codec<T, Sent>, describe: string, peer: string | null) {
		this.#codec = checkedCodec(codec);
		this.#describe = describe;
		this.#peer = peer ?? undefined;
	}

	/** Throws, or rejects with, `TypeError` with `ENCODE_FAILED`. */
	encode(value: Sent): Uint8Array | string | Promise<Uint8Array | string> {
		const schema = this.#codec.schema;
		if (schema === undefined) {
			return this.#encode(value);
		}
		let result: SchemaResult<T> | Promise<SchemaResult<T>>;
		try {
			result = schema["~standard"].validate(value);
		} catch (error) {
			throw this.unsendable(error);
		}
		const encodePassed = ({ issues }: SchemaResult<T>): Uint8Array | string => {
			if (issues !== undefined) {
				throw this.unsendable(issues);
			}
			return this.#encode(value);
		};
		if (!isPromise(result)) {
			return encodePassed(result);
		}
		return Promise.resolve(result).then(encodePassed, (error: unknown) => {
			throw this.unsendable(error);
		});
	}

	/** Throws, or rejects with, `ConecError` with `DECODE_FAILED`. */
	decode(bytes: Uint8Array): T | Promise<T> {
		const { schema } = this.#codec;
		let result: SchemaResult<T> | Promise<SchemaResult<T>>;
		try {
			const value = this.#codec.decode(bytes);
			if (schema === undefined) {
				return value as T;
			}
			result = schema["~standard"].validate(value);
		} catch (error) {
			throw this.#undecodable(error);
		}
		const passed = (checked: SchemaResult<T>): T => {
			if (checked.issues !== undefined) {
				throw this.#undecodable(checked.issues);
			}
			return checked.value;
		};
		if (!isPromise(result)) {
			return passed(result);
		}
		return Promise.resolve(result).then(passed, (error: unknown) => {
			throw this.#undecodable(error);
		});
	}

	/** The error for a value that is not sent. */
	unsendable(cause: unknown): Error {
		return argumentError("type", "ENCODE_FAILED", `Cannot encode ${this.#describe}: ${wordsOf(cause)}`, { cause });
	}

	#encode(value: Sent): Uint8Array | string {
		let encoded: Uint8Array | string;
		try {
			encoded = this.#codec.encode(value);
		} catch (error) {
			throw this.unsendable(error);
		}
		// UTF-8 cannot express half of a surrogate pair, so another text would arrive.
		if (typeof encoded === "string" ? !encoded.isWellFormed() : !isBytes(encoded)) {
			throw this.unsendable(typeof encoded === "string" ? "its text has half a surrogate pair" : "the codec gave neither a Uint8Array nor a string");
		}
		return encoded;
	}

	#undecodable(cause: unknown): ConecError {
		return new ConecError("DECODE_FAILED", `Cannot decode ${this.#describe}: ${wordsOf(cause)}`, { cause, peer: this.#peer });
	}
}

function isPromise<T>(result: T | Promise<T>): result is Promise<T> {
	return typeof (result as Partial<Promise<T>>).then === "function";
}

/** `cause` is a list of issues, or whatever was thrown. */
function wordsOf(cause: unknown): string {
	const words = Array.isArray(cause) ? wordsOfIssue(cause[0] as SchemaIssue | undefined) : messageOf(cause);
	// They may quote the peer, whose text must not move anybody's cursor.
	return (words.length <= WORDS_LENGTH ? words : `${words.slice(0, WORDS_LENGTH)}...`).replace(/\p{Cc}/gu, "\ufffd");
}

function wordsOfIssue(issue: SchemaIssue | undefined): string {
	if (issue === undefined) {
		return "the schema refuses it";
	}
	const path = (issue.path ?? []).map((segment) => String(typeof segment === "object" ? segment.key : segment)).join(".");
	return path === "" ? issue.message : `${path}: ${issue.message}`;
}
