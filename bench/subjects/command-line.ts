/**
 * Files through the real command line: a Coordinator, a receiver and a sender as separate processes.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";
import type { Context } from "../context.ts";

const MIB = 1_048_576;

/** Megabytes per second of one random file of 1 GiB (quick: 32 MiB), from start to end of the sending process. */
export async function file1GiB(context: Context): Promise<number> {
	return withFolders(async ({ from, to, state }) => {
		const size = (context.quick ? 32 : 1_024) * MIB;
		const file = join(from, "big.bin");
		await writeRandom(file, size);
		const seconds = await transfer(context, state, [file], to);
		const [sent, received] = await Promise.all([sha256(file), sha256(join(to, "big.bin"))]);
		if (sent !== received) {
			throw new Error("the file that arrived differs from the one that was sent");
		}
		return size / seconds / 1e6;
	});
}

/** Seconds for 10,000 files of 1 KiB (quick: 500), from start to end of the sending process. */
export async function files10k(context: Context): Promise<number> {
	return withFolders(async ({ from, to, state }) => {
		const count = context.quick ? 500 : 10_000;
		const names = Array.from({ length: count }, (_, index) => join(from, `${String(index).padStart(5, "0")}.bin`));
		for (const name of names) {
			writeFileSync(name, randomBytes(1_024));
		}
		const seconds = await transfer(context, state, names, to);
		const arrived = readdirSync(to).sort();
		if (arrived.length !== count) {
			throw new Error(`${arrived.length} of ${count} files arrived`);
		}
		const every = Math.ceil(count / 100);
		for (const name of arrived.filter((_, index) => index % every === 0)) {
			if ((await sha256(join(from, name))) !== (await sha256(join(to, name)))) {
				throw new Error(`${name} arrived changed`);
			}
		}
		return seconds;
	});
}

interface Folders {
	readonly from: string;
	readonly to: string;
	readonly state: string;
}

async function withFolders<T>(task: (folders: Folders) => Promise<T>): Promise<T> {
	const base = mkdtempSync(join(tmpdir(), "conec-bench-files-"));
	try {
		const folders = { from: join(base, "from"), to: join(base, "to"), state: join(base, "state") };
		for (const folder of Object.values(folders)) {
			mkdirSync(folder);
		}
		return await task(folders);
	} finally {
		rmSync(base, { recursive: true, force: true });
	}
}

/** Seconds that `conec send` took, once Coordinator and receiver are ready. */
async function transfer(context: Context, state: string, files: readonly string[], to: string): Promise<number> {
	const processes: ChildProcess[] = [];
	const conec = (...words: string[]): ChildProcess => {
		const child = spawn(process.execPath, [join(context.root, "packages/conec/dist/cli/main.js"), ...words], { stdio: ["ignore", "pipe", 2] });
		processes.push(child);
		return child;
	};
	try {
		const coordinator = conec("coordinator", "--json", "--port", "0", "--host", "127.0.0.1", "--state", join(state, "coordinator"));
		const { port, pin } = await event<{ port: number; pin: string }>(coordinator, "listening");
		const reach = ["--coordinator", `127.0.0.1:${port}`, "--pin", pin, "--json"];
		const receiver = conec("receive", "--id", "bench-receiver", "--dir", to, "--state", join(state, "receiver"), ...reach);
		await event(receiver, "waiting");
		const startedMs = performance.now();
		const sender = conec("send", ...files, "--to", "bench-receiver", "--path", "proxied", "--id", "bench-sender", "--state", join(state, "sender"), ...reach);
		sender.stdout?.resume();
		const [code] = (await once(sender, "exit")) as [number | null];
		if (code !== 0) {
			throw new Error(`conec send ended with ${code}`);
		}
		return (performance.now() - startedMs) / 1_000;
	} finally {
		await Promise.all(processes.reverse().map(interrupt));
	}
}

/** The first line of that name; what follows is read and dropped, so that the process never waits for us. */
function event<T>(child: ChildProcess, name: string): Promise<T> {
	return new Promise((resolve, reject) => {
		if (child.stdout === null) {
			throw new Error("no standard output");
		}
		createInterface(child.stdout).on("line", (line) => {
			const fields = JSON.parse(line) as T & { event: string };
			if (fields.event === name) {
				resolve(fields);
			}
		});
		child.once("error", reject);
		child.once("exit", (code) => reject(new Error(`conec ${child.spawnargs[2]} ended with ${code} before "${name}"`)));
	});
}

async function interrupt(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) {
		return;
	}
	const gone = once(child, "exit");
	child.kill("SIGINT");
	const killer = setTimeout(() => child.kill("SIGKILL"), 5_000);
	await gone;
	clearTimeout(killer);
}

async function writeRandom(file: string, size: number): Promise<void> {
	const stream = createWriteStream(file);
	for (let written = 0; written < size; written += 8 * MIB) {
		if (!stream.write(randomBytes(8 * MIB))) {
			await once(stream, "drain");
		}
	}
	stream.end();
	await finished(stream);
}

async function sha256(file: string): Promise<string> {
	const hash = createHash("sha256");
	for await (const chunk of createReadStream(file, { highWaterMark: MIB })) {
		hash.update(chunk as Buffer);
	}
	return hash.digest("hex");
}
