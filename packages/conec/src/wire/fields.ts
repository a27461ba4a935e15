/**
 * Reading the fields of a decoded JSON object. Each reader takes what it is sure of and otherwise says in one sentence
 * what is wrong; unknown fields are never looked at.
 *
 * @module
 */

import { wellFormed } from "./i-json.ts";
import { BROADCAST_NAME_BYTES, idProblem, isBroadcastName, isProtocol, isStreamId, PROTOCOL_BYTES } from "./ids.ts";
import { parseIp } from "./ip-address.ts";
import { checkJson, type JsonValue, metadataTextBytes } from "./json.ts";
import { isVersion, VERSIONS_LISTED } from "./versions.ts";

/** Longest `message` or `reason`, in UTF-16 units. Longer text is cut, not refused: it is only for people. */
export const TEXT_LENGTH = 256;

/** Capabilities that one side may list. */
export const CAPABILITIES_LISTED = 32;

/** Metadata that a decoder takes unless told otherwise, in bytes of JSON. */
export const METADATA_BYTES = 1024;

/** Digits of a token of 128 bits. */
export const TOKEN_DIGITS = 32;

/** Greatest priority of a stream; the least is as far below 0. */
export const PRIORITY_MAX = 100;

/** Longest metadata that any side may take, and longest metadata of another Client, in bytes of JSON: what one Client says breaks the link of none that hears of it. */
export const PEER_METADATA_BYTES = 2048;

/** A Client, as the Coordinator describes it to others. */
export interface WirePeer {
	/** The Client's id. */
	readonly id: string;
	/** `sha256:` and 64 hexadecimal digits: of the SubjectPublicKeyInfo of its certificate. */
	readonly fingerprint: string;
	/** What the Client says about itself. It is untrusted. */
	readonly metadata?: JsonValue;
}

/** An IP address and a UDP port, as they travel. What is sent is never IPv4-mapped. */
export interface WireAddress {
	readonly address: string;
	/** 1 to 65,535. */
	readonly port: number;
}

/** Thrown and caught inside one decoder; never leaves `wire/`. */
export class FieldProblem {
	readonly problem: string;

	constructor(problem: string) {
		this.problem = problem;
	}
}

/** The own field `name`; what sits on the prototype is not a field. */
export function fieldOf(object: Readonly<Record<string, unknown>>, name: string): unknown {
	return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** A required string of 1 to `max` characters. */
export function textField(object: Readonly<Record<string, unknown>>, name: string, max: number): string {
	const value = fieldOf(object, name);
	if (typeof value !== "string" || value.length === 0 || value.length > max) {
		throw new FieldProblem(`${name} must be a string of 1 to ${max} characters`);
	}
	return value;
}

/** A required id. */
export function idField(object: Readonly<Record<string, unknown>>, name: string): string {
	const value = fieldOf(object, name);
	const problem = idProblem(value);
	if (problem !== undefined) {
		throw new FieldProblem(`${name} ${problem}`);
	}
	return value as string;
}

/** A required integer. */
export function integerField(object: Readonly<Record<string, unknown>>, name: string, min: number, max: number): number {
	const value = fieldOf(object, name);
	if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
		throw new FieldProblem(`${name} must be an integer from ${min} to ${max}`);
	}
	return value as number;
}

/** The required number of a stream. */
export function streamIdField(object: Readonly<Record<string, unknown>>, name: string): number {
	const value = fieldOf(object, name);
	if (!isStreamId(value)) {
		throw new FieldProblem(`${name} must be an integer from 0 to 2^53 - 1`);
	}
	return value;
}

/** The required name of a broadcast. */
export function broadcastNameField(object: Readonly<Record<string, unknown>>, name: string): string {
	const value = fieldOf(object, name);
	if (!isBroadcastName(value)) {
		throw new FieldProblem(`${name} must be 1 to ${BROADCAST_NAME_BYTES} of a-z, 0-9, dot, underscore and hyphen`);
	}
	return value;
}

/** The name of a protocol, or absent. */
export function protocolField(object: Readonly<Record<string, unknown>>, name: string): string | undefined {
	const value = fieldOf(object, name);
	if (value !== undefined && !isProtocol(value)) {
		throw new FieldProblem(`${name} must be 1 to ${PROTOCOL_BYTES} of a-z, 0-9, dot, slash and hyphen`);
	}
	return value;
}

/** Which stream goes first, or absent. */
export function priorityField(object: Readonly<Record<string, unknown>>, name: string): number | undefined {
	return fieldOf(object, name) === undefined ? undefined : integerField(object, name, -PRIORITY_MAX, PRIORITY_MAX);
}

