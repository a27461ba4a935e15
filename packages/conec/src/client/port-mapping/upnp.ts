/**
 * Mapping by UPnP (Internet Gateway Device, versions 1 and 2): the router is found by SSDP, described in XML, and asked by SOAP.
 *
 * Everything that comes is a stranger's. Only a router on a private address is asked, only at the address from which it has answered, and no
 * more than some KiB of what it says are read.
 *
 * @module
 */

import { createSocket } from "node:dgram";
import type { Clock } from "../../base/clock.ts";
import { scopeOf } from "../../wire/address-scope.ts";
import { parseIp } from "../../wire/ip-address.ts";
import { LIFETIME_MS, type Mapping, type MappingMethod, NoMapping } from "./mapper.ts";
import { type Control, controlOf, faultOf, searchMessage, soapBody, textOf } from "./upnp-messages.ts";

/** What the method needs. */
export interface UpnpParts {
	readonly clock: Clock;
	/** Asked beside the group 239.255.255.250. */
	readonly gateways: () => Promise<readonly string[]>;
	/** @default 1900 */
	readonly port?: number;
}

/** UPnP, at the first router that answers. */
export function createUpnpMethod(parts: UpnpParts): MappingMethod {
	let known: Control | undefined;
	return async (internalPort, before, signal) => {
		const control = known ?? (await find(parts, signal));
		try {
			const mapping = await map(control, internalPort, before?.port ?? internalPort, signal);
			known = control;
			return mapping;
		} catch (error) {
			known = undefined;
			throw error;
		}
	};
}

async function map(control: Control, internalPort: number, wanted: number, signal: AbortSignal): Promise<Mapping> {
	let externalPort = wanted;
	let leaseS = LIFETIME_MS / 1_000;
	for (let tries = 0; ; tries++) {
		const { body, localAddress } = await call(control, "GetExternalIPAddress", {}, signal);
		const fields = { NewRemoteHost: "", NewExternalPort: externalPort, NewProtocol: "UDP" };
		const more = {
			NewInternalPort: internalPort,
			NewInternalClient: localAddress,
			NewEnabled: 1,
			NewPortMappingDescription: "conec",
			NewLeaseDuration: leaseS,
		};
		try {
			await call(control, "AddPortMapping", { ...fields, ...more }, signal);
		} catch (error) {
			if (!(error instanceof UpnpError) || tries >= MOST_TRIES) throw error;
			// Only leases without end; the port is somebody else's; only the same port outside.
			if (error.code === 725) leaseS = 0;
			else if (error.code === 718) externalPort = FIRST_PORT + ((externalPort * 31 + 7_919) % PORTS);
			else if (error.code === 724) externalPort = internalPort;
			else throw error;
			continue;
		}
		const external = { address: textOf(body, "NewExternalIPAddress") ?? "", port: externalPort };
		// One without end is looked after all the same: a router that starts anew has forgotten it.
		return { protocol: "upnp", external, lifetimeMs: LIFETIME_MS, remove: async (end) => void (await call(control, "DeletePortMapping", fields, end)) };
	}
}

