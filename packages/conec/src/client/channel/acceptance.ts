/**
 * The accepting side of direct channels: QUIC is listened to only while a peer is expected, and only the exact
 * certificates that the Coordinator has announced get through TLS.
 *
 * @module
 */

import { type Clock, systemClock } from "../../base/clock.ts";
import type { ClientLimits } from "../../limits.ts";
import { hearHello } from "../../session/greeting.ts";
import { certificateDigest, fingerprintOf } from "../../tls/fingerprint.ts";
import type { LocalIdentity } from "../../tls/identity.ts";
import type { AcceptOptions, IncomingStream, Transport } from "../../transport/transport.ts";
import { CLOSE_CODES } from "../../wire/codes.ts";
import type { DirectHello } from "../../wire/direct-messages.ts";
import { ALPN_DIRECT } from "../../wire/versions.ts";
import { type DirectGreeting, directHello, peerIdentityProblem, welcomeDirectly } from "./handshake.ts";
import { channelTuning } from "./upkeep.ts";

/** What an acceptance is made with. */
export interface AcceptanceParts {
	readonly identity: LocalIdentity;
	readonly limits: ClientLimits;
	readonly retry: AcceptOptions["retry"];
	readonly keyLog: boolean;
	/** Authorities that peers' certificates must come from, beside being the announced ones. */
	readonly peerRoots: readonly Uint8Array[] | undefined;
	/** @default the machine's */
	readonly clock?: Clock;
}

/** A peer that may come, once. */
export interface Expectation {
	readonly peer: string;
	/** DER of its leaf certificate. */
	readonly certificate: Uint8Array;
	/** Where it may come to. */
	readonly transport: Transport;
	/** It has come, and both have greeted. */
	readonly arrived: (greeting: DirectGreeting) => void;
}

/** Who is expected, by token. */
export class Acceptance {
	readonly #parts: AcceptanceParts;
	readonly #expected: Map<string, Expectation[]> = new Map();

	constructor(parts: AcceptanceParts) {
		this.#parts = parts;
	}

	/** Tokens that are expected. */
	get size(): number {
		return this.#expected.size;
	}

	/** Lets the holder of the certificate in, with this token. The same token again: at a further transport too. */
	expect(token: string, expectation: Expectation): void {
		this.#expected.set(token, [...(this.#expected.get(token) ?? []), expectation]);
		this.#listen(expectation.transport);
	}

	/** The token is good no more. */
	forget(token: string): void {
		const gone = this.#expected.get(token);
		if (gone === undefined) return;
		this.#expected.delete(token);
		for (const { transport } of gone) this.#listen(transport);
	}

	#listen(transport: Transport): void {
		const { identity, limits, retry, keyLog } = this.#parts;
		const here = [...this.#expected.values()].flat().filter((one) => one.transport === transport);
		if (here.length === 0) return transport.stopAccepting();
		transport.accept({
			identity,
			clientTrust: { pinnedCertificates: here.map(({ certificate }) => certificateDigest(certificate)) },
			alpnProtocols: [ALPN_DIRECT],
			retry,
			undecidedCode: CLOSE_CODES.HELLO_TIMEOUT,
			keyLog,
			...channelTuning(limits),
			connections: limits.channels + limits.attemptsPerClient + EXTRA_CONNECTIONS,
			onConnection: (connection) =>
				hearHello(
					connection,
					directHello(limits, (incoming, hello) => this.#answer(incoming, hello, transport)),
				),
		});
	}

	#answer(incoming: IncomingStream, hello: DirectHello, transport: Transport): void {
		const { connection } = incoming;
		const { limits, peerRoots, clock = systemClock } = this.#parts;
		const { peer } = connection;
		if (peer.type === "none") return connection.close(CLOSE_CODES.CERTIFICATE_REFUSED, `the certificate ${peer.problem}`);
		const expectation = this.#expected.get(hello.token)?.find((one) => one.transport === transport && Buffer.compare(one.certificate, peer.leaf) === 0);
		// Another peer's token, one that is used up, or one that has expired.
		if (expectation === undefined) return connection.close(CLOSE_CODES.PROTOCOL_ERROR, "the token is not good");
		const problem = peerIdentityProblem(peer, expectation.peer, peerRoots, clock.wallMs());
		if (problem !== undefined) return connection.close(CLOSE_CODES.CERTIFICATE_REFUSED, `the certificate ${problem}`);
		const greeting = welcomeDirectly(incoming, hello, limits, clock);
		if (greeting === undefined) return;
		this.forget(hello.token);
		expectation.arrived(greeting);
	}
}

/** Whether a certificate, if it can be read, is one of this key. */
export function isKeyOf(certificate: Uint8Array, fingerprint: string): boolean {
	try {
		return fingerprintOf(certificate) === fingerprint;
	} catch {
		return false;
	}
}

/** Connections that are being replaced or closed. */
const EXTRA_CONNECTIONS = 16;
