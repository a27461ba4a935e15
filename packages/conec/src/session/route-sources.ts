/**
 * From which of its addresses this machine sends, by its routes. The kernel alone knows: of several IPv6 addresses of one network it takes
 * the temporary one, or the one that is not deprecated, and of several interfaces the one with the default route.
 *
 * @module
 */

import { createSocket } from "node:dgram";

/** The addresses from which this machine sends to the internet, one for each family that has a way there, and to `also`. No packet is sent. Never rejects. */
export async function routeSources(also: string | undefined): Promise<string[]> {
	const found = await Promise.all([...(also === undefined ? [] : [also]), ...FAR_AWAY].map(sourceTo));
	return [...new Set(found.filter((address) => address !== undefined))];
}

/** A UDP socket that is connected has a name, though nothing has been sent. */
function sourceTo(address: string): Promise<string | undefined> {
	return new Promise((resolve) => {
		try {
			const socket = createSocket({
				type: address.includes(":") ? "udp6" : "udp4",
				// It is no name: nobody is to be asked.
				lookup: (_, __, callback) => callback(null, address, address.includes(":") ? 6 : 4),
			});
			const done = (source: string | undefined): void => {
				socket.removeAllListeners();
				socket.on("error", () => undefined);
				socket.close();
				resolve(source);
			};
			socket.on("error", () => done(undefined));
			socket.on("connect", () => done(socket.address().address));
			socket.connect(DISCARD_PORT, address);
		} catch {
			resolve(undefined);
		}
	});
}

/** Anything that only the default route leads to: here a root server of the DNS. */
const FAR_AWAY = ["193.0.14.129", "2001:7fd::1"] as const;
const DISCARD_PORT = 9;
