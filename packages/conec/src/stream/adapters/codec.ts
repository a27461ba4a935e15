/**
 * How values become messages and messages values: any pair of functions, and any schema of the Standard Schema kind.
 *
 * @module
 */

import { argumentError } from "../../errors.ts";

/**
 * Turns values into messages and back, for `typed`. `T` is what is received, `Sent` what may be sent; they differ only where
 * a schema transforms.
 *
 * Both functions are called once a message and may throw: then the value is refused with `ENCODE_FAILED`, the message with
 * `DECODE_FAILED`. `decode` is given what a peer made up: any bytes, or none.
 */
export type Codec<T, Sent = T> = CodecWithoutSchema<T, Sent> | CodecWithSchema<T, Sent>;

/** A codec whose `decode` alone decides. */
export interface CodecWithoutSchema<T, Sent = T> {
	/** The message for a value; a string is sent as UTF-8. */
	encode(value: Sent): Uint8Array | string;
	/** The value of a message. The bytes may be kept. */
	decode(bytes: Uint8Array): T;
	readonly schema?: undefined;
}

/** A codec with a schema, which values have to pass before `encode` and after `decode`. */
export interface CodecWithSchema<T, Sent = T> {
	/** The message for a value that passed; a string is sent as UTF-8. */
	encode(value: Sent): Uint8Array | string;
	/** What of a message is given to the schema. The bytes may be kept. */
	decode(bytes: Uint8Array): unknown;
	/**
	 * Checks both ways, at once or asynchronously. What travels is the value as it was sent, and the receiver gets what its
	 * schema makes of it: defaults and transformations happen once, at the receiver.
	 */
	readonly schema: StandardSchema<Sent, T>;
}

/** What valibot, zod, arktype and others implement: https://standardschema.dev, version 1. */
export interface StandardSchema<Input = unknown, Output = Input> {
	readonly "~standard": {
		readonly version: 1;
		readonly vendor: string;
		readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
		/** Exists for the type checker only. */
		readonly types?: { readonly input: Input; readonly output: Output } | undefined;
	};
}

/** What a schema found: a value, or what is wrong. */
export type SchemaResult<Output> =
	| { readonly value: Output; readonly issues?: undefined }
	| {
			readonly issues: readonly SchemaIssue[];
	  };

/** One thing that is wrong with a value. */
export interface SchemaIssue {
	readonly message: string;
	readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The codec as it was given. Throws `TypeError` with `OPTION_INVALID` if it is none. */
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
