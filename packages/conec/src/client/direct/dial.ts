/**
 * Dialling a peer whose address has answered.
 *
 * @module
 */

import { ConecError } from "../../errors.ts";
import { certificateDigest } from "../../tls/fingerprint.ts";
import type { SocketAddress, Transport } from "../../transport/transport.ts";
import { CLOSE_CODES } from "../../wire/codes.ts";
import { ALPN_DIRECT } from "../../wire/versions.ts";
import { channelTuning, type DirectGreeting, greetDirectly, peerIdentityProblem } from "../channel/index.ts";
import type { DirectHost } from "./host.ts";

/** One handshake. */
export interface DirectDial {
	readonly transport: Transport;
	readonly to: SocketAddress;
	readonly token: string;
	readonly peer: string;
	/** DER of the leaf certificate that the Coordinator has announced. */
	readonly certificate: Uint8Array;
	readonly host: DirectHost;
	readonly timeoutMs: number;
	readonly signal: AbortSignal;
}

/** Shakes hands with exactly the announced certificate and greets. Rejects like `Transport.dial`, `CERTIFICATE_REFUSED`, `greetDirectly`. */
export async function dialDirectly({ transport, to, token, peer, certificate, host, timeoutMs, signal }: DirectDial): Promise<DirectGreeting> {
	const { identity, peerRoots, limits, clock } = host;
	const connection = await transport.dial({
		address: to.address,
		port: to.port,
		serverName: SERVER_NAME,
		trust: { pinnedCertificates: [certificateDigest(certificate)] },
		identity,
		alpnProtocol: ALPN_DIRECT,
		handshakeTimeoutMs: timeoutMs,
		...channelTuning(limits),
		signal,
	});
	const problem = peerIdentityProblem(connection.peer, peer, peerRoots, clock.wallMs());
	if (problem !== undefined) {
		connection.close(CLOSE_CODES.CERTIFICATE_REFUSED, `the certificate ${problem}`);
		throw new ConecError("CERTIFICATE_REFUSED", `its certificate ${problem}`, { peer });
	}
	return await greetDirectly(connection, token, limits, signal, clock);
}

/** Tells nobody on the way who is dialled. */
const SERVER_NAME = "peer.conec.invalid";
