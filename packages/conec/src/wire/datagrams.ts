/**
 * Datagrams beside QUIC, on the same socket: probes of hole punching, and the Coordinator's look at a Client's NAT.
 * Their first byte has neither 0x80 nor 0x40, one of which every packet of QUIC has (RFC 9000, 17; RFC 9443).
 *
 * @module
 */

import type { WireAddress } from "./fields.ts";
import { formatIp, parseIp, unmapIp } from "./ip-address.ts";
import { type Decoded, failed } from "./json.ts";

/** The first byte of each kind. */
export const DATAGRAM = {
	/** Client to Client: is this address yours? */
	PROBE: 0x10,
	/** Client to Client: it is, and that is where I see you. */
	ANSWER: 0x11,
	/** Coordinator to a Client's new address: say over the control stream that this came. */
	CHALLENGE: 0x12,
	/** Client to the Coordinator's second port: where do you see me? */
	NAT_ECHO_REQUEST: 0x13,
	/** The answer. */
	NAT_ECHO: 0x14,
	/** The Coordinator's second port to a Client that never sent there. */
	NAT_TEST: 0x15,
} as const;

/** Bytes of a MAC on the wire: the first of those that a {@link Mac} gives. */
export const MAC_BYTES = 16;

/** Digits of a nonce and of a label or session tag (8 bytes in hexadecimal, lower case). */
export const NONCE_DIGITS = 16;

/** HMAC-SHA256 with a key that both sides have; at least {@link MAC_BYTES} bytes. */
export type Mac = (data: Uint8Array) => Uint8Array;

/** What a datagram says. Nonces, labels and tags are {@link NONCE_DIGITS} hexadecimal digits, lower case. */
export type DatagramContent =
	| { readonly type: "probe"; readonly label: string; readonly nonce: string }
	| { readonly type: "answer"; readonly label: string; readonly nonce: string; readonly observed: WireAddress }
	| { readonly type: "challenge"; readonly nonce: string }
	| { readonly type: "nat-echo-request"; readonly tag: string; readonly nonce: string }
	| { readonly type: "nat-echo"; readonly nonce: string; readonly observed: WireAddress }
	| { readonly type: "nat-test"; readonly nonce: string };

/** A datagram that has the form of one. Nothing in it is to be believed before {@link isAuthentic} says so; a challenge has no MAC. */
export interface Datagram {
	readonly content: DatagramContent;
	/** What the MAC covers: all before it. */
	readonly covered: Uint8Array;
	/** Its MAC; empty for a challenge. */
	readonly mac: Uint8Array;
}

/**
 * The bytes of a datagram. `mac` is not called for a challenge, which has none.
 *
 * The content must be well formed: hexadecimal as described, a canonical address, a port from 1 to 65535.
 */
export function encodeDatagram(content: DatagramContent, mac: Mac): Uint8Array {
	const bytes = new Uint8Array(LENGTHS[content.type]);
	bytes[0] = KINDS[content.type];
	let at = 1;
	if (content.type === "probe" || content.type === "answer") at = putHex(bytes, at, content.label);
	if (content.type === "nat-echo-request") at = putHex(bytes, at, content.tag);
	at = putHex(bytes, at, content.nonce);
	if (content.type === "answer" || content.type === "nat-echo") putAddress(bytes, at, content.observed);
	if (content.type !== "challenge") {
		const end = bytes.length - MAC_BYTES;
		bytes.set(mac(bytes.subarray(0, end)).subarray(0, MAC_BYTES), end);
	}
	return bytes;
}

/** Reads the form of a datagram; the MAC is not checked here, since who knows which key depends on what is in it. */
export function decodeDatagram(bytes: Uint8Array): Decoded<Datagram> {
	const type = TYPES.get(bytes[0] ?? -1);
	if (type === undefined) return failed("is of no known kind");
	if (bytes.length !== LENGTHS[type]) return failed(`of kind ${type} must be ${LENGTHS[type]} bytes long`);
	const end = type === "challenge" ? bytes.length : bytes.length - MAC_BYTES;
	const content = readContent(type, bytes);
	return content === undefined ? failed("names no usable port") : { ok: true, value: { content, covered: bytes.subarray(0, end), mac: bytes.subarray(end) } };
}

/** Whether the MAC is the one that `mac` gives, compared in constant time. False for a challenge. */
export function isAuthentic(datagram: Datagram, mac: Mac): boolean {
	const expected = mac(datagram.covered);
	if (datagram.mac.length !== MAC_BYTES || expected.length < MAC_BYTES) return false;
	let difference = 0;
	for (let i = 0; i < MAC_BYTES; i++) difference |= (expected[i] as number) ^ (datagram.mac[i] as number);
	return difference === 0;
}

type DatagramType = DatagramContent["type"];

const KINDS: { readonly [K in DatagramType]: number } = {
	probe: DATAGRAM.PROBE,
	answer: DATAGRAM.ANSWER,
	challenge: DATAGRAM.CHALLENGE,
	"nat-echo-request": DATAGRAM.NAT_ECHO_REQUEST,
	"nat-echo": DATAGRAM.NAT_ECHO,
	"nat-test": DATAGRAM.NAT_TEST,
};
const TYPES: ReadonlyMap<number, DatagramType> = new Map(Object.entries(KINDS).map(([type, kind]) => [kind, type as DatagramType]));

/** Every kind has one length. That of an echo request is padding up to its answer's, so that nothing is amplified. */
const LENGTHS: { readonly [K in DatagramType]: number } = {
	probe: 33,
	answer: 51,
	challenge: 9,
	"nat-echo-request": 51,
	"nat-echo": 43,
	"nat-test": 25,
};

function readContent(type: DatagramType, bytes: Uint8Array): DatagramContent | undefined {
	switch (type) {
		case "probe":
			return { type, label: hexAt(bytes, 1), nonce: hexAt(bytes, 9) };
		case "answer": {
			const observed = addressAt(bytes, 17);
			return observed && { type, label: hexAt(bytes, 1), nonce: hexAt(bytes, 9), observed };
		}
		case "nat-echo-request":
			return { type, tag: hexAt(bytes, 1), nonce: hexAt(bytes, 9) };
		case "nat-echo": {
			const observed = addressAt(bytes, 9);
			return observed && { type, nonce: hexAt(bytes, 1), observed };
		}
		case "challenge":
		case "nat-test":
			return { type, nonce: hexAt(bytes, 1) };
	}
}

/** Writes 8 bytes and gives where to go on. */
function putHex(bytes: Uint8Array, at: number, hex: string): number {
	for (let i = 0; i < NONCE_DIGITS / 2; i++) bytes[at + i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
	return at + NONCE_DIGITS / 2;
}

function hexAt(bytes: Uint8Array, at: number): string {
	let hex = "";
	for (let i = at; i < at + NONCE_DIGITS / 2; i++) hex += (bytes[i] as number).toString(16).padStart(2, "0");
	return hex;
}

function putAddress(bytes: Uint8Array, at: number, { address, port }: WireAddress): void {
	const ip = parseIp(address) ?? new Uint8Array(16);
	if (ip.length === 4) bytes.fill(0xff, at + 10, at + 12);
	bytes.set(ip, at + 16 - ip.length);
	bytes[at + 16] = port >>> 8;
	bytes[at + 17] = port;
}

function addressAt(bytes: Uint8Array, at: number): WireAddress | undefined {
	const port = ((bytes[at + 16] as number) << 8) | (bytes[at + 17] as number);
	return port === 0 ? undefined : { address: formatIp(unmapIp(bytes.subarray(at, at + 16))), port };
}
