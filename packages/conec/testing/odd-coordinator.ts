/**
 * Something at the place of a Coordinator, with its key, that answers Clients as a test wants.
 *
 * @module
 */

import { resolveLimits } from "../src/limits.ts";
import type { Identity } from "../src/tls/identity.ts";
import type { IncomingStream, Transport } from "../src/transport/transport.ts";
import { encodeControl } from "../src/wire/control.ts";
import { FRAME } from "../src/wire/frames.ts";
import { ALPN_COORDINATOR } from "../src/wire/versions.ts";
import { testIdentity } from "./identities.ts";
import type { World } from "./world.ts";

/** What it says to one Client. */
export interface OddVoice {
	/** When the Client has said hello. */
	readonly atMs: number;
	/** Says a control message, whatever that is. Text goes as it is. */
	say(message: object | string): void;
	/** Ends the connection. */
	hangUp(closeCode: number): void;
	/** Whether the connection is over. */
	readonly over: boolean;
}

/** A welcome as a Coordinator says it that can do nothing. */
export const WELCOME = {
	type: "welcome",
	version: 2,
	session: "s",
	epoch: "e",
	limits: { messageBytes: 1_000, metadataBytes: 1_024, streamsPerPair: 16, connectionWindowBytes: 1_048_576 },
	capabilities: [],
	observedAddress: { address: "192.0.2.7", port: 40_000 },
} as const;

/** Takes Clients on a transport as a Coordinator does, and gives each of their streams to `onStream`: the first one of a connection has the hello. */
export function acceptClients(transport: Transport, identity: Identity, onStream: (incoming: IncomingStream) => void): void {
	transport.accept({
		...{ identity, clientTrust: {}, alpnProtocols: [ALPN_COORDINATOR], retry: "never", undecidedCode: 2, keyLog: false, connections: 1_000 },
		onConnection: (connection) => {
			connection.confirm();
			connection.onStream = onStream;
		},
	});
}

/** At the place of the Coordinator of a world. `answer` is called for each hello, and takes control of what is said; streams are left unanswered. */
export function oddCoordinator(world: World, answer: (voice: OddVoice) => void): { readonly voices: readonly OddVoice[]; end(): void } {
	const voices: OddVoice[] = [];
	const { runtime } = world.machine("odd coordinator");
	const { clock } = runtime;
	const transport = runtime.createTransport({ host: "127.0.0.1", port: 1719, limits: resolveLimits({}, "coordinator"), role: "coordinator" });
	acceptClients(transport, testIdentity("localhost"), (incoming) => {
		if (incoming.header.kind !== FRAME.CONTROL) return;
		const { connection } = incoming;
		let over = false;
		void connection.closed.then(() => {
			over = true;
		});
		const ignore = (): void => undefined;
		const stream = incoming.accept({ frame: ignore, end: ignore, reset: ignore, stopped: ignore, drained: ignore, finished: ignore, lost: ignore });
		const voice: OddVoice = {
			atMs: clock.now(),
			say: (message) => {
				const payload = typeof message === "string" ? new TextEncoder().encode(message) : encodeControl(message as Parameters<typeof encodeControl>[0]);
				stream.write(FRAME.CONTROL, payload);
			},
			hangUp: (closeCode) => connection.close(closeCode, ""),
			get over() {
				return over;
			},
		};
		voices.push(voice);
		answer(voice);
	});
	return { voices, end: () => transport.destroy() };
}
