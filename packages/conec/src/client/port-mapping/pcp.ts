/**
 * The messages of PCP (RFC 6887) and NAT-PMP (RFC 6886) that map one UDP port, as pure functions.
 *
 * @module
 */

import { formatIp, parseIp, unmapIp } from "../../wire/ip-address.ts";

/** Where a router takes both. */
export const GATEWAY_PORT = 5351;

/** A request for a mapping. */
export interface MapRequest {
	/** The port of this machine. */
	readonly internalPort: number;
	/** The port that one would like outside; 0 is any. */
	readonly externalPort: number;
	/** 0 removes the mapping. */
	readonly lifetimeS: number;
}

/** What a router says. */
export type MapAnswer =
	| { readonly type: "mapped"; readonly externalPort: number; readonly externalAddress?: string; readonly lifetimeS: number }
	/** It speaks another version only. */
	| { readonly type: "version" }
	| { readonly type: "refused"; readonly reason: string };

/** MAP of PCP. `nonce`: 12 bytes that name the mapping. `clientAddress`: from where this machine sends to the router. */
export function encodePcpMap({ internalPort, externalPort, lifetimeS }: MapRequest, nonce: Uint8Array, clientAddress: string): Uint8Array {
	const bytes = new Uint8Array(60);
	const view = new DataView(bytes.buffer);
	bytes[0] = 2;
	bytes[1] = 1;
	view.setUint32(4, lifetimeS);
	bytes.set(mapped(clientAddress), 8);
	bytes.set(nonce.subarray(0, 12), 24);
	bytes[36] = UDP;
	view.setUint16(40, internalPort);
	view.setUint16(42, externalPort);
	bytes.set(mapped("0.0.0.0"), 44);
	return bytes;
}

/** `undefined`: it is no answer to that request. */
export function decodePcpMap(bytes: Uint8Array, internalPort: number, nonce: Uint8Array): MapAnswer | undefined {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	// A router that knows only NAT-PMP answers in its own version (RFC 6886, 3.5).
	if (bytes.length >= 4 && bytes[0] === 0) return { type: "version" };
	if (bytes.length < 24 || bytes[0] !== 2 || bytes[1] !== 0x81) return undefined;
	const result = bytes[3] as number;
	if (result === 1) return { type: "version" };
	// A router may leave out what it did not understand.
	const mine = bytes.length >= 60 && same(bytes.subarray(24, 36), nonce) && bytes[36] === UDP && view.getUint16(40) === internalPort;
	if (result !== 0) return bytes.length < 60 || mine ? { type: "refused", reason: PCP_RESULTS[result] ?? `code ${result}` } : undefined;
	if (!mine) return undefined;
	return { type: "mapped", lifetimeS: view.getUint32(4), externalPort: view.getUint16(42), externalAddress: formatIp(unmapIp(bytes.slice(44, 60))) };
}

/** The question of NAT-PMP for the address outside. */
export const NAT_PMP_ADDRESS: Uint8Array = new Uint8Array([0, 0]);

/** The address outside, as NAT-PMP says it. `undefined`: it is no answer to that. */
export function decodeNatPmpAddress(bytes: Uint8Array): { readonly address: string } | { readonly refused: string } | undefined {
	if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 128) return undefined;
	const result = (bytes[2] as number) * 256 + (bytes[3] as number);
	if (result !== 0) return { refused: NAT_PMP_RESULTS[result] ?? `code ${result}` };
	return bytes.length < 12 ? undefined : { address: formatIp(bytes.slice(8, 12)) };
}

/** The request of NAT-PMP for a UDP port. */
export function encodeNatPmpMap({ internalPort, externalPort, lifetimeS }: MapRequest): Uint8Array {
	const bytes = new Uint8Array(12);
	const view = new DataView(bytes.buffer);
	bytes[1] = 1;
	view.setUint16(4, internalPort);
	view.setUint16(6, externalPort);
	view.setUint32(8, lifetimeS);
	return bytes;
}

/** `undefined`: it is no answer to that request. */
export function decodeNatPmpMap(bytes: Uint8Array, internalPort: number): MapAnswer | undefined {
	if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 129) return undefined;
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const result = view.getUint16(2);
	if (result !== 0) return { type: "refused", reason: NAT_PMP_RESULTS[result] ?? `code ${result}` };
	if (bytes.length < 16 || view.getUint16(8) !== internalPort) return undefined;
	return { type: "mapped", externalPort: view.getUint16(10), lifetimeS: view.getUint32(12) };
}

const UDP = 17;

const PCP_RESULTS: Readonly<Record<number, string>> = {
	2: "not authorised",
	3: "malformed request",
	4: "unsupported request",
	7: "network failure",
	8: "no resources",
	9: "unsupported protocol",
	10: "quota exceeded",
	11: "no such external address",
	12: "another address inside",
};
const NAT_PMP_RESULTS: Readonly<Record<number, string>> = {
	1: "unsupported version",
	2: "not authorised",
	3: "network failure",
	4: "no resources",
	5: "unsupported request",
};

/** In 16 bytes, IPv4 as IPv4-mapped. */
function mapped(address: string): Uint8Array {
	const ip = parseIp(address) ?? new Uint8Array(16);
	return ip.length === 16 ? ip : new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...ip]);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
	return a.every((byte, index) => byte === b[index]);
}
