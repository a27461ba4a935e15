/** A process that makes a Coordinator hold memory, or that is the Coordinator. It does what its parent says over IPC; see `memory.slow.ts`. */

import { Client, Coordinator, type CoordinatorOptions } from "../../../packages/conec/src/index.ts";
import { type Actions, answerParent } from "../../resources/children/answering.ts";

const clients: Client[] = [];
const running: Promise<unknown>[] = [];
let coordinator: Coordinator | undefined;

interface Where {
	readonly coordinator: string;
	readonly pin: string;
}

const actions: Actions = {
	async listen(options: CoordinatorOptions) {
		coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0, ...options });
		// Its application takes streams and reads nothing, but what is short.
		void (async () => {
			for await (const stream of coordinator.incomingStreams) if (stream.metadata === "short") void stream.close().then(() => stream.stop());
		})();
		return { port: coordinator.address.port, pin: coordinator.fingerprint };
	},
	async rss() {
		return process.memoryUsage.rss();
	},
	/** For whoever looks for what stays. With `gc` it collects garbage first, if it can. */
	async usage({ gc }: { gc: boolean }) {
		if (gc) (globalThis as { gc?: () => void }).gc?.();
		return process.memoryUsage();
	},
	async clients() {
		return coordinator?.clientCount ?? 0;
	},
	async connect({ ids, ...where }: Where & { ids: string[] }) {
		// Few at a time, and with patience: it is no test of how many can connect at once.
		for (let at = 0; at < ids.length; at += 4) {
			const some = ids.slice(at, at + 4).map((id) => Client.connect({ reconnect: false, ...where, id, limits: { requestTimeoutMs: 60_000 } }));
			clients.push(...(await Promise.all(some)));
		}
	},
	/** Opens so many streams on each connection, and sends until nothing more goes. */
	async fill({ streams }: { streams: number }) {
		const message = new Uint8Array(65_536);
		for (const client of clients) {
			const opened = Array.from({ length: streams }, async () => {
				const stream = await client.openCoordinatorStream();
				while (await stream.send(message, { signal: AbortSignal.timeout(2_000) }).then(Boolean.bind(undefined, true), () => false));
			});
			running.push(Promise.allSettled(opened));
		}
		await Promise.all(running.splice(0));
	},
	/** Opens and ends so many streams, some at a time. */
	async short({ streams }: { streams: number }) {
		const [client] = clients as [Client];
		let left = streams;
		const one = async (): Promise<void> => {
			while (left-- > 0) {
				const stream = await client.openCoordinatorStream({ metadata: "short" });
				await stream.close();
				await stream.closed;
			}
		};
		await Promise.all(Array.from({ length: 64 }, one));
	},
	/** Sends so many bytes to each of so many broadcasts of its own, on each connection, for their histories. */
	async publish({ broadcasts, bytes }: { broadcasts: number; bytes: number }) {
		const message = new Uint8Array(65_536);
		const one = async (client: Client, name: string): Promise<void> => {
			const broadcast = await client.joinBroadcast(name, { mode: "send", keepOpen: true });
			for (let sent = 0; sent < bytes; sent += message.length) await broadcast.send(message);
		};
		const names = Array.from({ length: broadcasts }, (_, i) => i);
		await Promise.allSettled(clients.flatMap((client) => names.map((i) => one(client, `${client.id}-${i}`))));
	},
	/** Watches the peers so often on each connection. `reads`: what comes is read. */
	async watch({ watches, reads }: { watches: number; reads: boolean }) {
		for (const client of clients) {
			for (let i = 0; i < watches; i++) {
				const events = client.watchPeers()[Symbol.asyncIterator]();
				await events.next();
				if (reads) void (async () => void (await rest(events)))().catch(() => undefined);
			}
		}
	},
	/** Changes a kilobyte of metadata of each once a second. */
	async update({ seconds }: { seconds: number }) {
		for (let i = 0; i < seconds; i++) {
			const text = `${i} `.padEnd(1_000, "x");
			await Promise.all([Promise.allSettled(clients.map((client) => client.updateMetadata(text))), sleep(1_000)]);
		}
	},
	async leave() {
		await Promise.all(clients.splice(0).map((client) => client.close()));
	},
};

async function rest<T>(events: AsyncIterator<T>): Promise<void> {
	while (!(await events.next()).done);
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

answerParent(actions);
