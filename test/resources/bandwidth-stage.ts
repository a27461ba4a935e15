/**
 * A Client behind a slow line, floods that fill it, and an echo of somebody else with it.
 *
 * @module
 */

import type { TestContext } from "node:test";
import { Client, Coordinator, type MessageStream } from "../../packages/conec/src/index.ts";
import { type LineOptions, slowLine } from "./slow-line.ts";

/** See the module. */
export interface Stage {
	/** A Client with a fast line. */
	client(id: string): Promise<Client>;
	/** Bytes that the slow one has read of a Client, all its floods together. */
	readonly read: ReadonlyMap<string, number>;
	readonly slow: Client;
	readonly coordinator: Coordinator;
}

/** A Coordinator and a Client named "slow". It reads streams of the protocol "sink", and sends back what comes by "echo". */
export async function stage(t: TestContext, line: LineOptions, options: object = {}): Promise<Stage> {
	const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0, ...options });
	t.after(() => coordinator.close());
	const port = await slowLine(t, coordinator.address.port, line);
	const { fingerprint: pin } = coordinator;
	const read = new Map<string, number>();
	const slow = await Client.connect({
		reconnect: false,
		id: "slow",
		coordinator: `127.0.0.1:${port}`,
		pin,
		handlers: {
			sink: async (stream: MessageStream) => {
				const from = stream.peer ?? "";
				for await (const message of stream) read.set(from, (read.get(from) ?? 0) + message.length);
			},
			echo: async (stream: MessageStream) => {
				for await (const message of stream) await stream.send(message);
			},
		},
	});
	t.after(() => slow.close());
	return {
		slow,
		coordinator,
		read,
		async client(id) {
			const client = await Client.connect({ reconnect: false, id, coordinator: `127.0.0.1:${coordinator.address.port}`, pin });
			t.after(() => client.close());
			return client;
		},
	};
}

/** Opens streams to the slow one and writes as much as goes, until the test ends. Resolves when they are open. */
export async function flood(t: TestContext, client: Client, streams: number, size: number = 16_384): Promise<void> {
	let over = false;
	t.after(() => {
		over = true;
	});
	const message = new Uint8Array(size);
	const opened = await Promise.all(Array.from({ length: streams }, () => client.openStream("slow", { protocol: "sink", path: "proxied" })));
	for (const stream of opened) {
		void (async () => {
			try {
				while (!over) await stream.send(message);
			} catch {
				// The test has ended.
			}
		})();
	}
}

/** Round trips of one message after the other. One that is not over counts with the time that it has taken. */
export interface Echo {
	readonly timesMs: number[];
	/** Looks at the newest one, too, and says the quantile of all. */
	quantileMs(share: number): number;
	stop(): void;
}

/** Echoes with the slow one, until it is stopped. */
export async function echo(t: TestContext, client: Client, size: number = 64): Promise<Echo> {
	const stream = await client.openStream("slow", { protocol: "echo", path: "proxied" });
	const timesMs: number[] = [];
	let over = false;
	let sentMs = performance.now();
	t.after(() => {
		over = true;
	});
	const message = new Uint8Array(size);
	void (async () => {
		try {
			const answers = stream[Symbol.asyncIterator]();
			while (!over) {
				sentMs = performance.now();
				await stream.send(message);
				if ((await answers.next()).done === true) return;
				timesMs.push(performance.now() - sentMs);
			}
		} catch {
			// The test has ended.
		}
	})();
	return {
		timesMs,
		quantileMs(share) {
			const sorted = [...timesMs, performance.now() - sentMs].sort((a, b) => a - b);
			return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
		},
		stop() {
			over = true;
		},
	};
}
