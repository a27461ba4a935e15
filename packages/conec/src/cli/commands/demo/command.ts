/**
 * `conec demo`: a Coordinator and three Clients as real processes on this machine: a chat, round trips, a file.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileProblemWords } from "../../../files/file-error-words.ts";
import type { SocketAddress } from "../../../index.ts";
import type { Command, CommandContext } from "../../command-line/index.ts";
import { CliError, EXIT_CODES } from "../../outcome/index.ts";
import type { Surroundings } from "../../surroundings/index.ts";
import { formatBytes, orInterrupted } from "../../terminal/index.ts";
import { printable, quoted } from "../../text/index.ts";
import type { RoundTrips } from "../../words/index.ts";
import { endpoint, formatMs, formatSeconds, rounded } from "../../words/index.ts";
import { MOST_SECONDS, Patience, SLOW_SECONDS } from "./patience.ts";
import { DemoProcess } from "./process.ts";
import { demoSpec } from "./spec.ts";

const FILE_BYTES = 64 * 1_048_576;
const PINGS = 2_000;

const CONVERSATION: readonly (readonly [speaker: "alice" | "bob", line: string])[] = [
	["alice", "Hello Bob! Is this really a process of its own?"],
	["bob", "It is, and so is the Coordinator that introduced us. 你好 🙂"],
	["alice", "And nobody but the holder of your key can answer as you. Bye!"],
];

/** See `conec demo --help`. */
export const demoCommand: Command = {
	spec: demoSpec,
	linesTo: "stdout",
	outputRole: "purpose",
	async run(context) {
		const directory = await temporaryDirectory(context.surroundings);
		const processes: DemoProcess[] = [];
		const late = new AbortController();
		const patience = new Patience(context.surroundings.clock, {
			slow: () =>
				context.output.note(
					`nothing has happened for ${formatSeconds(SLOW_SECONDS)}: this machine may be busy; waiting for up to ${formatSeconds(MOST_SECONDS)}, Ctrl-C ends`,
					"warn",
				),
			giveUp: () => late.abort(new CliError(EXIT_CODES.failed, `Cannot finish the demonstration: nothing has happened for ${formatSeconds(MOST_SECONDS)}`)),
		});
		const onProgress = (): void => patience.renew();
		try {
			await orInterrupted(demonstrate(context, directory, processes, onProgress), AbortSignal.any([context.signal, late.signal]));
			return EXIT_CODES.ok;
		} finally {
			patience.end();
			await Promise.all(processes.map((started) => started.stop()));
			await rm(directory, { recursive: true, force: true, maxRetries: 3 });
		}
	},
};

async function temporaryDirectory({ machine }: Surroundings): Promise<string> {
	const parent = machine.temporaryDirectory();
	try {
		return await mkdtemp(join(parent, "conec-demo-"));
	} catch (error) {
		const problem = `Cannot make a directory for the demonstration in ${quoted(parent)}: ${fileProblemWords(error)}`;
		throw new CliError(EXIT_CODES.failed, problem, "Set the environment variable TMPDIR to a directory for temporary files.", error);
	}
}

