/**
 * A Coordinator of raw bytes: on its control streams a test says what it wants, which need not be frames.
 */

import type { TestContext } from "node:test";
import { type Connection, Endpoint, type ListenOptions, type StreamOptions } from "@conec/quic";
import { makeSelfSigned } from "../../packages/conec/src/tls/self-signed.ts";
import { FRAME } from "../../packages/conec/src/wire/frames.ts";
import { WELCOME } from "../../packages/conec/testing/odd-coordinator.ts";
import { RawStream } from "./raw-stream.ts";

/** What it takes of Clients. */
export interface Takes {
	readonly control?: StreamOptions;
	readonly transport?: ListenOptions["transport"];
}

/** `greet` is called with each control stream, on which the hello has come. */
export async function impostor(
	t: TestContext,
	greet: (control: RawStream, connection: Connection) => unknown,
	takes: Takes = {},
): Promise<{ readonly where: { readonly coordinator: string; readonly address: string; readonly pin: string } }> {
	const identity = await makeSelfSigned({ names: ["localhost"] }, "ephemeral");
	const endpoint = Endpoint.bind({ host: "127.0.0.1", port: 0 });
	endpoint.listen({ identity, clientTrust: {}, alpnProtocols: ["conec/1"], ...(takes.transport === undefined ? {} : { transport: takes.transport }) });
	t.after(() => endpoint.close({ drainMs: 0 }));
	endpoint.onConnection = (connection) => {
		connection.confirm();
		connection.onStream = (incoming) => {
			const raw = new RawStream();
			greet(raw.attach(incoming.accept(raw.handler, { ...takes.control, mode: "bytes" })), connection);
		};
	};
	const { port } = endpoint.address;
	return { where: { coordinator: `localhost:${port}`, address: `127.0.0.1:${port}`, pin: identity.fingerprint } };
}

/** A welcome as it should be, but for these changes. */
export function welcome(changes: Readonly<Record<string, unknown>> = {}): (control: RawStream) => RawStream {
	return (control) => control.frame(FRAME.CONTROL, JSON.stringify({ ...WELCOME, ...changes }));
}
