/**
 * Reference: a `nats-server` with TLS, a publisher and all subscribers, three processes.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import type { Context } from "../context.ts";
import type { BenchIdentity } from "../identity.ts";
import { type Cast, deliveries, deliveryTime, type Shape, TO_ONE } from "./broadcast-rounds.ts";
import type { Subject } from "./subject.ts";

/** Deliveries per second in that shape. */
export function natsBroadcast(shape: Shape): Subject {
	return async (context, seconds) => deliveries(await cast(context, shape), shape, seconds);
}

/** Publish to delivery at 1,000 messages a second, to one subscriber. */
export const natsTime: Subject = async (context, seconds) => deliveryTime(await cast(context, TO_ONE), TO_ONE, seconds);

function cast(context: Context, { name, members, timed = false }: Shape): Promise<Cast> {
	return context.once(`nats ${name}`, async () => {
		const where = { port: await context.once("nats-server", () => server(context)), ca: context.identity.certificatePem };
		const publisher = context.start("nats-peer");
		const receivers = context.start("nats-peer");
		await receivers.call("members", { where, name, count: members, timed });
		await publisher.call("publisher", { where, name });
		return { publisher, receivers };
	});
}

/** A server of its own, for the whole run; gives the port. */
async function server(context: Context): Promise<number> {
	const started = await startNatsServer(context.identity);
	context.onClose(started.stop);
	return started.port;
}

/** A server that listens. */
export interface NatsServer {
	readonly port: number;
	readonly pid: number;
	stop(): Promise<void>;
}

/** Starts it with TLS on a free port of 127.0.0.1. `mutual`: clients have to show that certificate, too. */
export async function startNatsServer(identity: Pick<BenchIdentity, "certificatePem" | "privateKeyPem">, mutual = false): Promise<NatsServer> {
	const directory = mkdtempSync(join(tmpdir(), "conec-bench-nats-"));
	const certificate = join(directory, "certificate.pem");
	const key = join(directory, "key.pem");
	writeFileSync(certificate, identity.certificatePem);
	writeFileSync(key, identity.privateKeyPem, { mode: 0o600 });
	const config = join(directory, "server.conf");
	// A hundred handshakes at once take longer than the two seconds that it gives them, on a machine that is busy.
	const tls = { cert_file: certificate, key_file: key, ...(mutual ? { ca_file: certificate, verify: true } : {}), timeout: 30 };
	writeFileSync(config, JSON.stringify({ tls }));
	const child = spawn(findNatsServer(), ["--addr", "127.0.0.1", "--port", "-1", "--config", config], { stdio: ["ignore", "ignore", "pipe"] });
	const stop = async (): Promise<void> => {
		await end(child);
		rmSync(directory, { recursive: true, force: true });
	};
	try {
		return { port: await listening(child), pid: child.pid ?? -1, stop };
	} catch (error) {
		await stop();
		throw error;
	}
}

/** The port that it logs; the log is read to its end, so that it never waits for us. */
function listening(child: ChildProcess): Promise<number> {
	return new Promise((resolve, reject) => {
		child.once("error", reject);
		child.once("exit", (code, signal) => reject(new Error(`nats-server ended with ${code ?? signal} before it listened`)));
		if (child.stderr === null) {
			throw new Error("no standard error");
		}
		createInterface(child.stderr).on("line", (line) => {
			const port = /Listening for client connections on .*:(\d+)$/.exec(line)?.[1];
			if (port !== undefined) {
				resolve(Number(port));
			}
		});
	});
}

/**
 * The program. Debian has it in /usr/sbin, which is not in everyone's PATH.
 *
 * @throws Error that says how to install it.
 */
export function findNatsServer(): string {
	const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
	const file = folders.map((folder) => join(folder, "nats-server")).find(existsSync);
	if (file === undefined) {
		throw new Error("nats-server is not installed (Debian: apt-get install nats-server)");
	}
	return file;
}

async function end(child: ChildProcess): Promise<void> {
	if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
		return;
	}
	const gone = once(child, "exit");
	child.kill("SIGTERM");
	const killer = setTimeout(() => child.kill("SIGKILL"), 2_000);
	await gone;
	clearTimeout(killer);
}
