/**
 * Datagrams beside QUIC on the socket of a Client, each to the part that it is for.
 *
 * @module
 */

import { RateLimit } from "../base/rate-limit.ts";
import type { SocketAddress } from "../transport/transport.ts";
import { decodeDatagram } from "../wire/datagrams.ts";
import type { DirectChannels } from "./direct/index.ts";
import type { OwnNetwork } from "./network/index.ts";
import type { CoordinatorLink } from "./uplink/index.ts";

/** Deals with what comes to the socket. What cannot be read is passed over. */
export function datagramsTo(direct: DirectChannels, network: OwnNetwork, link: () => CoordinatorLink, nowMs: () => number) {
	/** Anybody can send what looks like a challenge of the Coordinator, and each answer takes room on the control stream. */
	const echoes = new RateLimit(ECHOES_PER_SECOND);
	return (data: Uint8Array, from: SocketAddress): void => {
		const datagram = decodeDatagram(data);
		if (!datagram.ok) return;
		const { content } = datagram.value;
		if (content.type === "probe" || content.type === "answer") return direct.datagram(datagram.value, from);
		if (content.type !== "challenge") return network.datagram(datagram.value);
		const { address, port } = link().connection.remoteAddress;
		if (from.address !== address || from.port !== port || !echoes.take(nowMs())) return;
		link().send({ type: "address-echo", nonce: content.nonce });
	};
}

/** A Coordinator sends two challenges for each new address. */
const ECHOES_PER_SECOND = 8;
