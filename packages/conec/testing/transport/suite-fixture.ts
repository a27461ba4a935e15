/**
 * What the compliance suite needs of a transport, and how it connects two of them.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Limits } from "../../src/limits.ts";
import type { Identity } from "../../src/tls/identity.ts";
import type { AcceptOptions, DialOptions, IncomingStream, StreamHandler, Transport, TransportConnection } from "../../src/transport/transport.ts";
import { FRAME } from "../../src/wire/frames.ts";
import { Recorder, until } from "./suite-recorder.ts";

/** What a suite needs of the transport under test. */
export interface TransportFixture {
	/** A new transport on a free port, with the limits below. Its times are longer than any test waits for, unless `times` says otherwise. */
	createTransport(times?: Times): Transport | Promise<Transport>;
	/** What the accepting side shows, and what the dialling side does. */
	readonly identity: Identity;
	/** SHA-256 of the key in `identity`. */
	readonly keyDigest: Uint8Array;
	/** SHA-256 of the leaf certificate in `identity`. */
	readonly certificateDigest: Uint8Array;
	/** Somebody else, for being refused. */
	readonly stranger: { readonly identity: Identity; readonly certificateDigest: Uint8Array };
	/** Opens a stream to the accepting side, on the pair's connection or another, of which the header never becomes complete. */
	openStalledStream(pair: Pair, handler: StreamHandler): StalledStream | Promise<StalledStream>;
	/** A way to a transport that can be cut. */
	createRoute(target: Transport): Route | Promise<Route>;
	/** More than one stream can hold between a writer and a reader that has stopped, credit and queues included. */
	readonly windowBytes: number;
	/** Streams that one side can always have open; 16 to 256. */
	readonly streams: number;
	/** With so many, the next one waits. A transport may let a few more be open than it promises. */
	readonly mostStreams: number;
	/** The transports' limit of undecided connections; few. */
	readonly undecidedConnections: number;
	/** Reset code for a header that comes late. */
	readonly headerTimeoutCode: number;
	/** Fails if anything is left of connections and streams that are over. */
	assertNothingLeft(): void | Promise<void>;
	close(): void | Promise<void>;
}

/** A stream whose header is not complete, at the side that opened it. */
export interface StalledStream {
	/** How its connection ends. */
	readonly closed: Promise<{ readonly closeCode?: number | undefined; readonly reason: string }>;
	finish(): void;
	reset(code: number): void;
}

/** Times that a test lets run out. */
export type Times = Partial<Pick<Limits, "headerTimeoutMs" | "helloTimeoutMs" | "idleTimeoutMs" | "keepAliveIntervalMs">>;

/** For a route that will be cut. */
export const ATTENTIVE: Times = { idleTimeoutMs: 2_000, keepAliveIntervalMs: 500 };

/** A way to a transport on 127.0.0.1. */
export interface Route {
	readonly port: number;
	/** Nothing passes any more, and nobody is told; both ends of an {@link ATTENTIVE} transport's connections notice. */
	cut(): void;
	close(): void;
}

/** Two transports and a connection between them. */
export interface Pair {
	readonly dialling: Transport;
	readonly accepting: Transport;
	/** The dialling end. */
	readonly near: TransportConnection;
	/** The accepting end, confirmed unless asked otherwise. */
	readonly far: TransportConnection;
	/** Streams that the dialling side opened, as they come. */
	incoming(): Promise<IncomingStream>;
	/** Streams that the accepting side opened, as they come. */
	nearIncoming(): Promise<IncomingStream>;
	close(): Promise<void>;
}

export const ALPN = "conec-suite/1";
export const UNDECIDED_CODE = 0x77;
export const OPEN: { readonly kind: number; readonly payload: Uint8Array } = { kind: FRAME.OPEN, payload: new TextEncoder().encode('{"id":1}') };
export const MESSAGE_BYTES: number = 64 * 1_024;

/** Options to accept with. */
export function acceptOptions(fixture: TransportFixture, onConnection: (connection: TransportConnection) => void): AcceptOptions {
	return {
		identity: fixture.identity,
		clientTrust: {},
		alpnProtocols: [ALPN],
		retry: "never",
		undecidedCode: UNDECIDED_CODE,
		keyLog: false,
		connections: 1_000,
		onConnection,
	};
}

