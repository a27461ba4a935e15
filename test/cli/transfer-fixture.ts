/** Transfers between two ends of a stream in memory, and what was told of them. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { FileOutcome, TransferObserver, TransferSummary } from "../../packages/conec/src/cli/transfer/events.ts";
import { type FileFacts, type FileSystem, nodeFileSystem, type OpenFile } from "../../packages/conec/src/cli/transfer/ground/file-system.ts";
import type { LinkSource } from "../../packages/conec/src/cli/transfer/reading/source-files.ts";
import { type ReceiveOptions, receiveFiles } from "../../packages/conec/src/cli/transfer/receive-files.ts";
import { type SendOptions, sendFiles } from "../../packages/conec/src/cli/transfer/send-files.ts";
import { testSurroundings } from "../../packages/conec/testing/cli-surroundings.ts";
import { streamPair } from "./stream-pair.ts";

/** The real file system. */
export const NODE_FILE_SYSTEM: FileSystem = nodeFileSystem(testSurroundings());

/** What a receiver is given beside its directory, unless a test says otherwise. */
export const RECEIVER: Pick<ReceiveOptions, "force" | "umask" | "files"> = { force: false, umask: process.umask(), files: NODE_FILE_SYSTEM };

export interface Folders {
	readonly from: string;
	readonly to: string;
}

export async function folders(t: TestContext): Promise<Folders> {
	const base = await mkdtemp(join(tmpdir(), "conec-transfer-"));
	// Else nobody but the owner could read what is sent.
	await chmod(base, 0o755);
	t.after(async () => {
		const remove = (): Promise<void> => rm(base, { recursive: true, force: true });
		await remove().catch(async () => {
			// A test may have made directories that not even their owner may empty. To start a process costs more than most tests here.
			if (process.platform !== "win32") execFileSync("chmod", ["-R", "u+rwX", base]);
			await remove();
		});
	});
	const made = { from: join(base, "from"), to: join(base, "to") };
	await mkdir(made.from);
	await mkdir(made.to);
	return made;
}

export class Recorder implements TransferObserver {
	readonly outcomes: FileOutcome[] = [];
	readonly links: LinkSource[] = [];
	/** What was said of files that were there in part. */
	readonly said: string[] = [];
	bytes = 0;
	onMoved: (() => void) | undefined;
	started(): void {}
	moved(bytes: number): void {
		this.bytes += bytes;
		this.onMoved?.();
	}
	settled(outcome: FileOutcome): void {
		this.outcomes.push(outcome);
	}
	link(link: LinkSource): void {
		this.links.push(link);
	}
	checked(bytes: number): void {
		this.moved(bytes);
	}
	resumed(name: string, bytes: number): void {
		this.said.push(`${name} goes on at ${bytes}`);
	}
	anew(name: string, reason: string): void {
		this.said.push(`${name} anew: ${reason}`);
	}
	kept(name: string, bytes: number): void {
		this.said.push(`${name} kept: ${bytes}`);
	}
	problems(): (readonly [name: string, problem: string | undefined])[] {
		return this.outcomes.map((outcome) => [outcome.name, outcome.problem] as const).sort();
	}
}

export async function transfer(
	paths: readonly string[],
	directory: string,
	options: Partial<ReceiveOptions> = {},
	sending: Partial<SendOptions> = {},
): Promise<{ sent: Recorder; received: Recorder; summary: TransferSummary }> {
	const [alice, bob] = streamPair();
	const sent = new Recorder();
	const received = new Recorder();
	const [summary, receiverSummary] = await Promise.all([
		sendFiles(alice, paths, sent, { links: "skip", files: NODE_FILE_SYSTEM, ...sending }),
		receiveFiles(bob, { ...RECEIVER, directory, ...options }, received),
	]);
	assert.deepEqual(summary, receiverSummary);
	return { sent, received, summary };
}

/** The real file system, but for some calls. */
export function fileSystem(changes: Partial<FileSystem>): FileSystem {
	return { ...NODE_FILE_SYSTEM, ...changes };
}

/** The real file system, but for some calls on files that are open. */
export function withOpenFiles(change: (path: string, file: OpenFile, flags: number) => Partial<OpenFile>, changes: Partial<FileSystem> = {}): FileSystem {
	return fileSystem({
		...changes,
		async open(path, flags, mode) {
			const file = await NODE_FILE_SYSTEM.open(path, flags, mode);
			return { ...file, ...change(path, file, flags) };
		},
	});
}

/** The same facts, but for some. */
export function facts(found: FileFacts, changes: Partial<Pick<FileFacts, "size" | "mode" | "mtimeNs" | "ctimeNs" | "ino" | "uid" | "nlink">>): FileFacts {
	return Object.assign(Object.create(found) as FileFacts, changes);
}

/** What a system call rejects with. */
export function systemError(code: string): Error {
	return Object.assign(new Error(`${code}: made by a test`), { code });
}
