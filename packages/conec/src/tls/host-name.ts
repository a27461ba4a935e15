/**
 * Host names as people write them, and as DNS and certificates have them.
 *
 * @module
 */

import { isIP } from "node:net";
import { domainToASCII } from "node:url";

/**
 * The name as DNS has it: an internationalised one (`bücher.example`) becomes its ASCII form (`xn--bcher-kva.example`, UTS 46). Any other stays as it
 * is. `undefined` for what can be no name, also if it would become an IP address.
 */
export function asciiHostName(text: string): string | undefined {
	// Names of machines that are no DNS names may have an underscore, for example. What is ASCII is as its owner wants it.
	if (/^[\x20-\x7e]*$/.test(text)) return text;
	// The URL rules would also decode `%` and end the name at a slash, and so on.
	if (/[\p{Cc} %/:?#@[\]\\<>^|]/u.test(text)) return undefined;
	const ascii = domainToASCII(text);
	return ascii === "" || isIP(ascii) !== 0 ? undefined : ascii;
}

/** An IP address without its zone (`fe80::1%eth0`). The zone names an interface of this machine, so no certificate has one. */
export function withoutZone(host: string): string {
	const [address = host] = host.split("%");
	return isIP(host) === 6 ? address : host;
}
