/** Transfers that break off, and go on. */

import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Keeping } from "../../packages/conec/src/cli/transfer/kept-arrivals.ts";
import { KeptParts } from "../../packages/conec/src/cli/transfer/placing/index.ts";
import { type ReceiveOptions, receiveFiles } from "../../packages/conec/src/cli/transfer/receive-files.ts";
import { type SendOptions, sendFiles } from "../../packages/conec/src/cli/transfer/send-files.ts";
import { testSurroundings } from "../../packages/conec/testing/cli-surroundings.ts";
import { streamPair } from "./stream-pair.ts";
import { NODE_FILE_SYSTEM, RECEIVER, Recorder, transfer } from "./transfer-fixture.ts";

/** A file that is worth going on with. */
export const SIZE = 3_000_000;

/** Keeps what comes of a sender with that key, in a process of its own. */
export function keeping(owner: string | undefined = "alice's key"): Keeping {
	return { parts: new KeptParts(testSurroundings().clock), owner: async () => owner };
}

export const RESUME: Pick<SendOptions, "resume"> = { resume: true };

/** Sends it, to the end. */
export async function resumed(
	paths: readonly string[],
	directory: string,
	options: Partial<ReceiveOptions> = {},
	sending: Partial<SendOptions> = {},
): ReturnType<typeof transfer> {
	return await transfer(paths, directory, { keeping: keeping(), ...options }, { ...RESUME, ...sending });
}

/** A transfer that ends when so many bytes have come: the sender is interrupted. */
export async function brokenOff(
	paths: readonly string[],
	directory: string,
	afterBytes: number,
	options: Partial<ReceiveOptions> = {},
	sending: Partial<SendOptions> = RESUME,
): Promise<{ readonly sent: Recorder; readonly received: Recorder }> {
	const [alice, bob] = streamPair();
	const [sent, received] = [new Recorder(), new Recorder()];
	received.onMoved = () => {
		if (received.bytes < afterBytes) return;
		alice.reset(1);
		alice.stop(1);
	};
	await Promise.allSettled([
		sendFiles(alice, paths, sent, { links: "skip", files: NODE_FILE_SYSTEM, ...sending }),
		receiveFiles(bob, { ...RECEIVER, directory, keeping: keeping(), ...options }, received),
	]);
	return { sent, received };
}

/** A file with random content. */
export async function randomFile(directory: string, name: string, size: number = SIZE): Promise<Buffer> {
	const content = randomBytes(size);
	await writeFile(join(directory, name), content);
	return content;
}

/** The names of part files, and of locks, in a directory. */
export async function leftOvers(directory: string): Promise<string[]> {
	return (await readdir(directory)).filter((name) => name.includes(".part-") || name.startsWith(".")).sort();
}

/** The path of the one part file. */
export async function thePart(directory: string): Promise<string> {
	const [part, other] = await leftOvers(directory);
	if (part === undefined || other !== undefined) throw new Error(`${(await readdir(directory)).join()}: not one part file`);
	return join(directory, part);
}

/** Whether the file has arrived as it was, and nothing else is left. */
export async function isWhole(directory: string, name: string, content: Uint8Array): Promise<boolean> {
	return (await leftOvers(directory)).length === 0 && Buffer.compare(await readFile(join(directory, name)), content) === 0;
}

export function sha(content: Uint8Array): string {
	return createHash("sha256").update(content).digest("hex");
}
