/**
 * When and where a Client may come back: what a Coordinator says of that when a session ends, and when it lets nobody in.
 *
 * @module
 */

import { FieldProblem, fieldOf, integerField, listField, textField } from "./fields.ts";
import { parseIp } from "./ip-address.ts";

/** Other Coordinators that one message may name. */
export const ALTERNATIVES_LISTED = 16;

/** Longest text of one: a DNS name of 253 characters, a colon and a port. */
export const ALTERNATIVE_LENGTH = 259;

/** When and where a Client may come back, as its Coordinator has said it. It may say anything: be ready for times of years, and for places where nobody is. */
export interface ComeBack {
	/** The Coordinator lets nobody in for so long, in milliseconds. Absent: it has said nothing of that. */
	readonly retryAfterMs?: number | undefined;
	/** Over how long, in milliseconds, Clients are to spread their return after `retryAfterMs`: each waits a part of it at random. */
	readonly spreadMs?: number | undefined;
	/** Other Coordinators, `host:port` or `[ipv6]:port`, 16 at most. They may be tried at once. */
	readonly alternatives?: readonly string[] | undefined;
}

/** Reads the fields of a message that are about coming back. Those that are absent are left out. */
export function readComeBack(object: Readonly<Record<string, unknown>>): ComeBack {
	const said = (name: string): boolean => fieldOf(object, name) !== undefined;
	return {
		...(said("retryAfterMs") ? { retryAfterMs: integerField(object, "retryAfterMs", 0, Number.MAX_SAFE_INTEGER) } : {}),
		...(said("spreadMs") ? { spreadMs: integerField(object, "spreadMs", 0, Number.MAX_SAFE_INTEGER) } : {}),
		...(said("alternatives") ? { alternatives: listField(object, "alternatives", ALTERNATIVES_LISTED, alternativeField) } : {}),
	};
}

/** Whether anything is said. */
export function saysComeBack({ retryAfterMs, spreadMs, alternatives }: ComeBack): boolean {
	return retryAfterMs !== undefined || spreadMs !== undefined || alternatives !== undefined;
}

/**
 * Whether a text names a Coordinator as it travels: `host:port` or `[ipv6]:port`, in ASCII, always with the port. A zone is left out, as it
 * names an interface of one machine.
 */
export function isAlternative(text: string): boolean {
	const match = text.length <= ALTERNATIVE_LENGTH ? PLACE.exec(text) : null;
	if (match === null) return false;
	const [, ipv6, host = "", port] = match;
	if (Number(port) > 0xff_ff) return false;
	if (ipv6 !== undefined) return ipv6.includes(":") && parseIp(ipv6) !== undefined;
	return host.length <= 253 && HOST.test(host);
}

function alternativeField(item: Readonly<Record<string, unknown>>, name: string): string {
	const text = textField(item, name, ALTERNATIVE_LENGTH);
	if (!isAlternative(text)) throw new FieldProblem(`${name} must list "host:port" or "[ipv6]:port"`);
	return text;
}

const PLACE = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253})):([1-9][0-9]{0,4})$/;
/** An IPv4 address is one too. Names of machines that are no DNS names may have an underscore. */
const HOST = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$/;
