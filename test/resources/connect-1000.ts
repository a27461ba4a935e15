/**
 * How long 1,000 Clients from one address take to connect to one Coordinator: `connect-1000.ts [CLIENTS]`. The Clients
 * share a second process, as they would share a machine. Prints one line of JSON; fails when it takes more than 10 s or
 * one of them is refused.
 *
 * Run: `node --conditions=source --import tsx test/resources/connect-1000.ts`
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { Client, Coordinator } from "../../packages/conec/src/index.ts";

const BOUND_MS = 10_000;
const count = Number(process.argv[2] ?? 1_000);

if (process.env["CONEC_COORDINATOR"] === undefined) await coordinate();
else await connect(process.env["CONEC_COORDINATOR"], process.env["CONEC_PIN"] ?? "");

async function coordinate(): Promise<void> {
	const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0 });
	const env = { ...process.env, CONEC_COORDINATOR: `127.0.0.1:${coordinator.address.port}`, CONEC_PIN: coordinator.fingerprint };
	const child = fork(new URL(import.meta.url), [String(count)], { env });
	const [figures] = (await once(child, "message")) as [{ ms: number; failed: string[]; p50Ms: number; maxMs: number }];
	const rssMiB = Math.round(process.memoryUsage().rss / 1_048_576);
	console.log(JSON.stringify({ clients: count, connected: coordinator.clientCount, ...figures, coordinatorRssMiB: rssMiB }));
	if (coordinator.clientCount !== count || figures.ms > BOUND_MS) process.exitCode = 1;
	child.kill();
	await coordinator.close();
}

async function connect(coordinator: string, pin: string): Promise<void> {
	const started = performance.now();
	const taken: number[] = [];
	const clients = await Promise.allSettled(
		Array.from({ length: count }, async (_, i) => {
			const client = await Client.connect({ id: `client-${i}`, coordinator, pin, limits: { requestTimeoutMs: 60_000 } });
			taken.push(Math.round(performance.now() - started));
			return client;
		}),
	);
	const ms = Math.round(performance.now() - started);
	taken.sort((a, b) => a - b);
	const failed = clients.flatMap((one) => (one.status === "rejected" ? [String((one.reason as Error).message)] : []));
	process.send?.({ ms, p50Ms: taken[taken.length >> 1] ?? 0, maxMs: taken.at(-1) ?? 0, failed: failed.slice(0, 3), refused: failed.length });
}