/** Looks for a router that maps ports. */
async function find({ clock, gateways, port = SSDP_PORT }: UpnpParts, signal: AbortSignal): Promise<Control> {
	const others = await gateways();
	const socket = createSocket("udp4");
	socket.unref();
	const timers: unknown[] = [];
	const seen = new Set<string>();
	let giveUp = (_: Error): void => {};
	const abort = (): void => giveUp(signal.reason as Error);
	try {
		return await new Promise<Control>((resolve, reject) => {
			giveUp = reject;
			if (signal.aborted) return abort();
			signal.addEventListener("abort", abort, { once: true });
			socket.on("error", (error) => reject(new NoMapping(`UPnP: ${error.message}`)));
			socket.on("message", (bytes, from) => {
				const location = /^location:[ \t]*(\S+)/im.exec(bytes.toString("latin1", 0, MOST_SSDP_BYTES))?.[1];
				if (location === undefined || seen.has(location) || seen.size >= MOST_DEVICES || !isOf(location, from.address)) return;
				seen.add(location);
				request("GET", location, undefined, {}, signal).then(
					({ body }) => {
						const control = controlOf(body, location);
						if (control !== undefined && isOf(control.url, from.address)) resolve(control);
					},
					() => undefined,
				);
			});
			socket.bind({ port: 0, exclusive: true }, () => {
				for (const afterMs of SEARCH_AFTER_MS)
					timers.push(
						clock.setTimeout(() => {
							for (const to of [SSDP_GROUP, ...others]) socket.send(searchMessage(), port, to, () => undefined);
						}, afterMs),
					);
				timers.push(clock.setTimeout(() => reject(new NoMapping("UPnP: no router has answered")), GIVE_UP_MS));
			});
		});
	} finally {
		for (const timer of timers) clock.clearTimeout(timer);
		signal.removeEventListener("abort", abort);
		socket.removeAllListeners("error").on("error", () => undefined);
		socket.close();
	}
}

/** Whether a URL is on that machine, and that machine on a private network. */
function isOf(url: string, address: string): boolean {
	const ip = parseIp(address);
	if (ip === undefined || scopeOf(ip) !== "private") return false;
	try {
		const { protocol, hostname } = new URL(url);
		return protocol === "http:" && hostname === address;
	} catch {
		return false;
	}
}

/** A fault that a router has answered with. */
class UpnpError extends NoMapping {
	readonly code: number;

	constructor(action: string, code: number, words: string) {
		super(`UPnP, ${action}: ${code} ${words}`);
		this.code = code;
	}
}

interface Answer {
	readonly status: number;
	readonly body: string;
	/** From where this machine has sent. */
	readonly localAddress: string;
}

async function call({ url, service }: Control, action: string, fields: Readonly<Record<string, string | number>>, signal: AbortSignal): Promise<Answer> {
	const headers = { soapaction: `"${service}#${action}"`, "content-type": 'text/xml; charset="utf-8"' };
	const answer = await request("POST", url, soapBody(service, action, fields), headers, signal);
	if (answer.status === 200) return answer;
	const { code, words } = faultOf(answer.body);
	throw new UpnpError(action, code ?? answer.status, words);
}

/** One HTTP request, within 3 s. */
async function request(method: string, url: string, body: string | undefined, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer> {
	// Only whoever asks for UPnP needs it.
	const http = await import("node:http");
	return await new Promise<Answer>((resolve, reject) => {
		const options = {
			method,
			headers: body === undefined ? headers : { ...headers, "content-length": Buffer.byteLength(body) },
			agent: false,
			timeout: HTTP_MS,
			signal,
		};
		const asking = http.request(url, options, (response) => {
			let text = "";
			const localAddress = response.socket.localAddress ?? "";
			response.setEncoding("utf8");
			response.on("data", (part: string) => {
				text += part;
				if (text.length > MOST_XML_CHARACTERS) response.destroy(new NoMapping("UPnP: the answer is too long"));
			});
			response.on("error", reject);
			response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text, localAddress }));
		});
		asking.on("socket", (socket) => socket.unref());
		asking.on("timeout", () => asking.destroy(new NoMapping("UPnP: the router does not answer")));
		asking.on("error", reject);
		asking.end(body);
	});
}

const SSDP_GROUP = "239.255.255.250";
const SSDP_PORT = 1900;
const SEARCH_AFTER_MS = [0, 500, 1_000];
const GIVE_UP_MS = 3_000;
const HTTP_MS = 3_000;
const MOST_TRIES = 3;
const MOST_DEVICES = 8;
const MOST_SSDP_BYTES = 2_048;
const MOST_XML_CHARACTERS = 65_536;
const [FIRST_PORT, PORTS] = [10_000, 50_000];
