/**
 * The datagrams by which a Client learns of the NAT in front of it, sealed with the key of its session. Each of the two
 * sides, Client and Coordinator, uses its half.
 *
 * @module
 */

import { createHmac } from "node:crypto";
import { type Datagram, type DatagramContent, encodeDatagram, isAuthentic, type Mac } from "../wire/datagrams.ts";
import type { WireAddress } from "../wire/fields.ts";

/** Seals and opens the datagrams between a session and the Coordinator's second port. Each side uses its half. */
export interface NatTestKeys {
	/** What an echo request begins with, 16 hexadecimal digits: by it the Coordinator finds the session. */
	readonly tag: string;
	/** A NAT_ECHO_REQUEST of the Client. */
	request(nonce: string): Uint8Array;
	/** The Coordinator's NAT_ECHO. It is shorter than the request. */
	echo(nonce: string, observed: WireAddress): Uint8Array;
	/** The Coordinator's NAT_TEST. */
	test(nonce: string): Uint8Array;
	/** What the other side said, or `undefined` for what is not of this session or forged. A receiver looks at `type`: its own kinds are not for it. */
	open(datagram: Datagram): Extract<DatagramContent, { readonly type: "nat-echo-request" | "nat-echo" | "nat-test" }> | undefined;
}

/** The keys of one session. `key`: that of `welcome`, 32 hexadecimal digits. */
export function createNatTestKeys(key: string): NatTestKeys {
	const mac = hmac(Buffer.from(key, "hex"));
	const tag = Buffer.from(mac(Buffer.from("conec session")))
		.toString("hex")
		.slice(0, 16);
	return {
		tag,
		request: (nonce) => encodeDatagram({ type: "nat-echo-request", tag, nonce }, mac),
		echo: (nonce, observed) => encodeDatagram({ type: "nat-echo", nonce, observed }, mac),
		test: (nonce) => encodeDatagram({ type: "nat-test", nonce }, mac),
		open(datagram) {
			const { content } = datagram;
			if (content.type === "probe" || content.type === "answer" || content.type === "challenge") return undefined;
			if (content.type === "nat-echo-request" && content.tag !== tag) return undefined;
			return isAuthentic(datagram, mac) ? content : undefined;
		},
	};
}

function hmac(key: Uint8Array): Mac {
	return (data) => createHmac("sha256", key).update(data).digest();
}