/** Options to dial with. */
export function dialOptions(fixture: TransportFixture, port: number): DialOptions {
	return {
		address: "127.0.0.1",
		port,
		serverName: "localhost",
		trust: { pinnedKeys: [fixture.keyDigest] },
		identity: fixture.identity,
		alpnProtocol: ALPN,
		handshakeTimeoutMs: 20_000,
	};
}

/** Incoming streams, handed out in the order in which they are asked for. */
export class Arrivals {
	readonly #streams: IncomingStream[] = [];
	readonly #slots: { stream?: IncomingStream }[] = [];

	add(stream: IncomingStream): void {
		const slot = this.#slots.shift();
		if (slot === undefined) {
			this.#streams.push(stream);
		} else {
			slot.stream = stream;
		}
	}

	async next(): Promise<IncomingStream> {
		const waiting = this.#streams.shift();
		if (waiting !== undefined) {
			return waiting;
		}
		const slot: { stream?: IncomingStream } = {};
		this.#slots.push(slot);
		await until("a stream comes in", () => slot.stream !== undefined);
		return slot.stream as IncomingStream;
	}
}

/** Connects two new transports. */
export async function connect(
	fixture: TransportFixture,
	options: { readonly confirm?: boolean; readonly route?: (target: Transport) => Promise<number>; readonly times?: Times } = {},
): Promise<Pair> {
	const [dialling, accepting] = [await fixture.createTransport(options.times), await fixture.createTransport(options.times)];
	const incoming = new Arrivals();
	const nearIncoming = new Arrivals();
	let far: TransportConnection | undefined;
	accepting.accept(
		acceptOptions(fixture, (connection) => {
			far = connection;
			connection.onStream = (stream) => incoming.add(stream);
			if (options.confirm ?? true) {
				connection.confirm();
			}
		}),
	);
	const near = await dialling.dial(dialOptions(fixture, (await options.route?.(accepting)) ?? accepting.address.port));
	near.onStream = (stream) => nearIncoming.add(stream);
	await until("the connection is accepted", () => far !== undefined);
	return {
		dialling,
		accepting,
		near,
		far: far as TransportConnection,
		incoming: () => incoming.next(),
		nearIncoming: () => nearIncoming.next(),
		async close() {
			await Promise.all([dialling.close(0, "", 1_000), accepting.close(0, "", 1_000)]);
		},
	};
}

/** Opens a stream on a pair and accepts it. */
export async function openedPair(
	pair: Pair,
	options: { readonly hold?: boolean; readonly opener?: Recorder } = {},
): Promise<{ opener: Recorder; acceptor: Recorder }> {
	const opener = (options.opener ?? new Recorder()).open(pair.near, OPEN, { messageBytes: MESSAGE_BYTES });
	const acceptor = new Recorder({ hold: options.hold ?? false }).accept(await pair.incoming(), { messageBytes: MESSAGE_BYTES });
	return { opener, acceptor };
}

/** A payload in which every byte can be told from its neighbours. */
export function pattern(length: number, seed: number = 0): Uint8Array {
	// As a loop: `Uint8Array.from` takes twenty times as long, and these are megabytes.
	const bytes = new Uint8Array(length);
	for (let index = 0; index < length; index++) bytes[index] = (index * 31 + seed) & 0xff;
	return bytes;
}

/** Looks, and the time from the first to the last of them, in which nothing may move: a lost packet is sent again within that, and the machine may be busy. */
const STILL = { looks: 40, ms: 400 };

/** Writes until the high-water mark is reached and nothing moves any more, at most `windowBytes`. Returns the bytes written. */
export async function fill(writer: Recorder, windowBytes: number): Promise<number> {
	const payload = pattern(16 * 1_024);
	let writtenBytes = 0;
	let queuedBytes = -1;
	let looks = 0;
	let since = performance.now();
	while (looks < STILL.looks || performance.now() - since < STILL.ms) {
		if (writer.stream.queuedBytes !== queuedBytes) {
			looks = 0;
			since = performance.now();
		}
		while (writer.stream.queuedBytes < 256 * 1_024) {
			writer.write(FRAME.DATA, payload);
			writtenBytes += payload.length;
			assert.ok(writtenBytes <= windowBytes, `a reader that has stopped let ${writtenBytes} bytes pass`);
		}
		queuedBytes = writer.stream.queuedBytes;
		looks++;
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
	return writtenBytes;
}

/** Declares a test on a connected pair, which is closed afterwards whatever happens. */
export type OnPair = (behaviour: string, run: (pair: Pair, fixture: TransportFixture) => Promise<void>, times?: Times) => void;
