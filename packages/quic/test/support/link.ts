/**
 * Endpoints and connections on loopback for tests; everything is closed when the test is over.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import {
	type Connection,
	type ConnectOptions,
	Endpoint,
	type EndpointOptions,
	type IncomingStream,
	type ListenOptions,
	type Stream,
	type StreamOptions,
} from "../../src/index.ts";
import { type Issued, issue } from "./certificates.ts";
import { Heard } from "./heard.ts";

export const ALPN = "conec-test";
export const SERVER: Issued = issue();
export const CLIENT: Issued = issue();

/** An endpoint on 127.0.0.1 that the test closes at its end. */
export function endpoint(t: TestContext, options: Partial<EndpointOptions> = {}): Endpoint {
	const made = Endpoint.bind({ host: "127.0.0.1", port: 0, ...options });
	t.after(() => made.close({ drainMs: 0 }));
	return made;
}

/** Listen options that take any client which proves a key. */
export function listening(options: Partial<ListenOptions> = {}): ListenOptions {
	return { identity: SERVER.identity, clientTrust: {}, alpnProtocols: [ALPN], ...options };
}

/** Connect options for `SERVER`, pinned by key. */
export function dialling(to: Endpoint, options: Partial<ConnectOptions> = {}): ConnectOptions {
	const { address, port } = to.address;
	return { address, port, serverName: "localhost", trust: { pinnedKeys: [SERVER.keyPin] }, identity: CLIENT.identity, alpnProtocols: [ALPN], ...options };
}

export interface LinkOptions {
	readonly listen?: Partial<ListenOptions>;
	readonly connect?: Partial<ConnectOptions>;
	readonly endpoint?: Partial<EndpointOptions>;
}

/** A confirmed connection: `dialled` is the client's side of it, `accepted` the server's. */
export interface Link {
	readonly client: Endpoint;
	readonly server: Endpoint;
	readonly dialled: Connection;
	readonly accepted: Connection;
}

export async function link(t: TestContext, options: LinkOptions = {}): Promise<Link> {
	const server = endpoint(t, options.endpoint);
	const client = endpoint(t, options.endpoint);
	server.listen(listening(options.listen));
	return { client, server, ...(await join(client, server, options.connect)) };
}

/** Connects two endpoints and confirms. */
export async function join(client: Endpoint, server: Endpoint, connect: Partial<ConnectOptions> = {}): Promise<Pick<Link, "dialled" | "accepted">> {
	const arrived = nextConnection(server);
	const dialled = await client.connect(dialling(server, connect));
	const accepted = await arrived;
	accepted.confirm();
	return { dialled, accepted };
}

export function nextConnection(server: Endpoint): Promise<Connection> {
	return new Promise((resolve) => {
		server.onConnection = resolve;
	});
}

export function nextStream(connection: Connection): Promise<IncomingStream> {
	return new Promise((resolve) => {
		connection.onStream = resolve;
	});
}

/** Both ends of one stream; frames are consumed as they come unless `paused`. */
export interface Ends {
	readonly near: Stream;
	readonly nearHeard: Heard;
	readonly far: Stream;
	readonly farHeard: Heard;
}

export interface EndsOptions {
	readonly near?: StreamOptions;
	readonly far?: StreamOptions;
	/** The far side takes nothing until the test calls `consumed`. */
	readonly paused?: boolean;
	readonly unidirectional?: boolean;
}

/** Opens a stream from `from` to `to` with an empty first frame of kind 1. */
export async function ends(from: Connection, to: Connection, options: EndsOptions = {}): Promise<Ends> {
	const arrived = nextStream(to);
	const nearHeard = new Heard();
	const farHeard = new Heard();
	const first = { kind: 1, payload: new Uint8Array(0) };
	const near =
		options.unidirectional === true ? from.openUnidirectionalStream(nearHeard, options.near, first) : from.openStream(nearHeard, options.near, first);
	nearHeard.stream = near;
	const incoming = await arrived;
	assert.equal(incoming.kind, 1);
	const far = incoming.accept(farHeard, options.far);
	if (options.paused !== true) farHeard.stream = far;
	return { near, nearHeard, far, farHeard };
}

/**
 * Lets both ends send what they still have to, before one closes and the other is to hear its code. quinn counts the three probe
 * timeouts after a close from the call: in a process that stands still for longer just then, whoever has something to send in the
 * same moment is told that it is not known any more, and that covers the code.
 */
export function calm(): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, 60));
}

/** Waits until `done`, looking every few milliseconds; for what has no event. */
export async function eventually(done: () => boolean, what: string, deadlineMs = 60_000): Promise<void> {
	const end = performance.now() + deadlineMs;
	while (!done()) {
		assert.ok(performance.now() < end, `Waited ${deadlineMs} ms for ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
}
