/**
 * A slow line in user space: UDP packets wait for their turn in a short queue, and are dropped where it is full.
 *
 * @module
 */

import { createSocket, type Socket } from "node:dgram";
import type { TestContext } from "node:test";

/** What a line is like, the same both ways. */
export interface LineOptions {
	readonly bitsPerSecond: number;
	/** Packets that do not fit are dropped. @default 32 KiB */
	readonly queueBytes?: number;
	/** One way, beside the time in the queue. @default 10 */
	readonly delayMs?: number;
}

/** A line to `port` on loopback. It is closed with the test. Gives the port to send to. */
export async function slowLine(t: TestContext, port: number, options: LineOptions): Promise<number> {
	const outer = createSocket("udp4");
	const sockets: Socket[] = [outer];
	const inner = new Map<number, Socket>();
	let open = true;
	t.after(() => {
		open = false;
		for (const socket of sockets) socket.close();
	});
	await new Promise<void>((resolve) => outer.bind(0, "127.0.0.1", resolve));
	const there = new Pacer(options, () => open);
	const back = new Pacer(options, () => open);
	outer.on("message", (packet, from) => {
		let socket = inner.get(from.port);
		if (socket === undefined) {
			socket = createSocket("udp4");
			sockets.push(socket);
			inner.set(from.port, socket);
			socket.on("message", (answer) => back.add(answer.length, () => outer.send(answer, from.port, "127.0.0.1")));
		}
		const to = socket;
		there.add(packet.length, () => to.send(packet, port, "127.0.0.1"));
	});
	return outer.address().port;
}

/** One direction. A packet leaves when all before it have left, and arrives `delayMs` later. */
class Pacer {
	readonly #bytesPerMs: number;
	readonly #queueBytes: number;
	readonly #delayMs: number;
	readonly #isOpen: () => boolean;
	/** When the last packet will have left. */
	#freeAtMs = 0;
	readonly #waiting: { readonly atMs: number; readonly send: () => void }[] = [];
	#timer = false;

	constructor({ bitsPerSecond, queueBytes = 32 * 1_024, delayMs = 10 }: LineOptions, isOpen: () => boolean) {
		this.#bytesPerMs = bitsPerSecond / 8_000;
		this.#queueBytes = queueBytes;
		this.#delayMs = delayMs;
		this.#isOpen = isOpen;
	}

	add(bytes: number, send: () => void): void {
		const now = performance.now();
		const leaves = Math.max(this.#freeAtMs, now);
		if ((leaves - now) * this.#bytesPerMs > this.#queueBytes) return;
		this.#freeAtMs = leaves + bytes / this.#bytesPerMs;
		this.#waiting.push({ atMs: this.#freeAtMs + this.#delayMs, send });
		this.#arm();
	}

	#arm(): void {
		const [first] = this.#waiting;
		if (first === undefined || this.#timer) return;
		this.#timer = true;
		setTimeout(
			() => {
				this.#timer = false;
				const now = performance.now();
				while (this.#isOpen() && this.#waiting[0] !== undefined && this.#waiting[0].atMs <= now) this.#waiting.shift()?.send();
				if (this.#isOpen()) this.#arm();
			},
			Math.max(1, first.atMs - performance.now()),
		);
	}
}
