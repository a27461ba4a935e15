/**
 * How values become messages, and messages become values: a pair of functions, and a Standard Schema if wanted.
 *
 * @module
 */

import { argumentError } from "../../errors.ts";

/**
 * Turns values into messages and back, for `typed`. `T` is what is received, `Sent` is what may be sent. They differ only if
 * a schema transforms values.
 *
 * Both functions are called once for each message. They may throw: then the value is refused with `ENCODE_FAILED`, or the message with
 * `DECODE_FAILED`. The peer decides which bytes `decode` gets, so they can be anything, or empty.
 */
export type Codec<T, Sent = T> = CodecWithoutSchema<T, Sent> | CodecWithSchema<T, Sent>;

/** A codec without a schema. Only its `decode` checks what a peer sends. */
export interface CodecWithoutSchema<T, Sent = T> {
	/** Returns the message for a value. A string is sent as UTF-8. */
	encode(value: Sent): Uint8Array | string;
	/** Returns the value of a message. It may keep the bytes. */
	decode(bytes: Uint8Array): T;
	readonly schema?: undefined;
}

/** A codec with a schema. The schema checks each value before `encode` and after `decode`. */
export interface CodecWithSchema<T, Sent = T> {
	/** Returns the message for a value that passed the schema. A string is sent as UTF-8. */
	encode(value: Sent): Uint8Array | string;
	/** Returns what the schema is to check. It may keep the bytes. */
	decode(bytes: Uint8Array): unknown;
	/**
	 * Checks values in both directions. It may work asynchronously. The value travels as it was sent, and the receiver gets what its
	 * schema makes of it. So defaults and transformations happen once, at the receiver.
	 */
	readonly schema: StandardSchema<Sent, T>;
}

/** The interface that valibot, zod, arktype and others implement: https://standardschema.dev, version 1. */
export interface StandardSchema<Input = unknown, Output = Input> {
	readonly "~standard": {
		readonly version: 1;
		readonly vendor: string;
		readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
		/** For the type checker only. */
		readonly types?: { readonly input: Input; readonly output: Output } | undefined;
	};
}

/** The result of a check: the value, or what is wrong with it. */
export type SchemaResult<Output> =
	| { readonly value: Output; readonly issues?: undefined }
	| {
			readonly issues: readonly SchemaIssue[];
	  };

/** One problem of a value, and where in the value it is. */
export interface SchemaIssue {
	readonly message: string;
	readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Returns the codec that was given. Throws `TypeError` with `OPTION_INVALID` if it is not one. */
export function checkedCodec<T, Sent>(codec: Codec<T, Sent>): Codec<T, Sent> {
	const given: unknown = codec;
	if (typeof given !== "object" || given === null || typeof codec.encode !== "function" || typeof codec.decode !== "function") {
		throw argumentError("type", "OPTION_INVALID", "A codec must be an object with the functions encode and decode");
	}
	if (codec.schema !== undefined) {
		checkSchema(codec.schema);
	}
	return codec;
}

/** Throws `TypeError` with `OPTION_INVALID` unless it is a Standard Schema. */
export function checkSchema(schema: unknown): void {
	// Some are functions with properties.
	const standard =
		(typeof schema === "object" || typeof schema === "function") && schema !== null ? (schema as Partial<StandardSchema>)["~standard"] : undefined;
	if (standard?.version !== 1 || typeof standard.validate !== "function") {
		throw argumentError("type", "OPTION_INVALID", 'A schema must be a Standard Schema: have "~standard" with version 1 and validate');
	}
}
