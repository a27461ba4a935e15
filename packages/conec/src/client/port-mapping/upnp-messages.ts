/**
 * What UPnP says in text, as pure functions. There is no XML parser here: the few elements that matter have no attributes and no children.
 *
 * @module
 */

/** Where a router takes requests to map ports. */
export interface Control {
	readonly url: string;
	/** The type of the service, which every request names. */
	readonly service: string;
}

/** The search for routers. */
export function searchMessage(): Buffer {
	const lines = [
		"M-SEARCH * HTTP/1.1",
		"HOST: 239.255.255.250:1900",
		'MAN: "ssdp:discover"',
		"MX: 1",
		"ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1",
		"",
		"",
	];
	return Buffer.from(lines.join("\r\n"), "latin1");
}

/** The service for port mappings in a description that has come from `location`. `undefined`: it has none. */
export function controlOf(description: string, location: string): Control | undefined {
	for (const kind of ["WANIPConnection:2", "WANIPConnection:1", "WANPPPConnection:1"]) {
		const service = `urn:schemas-upnp-org:service:${kind}`;
		for (const [block] of description.matchAll(/<service>[\s\S]*?<\/service>/g)) {
			const path = textOf(block, "controlURL");
			if (textOf(block, "serviceType") !== service || path === undefined) continue;
			try {
				return { url: new URL(path, location).href, service };
			} catch {
				// Not a URL: perhaps another service has one.
			}
		}
	}
	return undefined;
}

/** A request in SOAP. */
export function soapBody(service: string, action: string, fields: Readonly<Record<string, string | number>>): string {
	const inner = Object.entries(fields)
		.map(([name, value]) => `<${name}>${escaped(String(value))}</${name}>`)
		.join("");
	return `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body><u:${action} xmlns:u="${service}">${inner}</u:${action}></s:Body></s:Envelope>`;
}

/** The fault in an answer. */
export function faultOf(body: string): { readonly code: number | undefined; readonly words: string } {
	const code = Number(textOf(body, "errorCode"));
	return { code: Number.isInteger(code) && code > 0 ? code : undefined, words: (textOf(body, "errorDescription") ?? "refused").slice(0, 64) };
}

/** The text of the first element of that name. */
export function textOf(xml: string, name: string): string | undefined {
	const text = new RegExp(`<(?:\\w+:)?${name}(?:\\s[^>]*)?>([^<]*)<`).exec(xml)?.[1]?.trim();
	return text === undefined || text === "" ? undefined : text;
}

function escaped(text: string): string {
	return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
