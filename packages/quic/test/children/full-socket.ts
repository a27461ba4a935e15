// On a slow line: one endpoint sends more to many connections than its socket has room for, while the process has no free
// descriptor. Prints what became of it as JSON.
import { closeSync, openSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Connection, Endpoint, type StreamHandler } from "../../src/index.ts";
import { issue } from "../support/certificates.ts";

const CLIENTS = 40;
const MESSAGE = new Uint8Array(64 * 1_024);
const MESSAGES = 4;
const DEADLINE_MS = 60_000;

const nothing: StreamHandler = {
	frame() {},
	end() {},
	reset() {},
	stopped() {},
	drained() {},
	finished() {},
	lost() {},
};
const server = Endpoint.bind({ host: "127.0.0.1", port: 0, sendBufferBytes: 32 * 1_024 });
const identity = issue();
const accepted: Connection[] = [];
server.onConnection = (connection) => {
	connection.confirm();
	accepted.push(connection);
};
server.listen({ identity: identity.identity, alpnProtocols: ["conec-test"] });
let received = 0;
let closed = 0;
const clients: Endpoint[] = [];
for (let i = 0; i < CLIENTS; i++) {
	const client = Endpoint.bind({ host: "127.0.0.1", port: 0 });
	clients.push(client);
	const { address, port } = server.address;
	const connection = await client.connect({ address, port, serverName: "localhost", trust: { pinnedKeys: [identity.keyPin] }, alpnProtocols: ["conec-test"] });
	connection.onStream = (stream) => {
		const accepting = stream.accept({
			...nothing,
			frame: (_, payload) => {
				received += payload.length;
				accepting.consumed(payload.length);
			},
		});
	};
	void connection.closed.then(() => closed++);
}
await until(() => accepted.length === CLIENTS);
for (const connection of accepted) void connection.closed.then(() => closed++);

const before = countDescriptors();
const taken: number[] = [];
let full: unknown;
try {
	for (;;) taken.push(openSync("/dev/null", "r"));
} catch (error) {
	full = (error as NodeJS.ErrnoException).code;
}
for (const connection of accepted) {
	const stream = connection.openStream(nothing, {}, { kind: 1, payload: new Uint8Array(0) });
	for (let i = 0; i < MESSAGES; i++) stream.write(0, MESSAGE);
}
// Descriptors cannot be counted while there is none: opening the directory needs one. One is given back for each look.
let most = 0;
let noRoom = 0;
const all = CLIENTS * MESSAGES * MESSAGE.length;
await until(() => {
	// Another packet of the same socket is refused: it is really full.
	if (!server.sendRaw(Uint8Array.of(0), { address: "127.0.0.1", port: 9 })) noRoom++;
	closeSync(taken.pop() as number);
	most = Math.max(most, countDescriptors() - taken.length);
	taken.push(openSync("/dev/null", "r"));
	return received >= all;
});
for (const descriptor of taken) closeSync(descriptor);
const { openConnections } = server.stats();
console.log(JSON.stringify({ full, noRoom, received, all, closed, openConnections, grown: most - before }));
await server.close({ drainMs: 0 });
await Promise.all(clients.map((client) => client.close({ drainMs: 0 })));

function countDescriptors(): number {
	return readdirSync("/proc/self/fd").length;
}

async function until(done: () => boolean): Promise<void> {
	const end = performance.now() + DEADLINE_MS;
	while (!done() && performance.now() < end) await sleep(5);
}
