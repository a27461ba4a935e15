/**
 * How a publisher hears how far its receivers are: a TCP connection of their two processes that carries nothing else, so that
 * every system that is compared has the same flow control and none carries it.
 *
 * @module
 */

import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Silence after which receivers count as dead. */
const SILENCE_MS = 15_000;

/** The receivers' end. */
export class AckSource {
	readonly #server: Server;
	#socket: Socket | undefined;

	private constructor(server: Server) {
		this.#server = server;
		server.on("connection", (socket) => {
			socket.setNoDelay(true);
			socket.on("error", () => socket.destroy());
			this.#socket = socket;
		});
	}

	static async listen(): Promise<AckSource> {
		const server = createServer();
		server.listen(0, "127.0.0.1");
		await once(server, "listening");
		server.unref(); // the process lives as long as its parent wants
		return new AckSource(server);
	}

	get port(): number {
		return (this.#server.address() as { port: number }).port;
	}

	/** All members have that many messages of this round. */
	send(messages: number): void {
		const bytes = Buffer.alloc(4);
		bytes.writeUInt32BE(messages);
		this.#socket?.write(bytes);
	}
}

/** The publisher's end, for one round. */
export class AckWatch {
	readonly #socket: Socket;
	#rest: Buffer = Buffer.alloc(0);
	#acknowledged = 0;
	#wake: () => void = () => undefined;

	private constructor(socket: Socket) {
		this.#socket = socket;
		socket.on("data", (chunk) => this.#read(chunk));
		socket.on("error", () => socket.destroy());
	}

	static async connect(port: number): Promise<AckWatch> {
		const socket = connect(port, "127.0.0.1");
		await once(socket, "connect");
		return new AckWatch(socket);
	}

	/** Waits until all members have that many. Rejects after 15 s without any news. */
	async upTo(messages: number): Promise<void> {
		while (this.#acknowledged < messages) {
			await new Promise<void>((resolve, reject) => {
				const timer = setTimeout(
					() => reject(new Error(`no acknowledgement for ${SILENCE_MS} ms: all members have ${this.#acknowledged} of ${messages} messages`)),
					SILENCE_MS,
				);
				this.#wake = () => {
					clearTimeout(timer);
					resolve();
				};
			});
		}
	}

	close(): void {
		this.#socket.destroy();
	}

	#read(chunk: Buffer): void {
		const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
		const whole = data.length - (data.length % 4);
		if (whole > 0) {
			this.#acknowledged = data.readUInt32BE(whole - 4);
		}
		this.#rest = data.subarray(whole);
		this.#wake();
	}
}
