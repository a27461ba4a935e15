// Opens and closes a great deal, several times; prints the least that one time has left behind. Needs --expose-gc.
import { readdirSync } from "node:fs";
import { type Connection, Endpoint, type StreamHandler } from "../../src/index.ts";
import { issue } from "../support/certificates.ts";

const MIB = 1024 * 1024;
/** What a round may leave behind; of what is counted, nothing. */
const BOUNDS: Readonly<Record<string, number>> = { heapUsed: MIB, external: MIB, arrayBuffers: MIB, rss: 16 * MIB };
const ROUNDS = 6;

const { identity, keyPin } = issue();

/** Finishes when the other side does. */
class Short implements StreamHandler {
	finish: () => void = () => {};
	over: () => void = () => {};
	#left = 2;
	frame(): void {}
	end(): void {
		this.finish();
		this.#one();
	}
	finished(): void {
		this.#one();
	}
	reset(): void {}
	stopped(): void {}
	drained(): void {}
	lost(): void {}
	#one(): void {
		if (--this.#left === 0) this.over();
	}
}

const server = Endpoint.bind({ host: "127.0.0.1", port: 0 });
const client = Endpoint.bind({ host: "127.0.0.1", port: 0 });
server.listen({ identity, clientTrust: {}, alpnProtocols: ["leaks"] });
server.onConnection = (connection) => {
	connection.confirm();
	connection.onStream = (incoming) => {
		const handler = new Short();
		const stream = incoming.accept(handler);
		handler.finish = () => stream.finish();
	};
};

function connect(): Promise<Connection> {
	return client.connect({ ...server.address, serverName: "x", trust: { pinnedKeys: [keyPin] }, identity, alpnProtocols: ["leaks"] });
}

async function streams(count: number): Promise<void> {
	const connection = await connect();
	let opened = 0;
	await Promise.all(
		Array.from({ length: 50 }, async () => {
			while (opened++ < count) {
				await new Promise<void>((resolve) => {
					const handler = new Short();
					handler.over = resolve;
					const stream = connection.openStream(handler, {}, { kind: 1, payload: Buffer.alloc(10) });
					stream.write(0, Buffer.alloc(100));
					stream.finish();
				});
			}
		}),
	);
	connection.close(0);
	await connection.closed;
}

async function connections(count: number): Promise<void> {
	for (let i = 0; i < count; i++) {
		const connection = await connect();
		connection.close(0);
		await connection.closed;
	}
}

async function forgotten(): Promise<void> {
	// Nobody keeps or closes these: the collector may take them, and nothing must happen to the others.
	const connection = await connect();
	for (let i = 0; i < 50; i++) connection.openStream(new Short(), {}, { kind: 1, payload: Buffer.of() });
	Endpoint.bind({ host: "127.0.0.1", port: 0 })
		.close()
		.catch(() => {});
	connection.close(0);
}

const openConnections = (): number => server.stats().openConnections + client.stats().openConnections;

async function figures(): Promise<Record<string, number>> {
	// A closed connection drains for three probe timeouts (RFC 9000, 10.2), which are long where the machine is busy.
	for (const end = performance.now() + 10_000; openConnections() > 0 && performance.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 50));
	await new Promise((resolve) => setTimeout(resolve, 300));
	for (let i = 0; i < 3; i++) {
		(globalThis as { gc?: () => void }).gc?.();
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
	const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
	const descriptors = process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0;
	return { heapUsed, external, arrayBuffers, rss, descriptors, open: openConnections() };
}

const [streamCount = "10000", connectionCount = "200"] = process.argv.slice(2);
async function round(): Promise<void> {
	await streams(Number(streamCount));
	await connections(Number(connectionCount));
	await forgotten();
}

// A leak is left behind by every round; compiled code, caches and the allocator grow in some rounds only.
await round();
let before = await figures();
const least: Record<string, number> = {};
for (let i = 0; i < ROUNDS; i++) {
	await round();
	const after = await figures();
	for (const [name, value] of Object.entries(after)) least[name] = Math.min(least[name] ?? Number.POSITIVE_INFINITY, value - (before[name] ?? 0));
	if (Object.entries(least).every(([name, more]) => more <= (BOUNDS[name] ?? 0))) break;
	before = after;
}
console.log(JSON.stringify(least));
await Promise.all([client.close(), server.close()]);
