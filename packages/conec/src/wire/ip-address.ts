/**
 * IP addresses as bytes and as text: read strictly, written in one form (RFC 5952), and IPv4-mapped ones never shown.
 *
 * @module
 */

/** The 4 or 16 bytes of an address, or `undefined` for what is no address. Zones, brackets and ports are not part of one. */
export function parseIp(text: string): Uint8Array | undefined {
	if (text.length > 45) {
		return undefined;
	}
	return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** The one text of 4 or 16 bytes. */
export function formatIp(bytes: Uint8Array): string {
	if (bytes.length === 4) {
		return bytes.join(".");
	}
	const groups: number[] = [];
	for (let i = 0; i < 16; i += 2) {
		groups.push(((bytes[i] as number) << 8) | (bytes[i + 1] as number));
	}
	const run = longestZeroRun(groups);
	const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(":");
	return run === undefined ? hex(groups) : `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`;
}

/** The address that an IPv4-mapped one (`::ffff:a.b.c.d`) stands for; any other as it is. */
export function unmapIp(bytes: Uint8Array): Uint8Array {
	return isIpv4Mapped(bytes) ? bytes.subarray(12) : bytes;
}

/** The one text of an address, IPv4-mapped ones unmapped; `undefined` for what is no address. */
export function canonicalIp(text: string): string | undefined {
	const bytes = parseIp(text);
	return bytes === undefined ? undefined : formatIp(unmapIp(bytes));
}

const OCTET = /^(?:0|[1-9][0-9]{0,2})$/;
const GROUP = /^[0-9a-fA-F]{1,4}$/;

function parseIpv4(text: string): Uint8Array | undefined {
	const parts = text.split(".");
	if (parts.length !== 4 || !parts.every((part) => OCTET.test(part) && Number(part) <= 255)) {
		return undefined;
	}
	return Uint8Array.from(parts, Number);
}

function parseIpv6(text: string): Uint8Array | undefined {
	const halves = text.split("::");
	if (halves.length > 2) {
		return undefined;
	}
	const [head, tail] = halves.map((half, index) => groupsOf(half, index === halves.length - 1));
	if (head === undefined || (halves.length === 2 && tail === undefined)) {
		return undefined;
	}
	const given = head.length + (tail?.length ?? 0);
	// "::" stands for at least one group.
	if (halves.length === 1 ? given !== 8 : given > 7) {
		return undefined;
	}
	const groups = [...head, ...new Array<number>(8 - given).fill(0), ...(tail ?? [])];
	return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** Groups of one side of "::". The last may be written as IPv4. */
function groupsOf(half: string, last: boolean): number[] | undefined {
	if (half === "") {
		return [];
	}
	const parts = half.split(":");
	const groups: number[] = [];
	for (const [index, part] of parts.entries()) {
		if (GROUP.test(part)) {
			groups.push(Number.parseInt(part, 16));
			continue;
		}
		const ipv4 = last && index === parts.length - 1 ? parseIpv4(part) : undefined;
		if (ipv4 === undefined) {
			return undefined;
		}
		groups.push(((ipv4[0] as number) << 8) | (ipv4[1] as number), ((ipv4[2] as number) << 8) | (ipv4[3] as number));
	}
	return groups;
}

function isIpv4Mapped(bytes: Uint8Array): boolean {
	return bytes.length === 16 && bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
}

/** The first of the longest runs of two or more zero groups. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } | undefined {
	let best: { start: number; length: number } | undefined;
	for (let start = 0; start < groups.length; start++) {
		let length = 0;
		while (groups[start + length] === 0) {
			length++;
		}
		if (length >= 2 && length > (best?.length ?? 0)) {
			best = { start, length };
		}
		start += length;
	}
	return best;
}
