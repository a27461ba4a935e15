/**
 * `@conec/quic` alone, no Conec above it: one end of a connection, messages to a callback. Listens or dials.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { type Connection, Endpoint, type Identity, type Stream, type StreamHandler } from "@conec/quic";
import { percentile } from "../stats.ts";
import { Counter, decode, encode, type Latency, type LoadArgument, type Mode, payload, type Received } from "./figures.ts";
import { serve } from "./serve.ts";

const ALPN = ["conec-bench/1"];
const HIGH_WATER_BYTES = 262_144;

let connection: Connection | undefined;

serve({
	listen: (identity: Identity) => {
		const endpoint = Endpoint.bind({ host: "127.0.0.1", port: 0 });
		endpoint.onConnection = (incoming) => {
			incoming.onStream = (stream) => {
				const mode = decode<Mode>(stream.payload);
				play(mode, (handler) => stream.accept(handler));
			};
			incoming.confirm();
		};
		endpoint.listen({ identity, clientTrust: {}, alpnProtocols: ALPN });
		return { port: endpoint.address.port };
	},
	connect: async ({ port, identity }: { port: number; identity: Identity }) => {
		const endpoint = Endpoint.bind({ host: "127.0.0.1", port: 0 });
		const [certificate] = identity.certificates;
		const trust = {
			pinnedCertificates: [
				createHash("sha256")
					.update(certificate ?? "")
					.digest(),
			],
		};
		connection = await endpoint.connect({ address: "127.0.0.1", port, serverName: "localhost", trust, identity, alpnProtocols: ALPN });
	},
	bulk: ({ size, seconds }: LoadArgument): Promise<Received> =>
		new Promise((resolve, reject) => {
			const message = payload(size);
			const burst = Math.max(1, Math.floor(16_384 / size));
			const deadline = performance.now() + seconds * 1_000;
			const pump = (): void => {
				for (;;) {
					let queued = 0;
					for (let index = 0; index < burst; index++) {
						queued = stream.write(0, message);
					}
					if (performance.now() >= deadline) {
						stream.finish();
						return;
					}
					if (queued >= HIGH_WATER_BYTES || queued < 0) {
						return;
					}
				}
			};
			const stream = open("sink", {
				frame: (_kind, bytes) => resolve(decode<Received>(bytes)),
				drained: () => {
					if (performance.now() < deadline) {
						pump();
					} else {
						stream.finish();
					}
				},
				lost: reject,
			});
			pump();
		}),
	rtt: ({ size, seconds }: LoadArgument): Promise<Latency> =>
		new Promise((resolve, reject) => {
			const message = payload(size);
			const micros: number[] = [];
			const deadline = performance.now() + seconds * 1_000;
			let startedMs = 0;
			const ping = (): void => {
				startedMs = performance.now();
				stream.write(0, message);
			};
			const stream = open("echo", {
				frame: (_kind, bytes) => {
					const now = performance.now();
					stream.consumed(bytes.length);
					micros.push((now - startedMs) * 1_000);
					if (now < deadline) {
						ping();
					} else {
						stream.finish();
						resolve({ count: micros.length, p50: percentile(micros, 0.5), p99: percentile(micros, 0.99) });
					}
				},
				lost: reject,
			});
			ping();
		}),
	/** Writes as `bulk` does until nothing has drained for half a second; gives what was written and not left in the queue. */
	paused: ({ size }: { size: number }): Promise<number> =>
		new Promise((resolve, reject) => {
			const message = payload(size);
			let bytes = 0;
			let quiet: NodeJS.Timeout;
			const pump = (): void => {
				let queued = 0;
				while (queued >= 0 && queued < HIGH_WATER_BYTES) {
					queued = stream.write(0, message);
					bytes += size;
				}
				clearTimeout(quiet);
				quiet = setTimeout(() => {
					stream.reset(0);
					stream.stop(0);
					resolve(bytes);
				}, 500);
			};
			const stream = open("stall", { drained: pump, lost: reject });
			pump();
		}),
});

function open(mode: Mode, handler: Partial<StreamHandler>): Stream {
	if (connection === undefined) {
		throw new Error("not connected");
	}
	return connection.openStream(complete(handler), {}, { kind: 1, payload: encode(mode) });
}

function play(mode: Mode, accept: (handler: StreamHandler) => Stream): void {
	const counter = new Counter();
	switch (mode) {
		case "sink": {
			const stream = accept(
				complete({
					frame: (_kind, bytes) => {
						counter.add(bytes.length);
						stream.consumed(bytes.length);
					},
					end: () => {
						stream.write(0, encode(counter.received()));
						stream.finish();
					},
				}),
			);
			return;
		}
		case "echo": {
			const stream = accept(
				complete({
					frame: (_kind, bytes) => {
						stream.write(0, bytes);
						stream.consumed(bytes.length);
					},
					end: () => stream.finish(),
				}),
			);
			return;
		}
		case "stall":
			// Nothing is ever consumed.
			accept(complete({}));
	}
}

function complete(handler: Partial<StreamHandler>): StreamHandler {
	return {
		frame: () => undefined,
		end: () => undefined,
		reset: () => undefined,
		stopped: () => undefined,
		drained: () => undefined,
		finished: () => undefined,
		lost: () => undefined,
		...handler,
	};
}
