/**
 * A stretch of network between a Client and a Coordinator: UDP over loopback that takes its time, and carries so much a second.
 * In a process of its own, so that its work is not that of the ends.
 *
 * @module
 */

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { serve } from "./serve.ts";

/** The same in both directions. */
export interface Stretch {
	/** Where it leads: a port of 127.0.0.1. */
	readonly target: number;
	/** How long every datagram takes. */
	readonly delayMs: number;
	/** How much it carries. @default no bound */
	readonly bytesPerSecond?: number;
	/** How much may wait where it begins. Further datagrams are lost. @default no bound */
	readonly queueBytes?: number;
}

/** One direction. */
class Line {
	readonly #stretch: Stretch;
	readonly #deliver: (datagram: Uint8Array) => void;
	readonly #waiting: { readonly datagram: Uint8Array; readonly dueMs: number }[] = [];
	#first = 0;
	/** When all that waits at the beginning has left it. */
	#freeMs = 0;
	#timer: NodeJS.Timeout | undefined;

	constructor(stretch: Stretch, deliver: (datagram: Uint8Array) => void) {
		this.#stretch = stretch;
		this.#deliver = deliver;
	}

	send(datagram: Uint8Array): void {
		const { delayMs, bytesPerSecond = Number.POSITIVE_INFINITY, queueBytes = Number.POSITIVE_INFINITY } = this.#stretch;
		const now = performance.now();
		const waitsMs = Math.max(0, this.#freeMs - now);
		if (waitsMs * bytesPerSecond > queueBytes * 1_000) return;
		this.#freeMs = now + waitsMs + (datagram.length / bytesPerSecond) * 1_000;
		this.#waiting.push({ datagram, dueMs: this.#freeMs + delayMs });
		if (this.#timer === undefined) this.#timer = this.#wake(now);
	}

	#wake(now: number): NodeJS.Timeout | undefined {
		const next = this.#waiting[this.#first];
		return next === undefined ? undefined : setTimeout(() => this.#deliverDue(), Math.max(0, next.dueMs - now));
	}

	#deliverDue(): void {
		const now = performance.now();
		for (let next = this.#waiting[this.#first]; next !== undefined && next.dueMs <= now + 0.5; next = this.#waiting[++this.#first])
			this.#deliver(next.datagram);
		this.#waiting.splice(0, this.#first);
		this.#first = 0;
		this.#timer = this.#wake(now);
	}
}

/** Kernel buffers: a burst waits there while this process does something else. */
const BUFFERS = { recvBufferSize: 4 * 1_048_576, sendBufferSize: 4 * 1_048_576 };

async function bound(): Promise<Socket> {
	const socket = createSocket({ type: "udp4", ...BUFFERS });
	socket.bind(0, "127.0.0.1");
	await once(socket, "listening");
	return socket;
}

serve({
	/** A new stretch. Gives the port at its near end. */
	lay: async (stretch: Stretch): Promise<number> => {
		const near = await bound();
		const fars = new Map<number, Promise<{ readonly there: Line }>>();
		const begin = async (port: number): Promise<{ readonly there: Line }> => {
			const far = await bound();
			const back = new Line(stretch, (datagram) => near.send(datagram, port, "127.0.0.1"));
			far.on("message", (datagram) => back.send(datagram));
			return { there: new Line(stretch, (datagram) => far.send(datagram, stretch.target, "127.0.0.1")) };
		};
		near.on("message", (datagram, { port }) => {
			let far = fars.get(port);
			if (far === undefined) {
				far = begin(port);
				fars.set(port, far);
			}
			void far.then(({ there }) => there.send(datagram));
		});
		return near.address().port;
	},
});
