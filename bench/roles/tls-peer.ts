/**
 * Reference: one TLS 1.3 connection of Node's own, mutual, with the same frames. Listens or dials.
 *
 * @module
 */

import { once } from "node:events";
import { connect, createServer, type TLSSocket } from "node:tls";
import { percentile } from "../stats.ts";
import { Counter, decode, encode, type Latency, type LoadArgument, type Mode, payload, type Received } from "./figures.ts";
import { serve } from "./serve.ts";

interface Pems {
	readonly certificatePem: string;
	readonly privateKeyPem: string;
}

interface DialArgument extends Pems {
	readonly port: number;
}

/** Small messages are packed up to this size before the socket sees them, as the addon does. */
const PACK_BYTES = 64 * 1024;

let target: DialArgument | undefined;

serve({
	listen: async (argument: Pems) => {
		const server = createServer({ ...credentials(argument), requestCert: true, rejectUnauthorized: false, noDelay: true, minVersion: "TLSv1.3" }, accept);
		server.listen(0, "127.0.0.1");
		await once(server, "listening");
		return { port: (server.address() as { port: number }).port };
	},
	target: (argument: DialArgument) => {
		target = argument;
	},
	bulk: async ({ size, seconds }: LoadArgument): Promise<Received> => {
		const socket = await open("sink");
		const reply = firstFrame(socket);
		const frame = frameOf(payload(size));
		const perWrite = Math.max(1, Math.floor(PACK_BYTES / frame.length));
		const deadline = performance.now() + seconds * 1_000;
		while (performance.now() < deadline) {
			if (!socket.write(pack(frame, perWrite))) {
				await once(socket, "drain");
			}
		}
		// An empty frame is the end of the load: the answer needs the other direction, and node:tls half-closes unwillingly.
		socket.write(frameOf(new Uint8Array(0)));
		const received = decode<Received>(await reply);
		socket.destroy();
		return received;
	},
	rtt: async ({ size, seconds }: LoadArgument): Promise<Latency> => {
		const socket = await open("echo");
		const frame = frameOf(payload(size));
		const micros: number[] = [];
		let answered: () => void = () => undefined;
		const deframer = new Deframer(() => answered());
		socket.on("data", (chunk) => deframer.feed(chunk));
		const deadline = performance.now() + seconds * 1_000;
		await new Promise<void>((resolve) => {
			let startedMs = 0;
			const ping = (): void => {
				startedMs = performance.now();
				socket.write(frame);
			};
			answered = () => {
				const now = performance.now();
				micros.push((now - startedMs) * 1_000);
				if (now < deadline) {
					ping();
				} else {
					resolve();
				}
			};
			ping();
		});
		socket.destroy();
		return { count: micros.length, p50: percentile(micros, 0.5), p99: percentile(micros, 0.99) };
	},
	connect: async ({ count }: { count: number }): Promise<Latency> => {
		const millis: number[] = [];
		for (let index = 0; index < count; index++) {
			const startedMs = performance.now();
			const socket = await open("echo");
			const echo = firstFrame(socket);
			socket.write(frameOf(payload(200)));
			await echo;
			millis.push(performance.now() - startedMs);
			socket.destroy();
		}
		return { count, p50: percentile(millis, 0.5), p99: percentile(millis, 0.99) };
	},
	/** Bytes taken while the peer does not read: our own queue up to the high-water mark, and the kernel's buffers. */
	paused: async ({ size }: { size: number }): Promise<number> => {
		const socket = await open("stall");
		const chunk = payload(size);
		let bytes = 0;
		for (;;) {
			bytes += size;
			if (!socket.write(chunk) && !(await drainedWithin(socket, 500))) {
				socket.destroy();
				return bytes;
			}
		}
	},
});

function accept(socket: TLSSocket): void {
	const counter = new Counter();
	let mode: Mode | undefined;
	const deframer = new Deframer((frame) => {
		if (mode === undefined) {
			mode = decode<Mode>(frame);
			if (mode === "stall") {
				socket.pause();
			}
		} else if (mode === "echo") {
			socket.write(frameOf(frame));
		} else if (frame.length === 0) {
			socket.write(frameOf(encode(counter.received())));
		} else {
			counter.add(frame.length);
		}
	});
	socket.on("data", (chunk) => deframer.feed(chunk));
	socket.on("error", () => socket.destroy());
}

async function open(mode: Mode): Promise<TLSSocket> {
	if (target === undefined) {
		throw new Error("no target");
	}
	const socket = connect({ host: "127.0.0.1", port: target.port, ...credentials(target), rejectUnauthorized: false, minVersion: "TLSv1.3" });
	socket.setNoDelay(true);
	await once(socket, "secureConnect");
	socket.on("error", () => socket.destroy());
	socket.write(frameOf(encode(mode)));
	return socket;
}

function credentials({ certificatePem, privateKeyPem }: Pems): { cert: string; key: string } {
	return { cert: certificatePem, key: privateKeyPem };
}

function firstFrame(socket: TLSSocket): Promise<Uint8Array> {
	return new Promise((resolve) => {
		const deframer = new Deframer(resolve);
		socket.on("data", (chunk) => deframer.feed(chunk));
	});
}

async function drainedWithin(socket: TLSSocket, timeoutMs: number): Promise<boolean> {
	try {
		await once(socket, "drain", { signal: AbortSignal.timeout(timeoutMs) });
		return true;
	} catch {
		return false;
	}
}

function frameOf(bytes: Uint8Array): Buffer {
	const frame = Buffer.allocUnsafe(4 + bytes.length);
	frame.writeUInt32BE(bytes.length);
	frame.set(bytes, 4);
	return frame;
}

/** One copy per message, as any program pays that makes its messages one by one. */
function pack(frame: Buffer, count: number): Buffer {
	const batch = Buffer.allocUnsafe(frame.length * count);
	for (let index = 0; index < count; index++) {
		batch.set(frame, index * frame.length);
	}
	return batch;
}

/** Cuts whole frames out of chunks; a frame that spans chunks is joined once, when its last byte is here. */
class Deframer {
	readonly #onFrame: (payload: Uint8Array) => void;
	#kept: Buffer[] = [];
	#keptBytes = 0;
	#needed = 4;

	constructor(onFrame: (payload: Uint8Array) => void) {
		this.#onFrame = onFrame;
	}

	feed(chunk: Buffer): void {
		if (this.#keptBytes + chunk.length < this.#needed) {
			this.#kept.push(chunk);
			this.#keptBytes += chunk.length;
			return;
		}
		const data = this.#kept.length === 0 ? chunk : Buffer.concat([...this.#kept, chunk]);
		let at = 0;
		this.#needed = 4;
		while (data.length - at >= 4) {
			const end = at + 4 + data.readUInt32BE(at);
			if (end > data.length) {
				this.#needed = end - at;
				break;
			}
			this.#onFrame(data.subarray(at + 4, end));
			at = end;
		}
		this.#kept = at === data.length ? [] : [data.subarray(at)];
		this.#keptBytes = data.length - at;
	}
}