/** How many, or which in a row: a required integer that is not negative. */
export function countField(object: Readonly<Record<string, unknown>>, name: string): number {
	return integerField(object, name, 0, Number.MAX_SAFE_INTEGER);
}

/** A boolean; absent reads as false. */
export function flagField(object: Readonly<Record<string, unknown>>, name: string): boolean {
	const value = fieldOf(object, name);
	if (value !== undefined && typeof value !== "boolean") {
		throw new FieldProblem(`${name} must be true or false`);
	}
	return value ?? false;
}

/** One of a closed list of words, required. */
export function choiceField<T extends string>(object: Readonly<Record<string, unknown>>, name: string, choices: readonly T[]): T {
	const value = fieldOf(object, name);
	if (typeof value !== "string" || !(choices as readonly string[]).includes(value)) {
		throw new FieldProblem(`${name} must be ${choices.map((choice) => JSON.stringify(choice)).join(" or ")}`);
	}
	return value as T;
}

/** A code in capitals, as in REJECT and `refused`; required. */
export function codeField(object: Readonly<Record<string, unknown>>, name: string): string {
	const value = fieldOf(object, name);
	if (typeof value !== "string" || !CODE.test(value)) {
		throw new FieldProblem(`${name} must be 1 to 64 capitals, digits and underscores`);
	}
	return value;
}

/** Text for people: absent or a string, cut to {@link TEXT_LENGTH}. */
export function noteField(object: Readonly<Record<string, unknown>>, name: string): string | undefined {
	const value = fieldOf(object, name);
	if (value === undefined) {
		return undefined;
	}
	if (typeof value !== "string") {
		throw new FieldProblem(`${name} must be a string`);
	}
	return cutNote(value);
}

/** Cuts text for people to what is kept of it, between two characters, and makes it a string that may be sent. */
export function cutNote(text: string): string {
	if (text.length <= TEXT_LENGTH) return wellFormed(text);
	const whole = text.slice(0, TEXT_LENGTH);
	return wellFormed(HALF_AT_END.test(whole) ? whole.slice(0, -1) : whole);
}

/** The least that a side may take on a connection while it reads nothing. */
export const CONNECTION_WINDOW_BYTES_MIN = 65_536;

/** A required count of bytes that a side takes on a connection while it reads nothing. */
export function connectionWindowField(object: Readonly<Record<string, unknown>>): number {
	return integerField(object, "connectionWindowBytes", CONNECTION_WINDOW_BYTES_MIN, Number.MAX_SAFE_INTEGER);
}

/** A required list of 1 to 16 versions. */
export function versionsField(object: Readonly<Record<string, unknown>>, name: string): readonly number[] {
	const value = fieldOf(object, name);
	if (!Array.isArray(value) || value.length === 0 || value.length > VERSIONS_LISTED || !value.every(isVersion)) {
		throw new FieldProblem(`${name} must list 1 to ${VERSIONS_LISTED} integers from 1 to 65535`);
	}
	return value;
}

/** A list of capabilities; absent reads as empty. */
export function capabilitiesField(object: Readonly<Record<string, unknown>>, name: string): readonly string[] {
	const value = fieldOf(object, name);
	if (value === undefined) {
		return [];
	}
	if (!Array.isArray(value) || value.length > CAPABILITIES_LISTED || !value.every(isCapability)) {
		throw new FieldProblem(`${name} must list at most ${CAPABILITIES_LISTED} words of a-z, 0-9 and hyphens, each at most 64 long`);
	}
	return value;
}

/**
 * The field `metadata`: absent, or JSON of at most `maxBytes`. Two lengths count: that of the text as it came, and that of the text in
 * which it is passed on. So nothing that was taken becomes too long on its way.
 */
export function metadataField(object: Readonly<Record<string, unknown>>, maxBytes: number): JsonValue | undefined {
	const value = fieldOf(object, "metadata");
	if (value === undefined) {
		return undefined;
	}
	if ((metadataTextBytes(object) ?? 0) > maxBytes) {
		throw new FieldProblem(`metadata is longer than ${maxBytes} bytes`);
	}
	const checked = checkJson(value, maxBytes);
	if (!checked.ok) {
		throw new FieldProblem(`metadata ${checked.error}`);
	}
	return checked.value;
}

