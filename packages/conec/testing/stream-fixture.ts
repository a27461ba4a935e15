/**
 * Streams over a memory network, for the tests beside.
 *
 * @module
 */

import type { Clock } from "../src/base/clock.ts";
import { type Limits, resolveLimits } from "../src/limits.ts";
import type { FramedStream, StreamInit } from "../src/stream/framed-stream.ts";
import { acceptMessageStream, legProblem, type NewStream, type OpenOptions, openMessageStream } from "../src/stream/open-stream.ts";
import type { IncomingStream, TransportConnection } from "../src/transport/transport.ts";
import { FRAME } from "../src/wire/frames.ts";
import { decodeOpenDirect, encodeOpen, type OpenDirect } from "../src/wire/open.ts";
import { encodeResumable } from "../src/wire/stream-frames.ts";
import { createMemoryNetwork, type MemoryNetwork, type MemoryTransport } from "./memory/transport.ts";
import { Arrivals } from "./transport/suite-fixture.ts";

export const ALPN = "conec-test/1";
/** What the streams here are opened with. */
export const OPEN: OpenDirect = { id: 7 };
/** The first frame of an opener that is written frame by frame. It takes 256 KiB. */
export const HEADER: { readonly kind: number; readonly payload: Uint8Array } = {
	kind: FRAME.OPEN,
	payload: encodeOpen({ ...OPEN, resume: { limit: 262_144, messageBytes: 1_048_576 } }),
};

/** What an opener that is written by hand says of its leg. */
export const RESUME: NewStream = { limit: 262_144, messageBytes: 1_048_576 };

/** The payload of RESUMABLE from an acceptor that is written by hand. It takes 256 KiB. */
export const ANSWER: Uint8Array = encodeResumable({ received: 0, limit: 262_144, forMs: 0, messageBytes: 1_048_576 });

/** Accepts a stream whose header is an OPEN as on a direct channel. */
export function accept(incoming: IncomingStream, init: StreamInit): FramedStream {
	const open = decodeOpenDirect(incoming.header.payload);
	if (!open.ok || legProblem(open.value.resume) !== undefined) throw new Error("the header is no OPEN of a new stream");
	return acceptMessageStream(incoming, init, open.value.resume as NewStream);
}

/** Two connected ends. */
export interface Ends {
	readonly network: MemoryNetwork;
	readonly near: TransportConnection;
	readonly far: TransportConnection;
	readonly nearTransport: MemoryTransport;
	readonly farTransport: MemoryTransport;
	incoming(): Promise<IncomingStream>;
	/** Facts about a stream, for either side. */
	init(changes?: Partial<StreamInit>): StreamInit;
	/** A stream opened at the near end and accepted at the far one. */
	streams(options?: OpenOptions): Promise<{ near: FramedStream; far: FramedStream }>;
	close(): Promise<void>;
}

/** Connects two ends. On a virtual clock, the delay must be 0. */
export async function connectEnds(
	options: { readonly limits?: Partial<Limits>; readonly windowBytes?: number; readonly clock?: Clock; readonly step?: () => Promise<void> } = {},
): Promise<Ends> {
	const limits = resolveLimits(options.limits);
	const network = createMemoryNetwork({ windowBytes: options.windowBytes ?? 64 * 1_024, ...(options.clock === undefined ? {} : { clock: options.clock }) });
	const [nearTransport, farTransport] = [network.createTransport({ limits }), network.createTransport({ limits })];
	const incoming = new Arrivals();
	const identity = { certificates: [new Uint8Array(1)], privateKey: new Uint8Array(0) };
	const accepted = new Promise<TransportConnection>((resolve) => {
		farTransport.accept({
			identity,
			clientTrust: {},
			alpnProtocols: [ALPN],
			retry: "never",
			undecidedCode: 2,
			keyLog: false,
			connections: 10,
			onConnection(connection) {
				connection.onStream = (stream) => incoming.add(stream);
				connection.confirm();
				resolve(connection);
			},
		});
	});
	const dialled = nearTransport.dial({
		address: "127.0.0.1",
		port: farTransport.address.port,
		serverName: "localhost",
		trust: {},
		identity,
		alpnProtocol: ALPN,
		handshakeTimeoutMs: 20_000,
	});
	await options.step?.();
	const [near, far] = [await dialled, await accepted];
	const init = (changes: Partial<StreamInit> = {}): StreamInit => ({
		peer: "bob",
		id: 7,
		path: "proxied",
		metadata: undefined,
		limits,
		describe: 'stream 7 to "bob"',
		...(options.clock === undefined ? {} : { clock: options.clock }),
		...changes,
	});
	return {
		network,
		near,
		far,
		nearTransport,
		farTransport,
		incoming: () => incoming.next(),
		init,
		async streams(openOptions = {}) {
			const opening = openMessageStream(near, OPEN, init(), openOptions);
			const stream = accept(await incoming.next(), init({ peer: "alice", describe: 'stream 7 from "alice"' }));
			return { near: await opening, far: stream };
		},
		async close() {
			await Promise.all([nearTransport.close(0, "", 0), farTransport.close(0, "", 0)]);
		},
	};
}
