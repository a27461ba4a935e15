/**
 * The datagrams by which a Client learns of the NAT in front of it, sealed with the key of its session. Each of the two
 * sides, Client and Coordinator, uses its half.
 *
 * @module
 */

import { createHmac } from "node:crypto";
import { type Datagram, type DatagramContent, encodeDatagram, isAuthentic } from "../wire/datagrams.ts";
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
	return new HmacKeys(Buffer.from(key, "hex"));
}

/** A class, as each idle Client has one at the Coordinator: functions of its own would cost some hundred bytes. */
class HmacKeys implements NatTestKeys {
	readonly tag: string;
	readonly #key: Uint8Array;

	constructor(key: Uint8Array) {
		this.#key = key;
		this.tag = Buffer.from(this.#mac(Buffer.from("conec session")))
			.toString("hex")
			.slice(0, 16);
	}

	request(nonce: string): Uint8Array {
		return this.#seal({ type: "nat-echo-request", tag: this.tag, nonce });
	}

	echo(nonce: string, observed: WireAddress): Uint8Array {
		return this.#seal({ type: "nat-echo", nonce, observed });
	}

	test(nonce: string): Uint8Array {
		return this.#seal({ type: "nat-test", nonce });
	}

	open(datagram: Datagram): ReturnType<NatTestKeys["open"]> {
		const { content } = datagram;
		if (content.type === "probe" || content.type === "answer" || content.type === "challenge") return undefined;
		if (content.type === "nat-echo-request" && content.tag !== this.tag) return undefined;
		return isAuthentic(datagram, (data) => this.#mac(data)) ? content : undefined;
	}

	#seal(content: DatagramContent): Uint8Array {
		return encodeDatagram(content, (data) => this.#mac(data));
	}

	#mac(data: Uint8Array): Uint8Array {
		return createHmac("sha256", this.#key).update(data).digest();
	}
}