/** A required object. */
export function objectField(object: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, unknown>> {
	const value = fieldOf(object, name);
	if (!isObject(value)) {
		throw new FieldProblem(`${name} must be an object`);
	}
	return value;
}

/** A required list of objects, as many as the frame holds. `read` takes one. */
export function objectsField<T>(object: Readonly<Record<string, unknown>>, name: string, read: (item: Readonly<Record<string, unknown>>) => T): readonly T[] {
	const value = fieldOf(object, name);
	if (!Array.isArray(value)) {
		throw new FieldProblem(`${name} must be a list`);
	}
	return value.map((item: unknown) => {
		if (!isObject(item)) {
			throw new FieldProblem(`${name} must be a list of objects`);
		}
		return read(item);
	});
}

/** A required peer. */
export function peerField(object: Readonly<Record<string, unknown>>, name: string, metadataBytes: number = PEER_METADATA_BYTES): WirePeer {
	return readPeer(objectField(object, name), metadataBytes);
}

/** A peer that is no field but an item of a list. */
export function readPeer(peer: Readonly<Record<string, unknown>>, metadataBytes: number = PEER_METADATA_BYTES): WirePeer {
	const metadata = metadataField(peer, metadataBytes);
	return { id: idField(peer, "id"), fingerprint: fingerprintField(peer, "fingerprint"), ...(metadata === undefined ? {} : { metadata }) };
}

/** A required `true` or `false`. */
export function booleanField(object: Readonly<Record<string, unknown>>, name: string): boolean {
	const value = fieldOf(object, name);
	if (typeof value !== "boolean") {
		throw new FieldProblem(`${name} must be true or false`);
	}
	return value;
}

/** A required number, whole or not. */
export function numberField(object: Readonly<Record<string, unknown>>, name: string, min: number, max: number): number {
	const value = fieldOf(object, name);
	if (typeof value !== "number" || !(value >= min && value <= max)) {
		throw new FieldProblem(`${name} must be a number from ${min} to ${max}`);
	}
	return value;
}

/** A required string of exactly so many hexadecimal digits, lower case. */
export function hexField(object: Readonly<Record<string, unknown>>, name: string, digits: number): string {
	const value = fieldOf(object, name);
	if (typeof value !== "string" || value.length !== digits || !HEX.test(value)) {
		throw new FieldProblem(`${name} must be ${digits} hexadecimal digits`);
	}
	return value;
}

/** The required token of an attempt at a direct channel, or of a stream. */
export function tokenField(object: Readonly<Record<string, unknown>>): string {
	return hexField(object, "token", TOKEN_DIGITS);
}

/** A required fingerprint: `sha256:` and 64 hexadecimal digits. */
export function fingerprintField(object: Readonly<Record<string, unknown>>, name: string): string {
	const value = fieldOf(object, name);
	if (typeof value !== "string" || !FINGERPRINT.test(value)) {
		throw new FieldProblem(`${name} must be "sha256:" and 64 hexadecimal digits`);
	}
	return value;
}

/** Required base64 (RFC 4648, 4, padded) of 1 to `maxBytes`. */
export function base64Field(object: Readonly<Record<string, unknown>>, name: string, maxBytes: number): string {
	const value = fieldOf(object, name);
	if (typeof value !== "string" || value.length === 0 || value.length > Math.ceil(maxBytes / 3) * 4 || value.length % 4 !== 0 || !BASE64.test(value)) {
		throw new FieldProblem(`${name} must be 1 to ${maxBytes} bytes in base64`);
	}
	return value;
}

/** A required object with `address`, an IP address in any spelling without a zone, and `port`. */
export function addressField(object: Readonly<Record<string, unknown>>, name: string): WireAddress {
	const value = objectField(object, name);
	return { address: ipField(value, "address"), port: integerField(value, "port", 1, 0xff_ff) };
}

/** A required IP address in any spelling without a zone. */
export function ipField(object: Readonly<Record<string, unknown>>, name: string): string {
	const address = textField(object, name, 64);
	if (parseIp(address) === undefined) {
		throw new FieldProblem(`${name} must be an IP address`);
	}
	return address;
}

/** A required list of at most `max` items. `read` takes one from the field of that name. */
export function listField<T>(
	object: Readonly<Record<string, unknown>>,
	name: string,
	max: number,
	read: (item: Readonly<Record<string, unknown>>, name: string) => T,
): readonly T[] {
	const value = fieldOf(object, name);
	if (!Array.isArray(value) || value.length > max) {
		throw new FieldProblem(`${name} must list at most ${max}`);
	}
	return value.map((item: unknown) => read({ [name]: item }, name));
}

const HALF_AT_END = /[\ud800-\udbff]$/;
const HEX = /^[0-9a-f]*$/;
const FINGERPRINT = /^sha256:[0-9a-f]{64}$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const CODE = /^[A-Z0-9_]{1,64}$/;
const CAPABILITY = /^[a-z0-9-]{1,64}$/;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCapability(value: unknown): value is string {
	return typeof value === "string" && CAPABILITY.test(value);
}
