/**
 * One word that names a Coordinator: where it is, and by which key it is trusted.
 *
 *     conec://HOST[:PORT][,HOST[:PORT]...][#pin=sha256:HEX[,pin=sha256:HEX...]]
 *
 * What {@link formatLink} writes has no character that a shell gives a meaning to, so it can be pasted without quotes. For that reason it
 * writes the brackets of an IPv6 address as `%5B` and `%5D`, and leaves them out where the port needs none. Pure.
 *
 * @module
 */

import { isIPv6 } from "node:net";
import { argumentError } from "../../errors.ts";
import { formatFingerprint, parseFingerprint } from "../../tls/fingerprint.ts";
import { DEFAULT_PORT } from "../../wire/versions.ts";
import { type HostAndPort, parseCoordinator } from "../uplink/index.ts";

/** What a link says. */
export interface CoordinatorLinkParts {
	/** Where the Coordinator may be, in the order in which the places are tried: "host", "host:port" or "[::1]:1719". 1 to 8. */
	readonly coordinators: readonly string[];
	/** Fingerprints, `sha256:<hex>`, of which one must be that of the Coordinator's key. Empty: the link names no key, and the certificate must be valid for the host. At most 8. */
	readonly pins: readonly string[];
}

/**
 * Reads a link. Everything that it does not know is refused.
 *
 * @throws TypeError `OPTION_INVALID`, which says what is wrong
 */
export function parseLink(link: string): CoordinatorLinkParts {
	if (typeof link !== "string") throw argumentError("type", "OPTION_INVALID", "A link must be a string");
	const wrong = (problem: string): Error => argumentError("type", "OPTION_INVALID", `Cannot use ${JSON.stringify(shortened(link))} as a link: ${problem}`);
	if (link.length > LONGEST) throw wrong(`it has more than ${LONGEST} characters`);
	if (!SCHEME.test(link)) throw wrong(`it must begin with ${PREFIX}`);
	const strange = /[^\x21-\x7e]/u.exec(link)?.[0];
	if (strange !== undefined) throw wrong(`${JSON.stringify(strange)} cannot be in it`);
	const [places = "", ...fragments] = link.slice(PREFIX.length).split("#");
	if (fragments.length > 1) throw wrong("it has more than one #");
	const coordinators = places.split(",").map((place) => placeOf(place, wrong));
	if (coordinators.length > MOST) throw wrong(`it has more than ${MOST} hosts`);
	if (new Set(coordinators).size < coordinators.length) throw wrong("a host is in it twice");
	return { coordinators, pins: fragments[0] === undefined ? [] : pinsOf(fragments[0], wrong) };
}

/**
 * Writes a link that {@link parseLink} reads as the same.
 *
 * @throws TypeError `OPTION_INVALID` for a coordinator or a pin that is none, and for none or too many of them
 */
export function formatLink({ coordinators, pins = [] }: { readonly coordinators: readonly string[]; readonly pins?: readonly string[] }): string {
	if (coordinators.length === 0) throw argumentError("type", "OPTION_INVALID", "A link needs a host");
	const places = coordinators.map((text) => {
		const { host, port } = parseCoordinator(text);
		if (!isIPv6(host)) return port === DEFAULT_PORT ? host : `${host}:${port}`;
		const written = host.replace("%", "%25");
		return port === DEFAULT_PORT ? written : `%5B${written}%5D:${port}`;
	});
	const keys = pins.map((pin) => `pin=${formatFingerprint(parseFingerprint(pin, "pins"))}`);
	const link = `${PREFIX}${places.join(",")}${keys.length === 0 ? "" : `#${keys.join(",")}`}`;
	parseLink(link);
	return link;
}

/** "host:port" as the option `coordinator` takes it, IPv6 in brackets, the default port left out. */
export function placeText({ host, port }: HostAndPort): string {
	const bracketed = isIPv6(host) ? `[${host}]` : host;
	return port === DEFAULT_PORT ? bracketed : `${bracketed}:${port}`;
}

function placeOf(written: string, wrong: (problem: string) => Error): string {
	if (written === "") throw wrong("a host is missing");
	const unknown = /[/?@\\]/.exec(written)?.[0];
	if (unknown !== undefined) throw wrong(`"${unknown}" cannot be in it; after the hosts only #pin=... may follow`);
	const place = written.replace(/%(5B|5D|25)/gi, (written) => String.fromCharCode(Number.parseInt(written.slice(1), 16)));
	try {
		return placeText(parseCoordinator(place));
	} catch {
		throw wrong(`${JSON.stringify(place)} is not "host", "host:port" or "[ipv6]:port"`);
	}
}

function pinsOf(fragment: string, wrong: (problem: string) => Error): string[] {
	const pins = fragment.split(",").map((part) => {
		const at = part.indexOf("=");
		const [key, value] = at === -1 ? [part, undefined] : [part.slice(0, at), part.slice(at + 1)];
		if (key === "") throw wrong('after # there must be "pin=" and a fingerprint');
		if (key !== "pin") throw wrong(`it has an unknown key ${JSON.stringify(key)}; after # only pin= is known`);
		try {
			return formatFingerprint(parseFingerprint(value ?? "", "pin"));
		} catch {
			throw wrong('after "pin=" there must be "sha256:" and 64 hexadecimal digits');
		}
	});
	if (pins.length > MOST) throw wrong(`it has more than ${MOST} pins`);
	if (new Set(pins).size < pins.length) throw wrong("a pin is in it twice");
	return pins;
}

function shortened(text: string): string {
	return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}

const PREFIX = "conec://";
const SCHEME = /^conec:\/\//i;
/** Hosts, and pins. */
const MOST = 8;
const LONGEST = 4_096;