async function demonstrate({ output, surroundings }: CommandContext, directory: string, processes: DemoProcess[], onProgress: () => void): Promise<void> {
	const { clock, platform } = surroundings;
	const startedAtMs = clock.nowMs();
	const ok = (event: string, fields: Parameters<typeof output.event>[1], text: string): void => {
		output.event(event, fields, `${output.style("green", "ok")}  ${text}`);
	};
	const start = (name: string, ...args: string[]): DemoProcess => {
		const started = new DemoProcess(name, args, surroundings, onProgress);
		processes.push(started);
		return started;
	};
	output.line(output.style("bold", "conec demo: a Coordinator and three Clients, each a process of its own"));

	const filePath = join(directory, "random.bin");
	const file = writeRandomFile(filePath, FILE_BYTES, surroundings);
	file.catch(() => undefined);
	const coordinator = start("the Coordinator", "coordinator", "--host", "127.0.0.1", "--port", "0", "--state", join(directory, "coordinator"));
	const { port, pin } = await coordinator.next("listening");
	ok("coordinator", { pin: String(pin) }, `the Coordinator listens on 127.0.0.1:${port} with a key of its own (${String(pin).slice(0, 23)}...)`);

	const where = ["--coordinator", `127.0.0.1:${port}`, "--pin", String(pin), "--timeout", String(MOST_SECONDS)];
	const common = (id: string): string[] => ["--id", id, "--state", join(directory, id), ...where];
	const incoming = join(directory, "incoming");
	const carol = start("carol", "receive", "--any", "--once", "--dir", incoming, ...common("carol"));
	const bob = start("bob", "chat", ...common("bob"));
	await Promise.all([carol.next("waiting"), bob.next("waiting")]);
	const alice = start("alice", "chat", "--to", "bob", ...common("alice"));
	const [{ path: chatPath, address: chatAddress }] = await Promise.all([alice.next("joined"), bob.next("joined")]);
	ok("clients", {}, "alice, bob and carol are connected, each with a key of its own");

	await converse({ alice, bob }, (speaker, line) => output.line(`      ${output.style("cyan", `${speaker}:`)} ${printable(line)}`));
	alice.endInput();
	await Promise.all([alice.end(), bob.end()]);
	ok(
		"chat",
		{ messages: CONVERSATION.length, path: String(chatPath) },
		`the chat from alice to bob, ${wayOf(chatPath, chatAddress)}: ${CONVERSATION.length} messages, each arrived as it was sent`,
	);

	const pace = ["--count", String(PINGS), "--interval-ms", "0", "--timeout-ms", String(MOST_SECONDS * 1_000)];
	const ping = start("alice", "ping", "carol", ...pace, ...common("alice"));
	const { paths } = await ping.next("summary");
	await ping.end();
	const { proxied, direct } = paths as Readonly<Partial<Record<"proxied" | "direct", RoundTrips>>>;
	const { p50Ms = 0, p99Ms = 0 } = direct ?? proxied ?? {};
	const counts = [
		...(proxied === undefined ? [] : [`${proxied.count} through the Coordinator`]),
		...(direct === undefined ? [] : [`${direct.count} directly, as soon as that could be`]),
	];
	ok(
		"roundTrip",
		{ p50Ms, p99Ms, proxied: proxied?.count ?? 0, direct: direct?.count ?? 0 },
		`round trips from alice to carol, ${counts.join(", then ")}: p50 ${formatMs(p50Ms)}, p99 ${formatMs(p99Ms)} (64 bytes)`,
	);

	const original = await file;
	const send = start("alice", "send", filePath, "--to", "carol", ...common("alice"));
	const { path, address } = await send.next("path");
	const sent = await send.next("summary");
	await Promise.all([send.end(), carol.end()]);
	const arrived = await hashFile(join(incoming, "random.bin"));
	if (arrived !== original) throw new CliError(EXIT_CODES.incomplete, "Cannot confirm the file: its SHA-256 differs from that of the original");
	const left = await readdir(incoming);
	if (left.length !== 1) throw new CliError(EXIT_CODES.incomplete, "Cannot confirm the file: another file was left beside it");
	const bytesPerSecond = Number(sent["bytesPerSecond"]);
	ok(
		"file",
		{ bytes: FILE_BYTES, seconds: Number(sent["seconds"]), bytesPerSecond, sha256: arrived, path: String(path) },
		`a file of ${formatBytes(FILE_BYTES)} from alice to carol, ${wayOf(path, address)}: ${formatSeconds(Number(sent["seconds"]))}, ${formatBytes(bytesPerSecond)}/s, SHA-256 equal`,
	);

	coordinator.interrupt();
	if (platform !== "win32") await coordinator.end(EXIT_CODES.interrupted);
	const seconds = rounded((clock.nowMs() - startedAtMs) / 1_000);
	output.event("done", { seconds }, output.style("bold", `Everything was verified, in ${formatSeconds(seconds)}. Next: conec coordinator`));
}

/** In the events of the processes. */
function wayOf(path: unknown, address: unknown): string {
	return path === "direct" ? `directly from process to process (${endpoint(address as SocketAddress)})` : "through the Coordinator";
}

/** Each says its lines in turn; each line must arrive at the other as it was said. */
async function converse(people: Readonly<Record<"alice" | "bob", DemoProcess>>, show: (speaker: string, line: string) => void): Promise<void> {
	for (const [speaker, line] of CONVERSATION) {
		people[speaker].say(line);
		const heard = await people[speaker === "alice" ? "bob" : "alice"].next("message");
		if (heard["text"] !== line || heard["from"] !== speaker) throw new CliError(EXIT_CODES.failed, "Cannot confirm the chat: a message was changed on its way");
		show(speaker, line);
	}
}

async function writeRandomFile(path: string, bytes: number, { random }: Surroundings): Promise<string> {
	const hash = createHash("sha256");
	const handle = await open(path, "wx", 0o600);
	try {
		for (let written = 0; written < bytes; written += 1_048_576) {
			const block = random(1_048_576);
			hash.update(block);
			await handle.writeFile(block);
		}
	} finally {
		await handle.close();
	}
	return hash.digest("hex");
}

async function hashFile(path: string): Promise<string> {
	const hash = createHash("sha256");
	for await (const chunk of createReadStream(path, { highWaterMark: 1_048_576 })) hash.update(chunk as Uint8Array);
	return hash.digest("hex");
}
