/**
 * The datagrams of hole punching, sealed with the token that only the two ends and the Coordinator have.
 *
 * @module
 */

import { createHmac } from "node:crypto";
import { type Datagram, type DatagramContent, encodeDatagram, isAuthentic, type Mac } from "../../wire/datagrams.ts";
import type { WireAddress } from "../../wire/fields.ts";

/** Who sent a packet of an attempt: the dialler of QUIC or its acceptor. */
export type PunchRole = "dial" | "accept";

/** A datagram of an attempt that is from the other side. */
export type OpenedPunch = Extract<DatagramContent, { readonly type: "probe" | "answer" }>;

/** Seals and opens the datagrams of one attempt for one of its two sides. */
export interface PunchKeys {
	/** Every datagram of the attempt begins with this: 16 hexadecimal digits. It tells attempts apart before any MAC is computed. */
	readonly label: string;
	/** A PROBE of this side. */
	probe(nonce: string): Uint8Array;
	/** An ANSWER of this side. Its 51 bytes are fewer than twice the 33 bytes of the probe. */
	answer(nonce: string, observed: WireAddress): Uint8Array;
	/** What the other side said. `undefined`: the datagram is not of this attempt, is forged, or is this side's own packet that came back. */
	open(datagram: Datagram): OpenedPunch | undefined;
}

/** The keys of one attempt. `token`: 32 hexadecimal digits; `role`: that of this side. */
export function createPunchKeys(token: string, role: PunchRole): PunchKeys {
	const key = Buffer.from(token, "hex");
	const label = createHmac("sha256", key).update("conec label").digest("hex").slice(0, 16);
	const own = roleMac(key, role);
	const other = roleMac(key, role === "dial" ? "accept" : "dial");
	return {
		label,
		probe: (nonce) => encodeDatagram({ type: "probe", label, nonce }, own),
		answer: (nonce, observed) => encodeDatagram({ type: "answer", label, nonce, observed }, own),
		open(datagram) {
			const { content } = datagram;
			if ((content.type !== "probe" && content.type !== "answer") || content.label !== label) return undefined;
			return isAuthentic(datagram, other) ? content : undefined;
		},
	};
}

/** The MAC covers the role. So a packet that is sent back to its sender does not pass as the other side's. */
function roleMac(key: Uint8Array, role: PunchRole): Mac {
	const byte = Uint8Array.of(role === "dial" ? 0 : 1);
	return (data) => createHmac("sha256", key).update(byte).update(data).digest();
}
