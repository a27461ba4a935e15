/**
 * A claim that is a plain file, for file systems without sockets (FAT, some network and shared drives). The file says which process it
 * belongs to, and changes every few seconds as long as that runs: where the process cannot be looked up, being in another container
 * or from before a reboot, a file that has stopped changing is dead. So is one that cannot be read as a claim and does not change.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { unlinkSync } from "node:fs";
import { type FileHandle, lstat, open, readFile, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { errnoOf, fileErrorMeaning } from "./file-errors.ts";
import { type Answer, type Claim, type Holder, parseHolder } from "./lock-claim.ts";
import { isRunning, ownIdentity, type ProcessIdentity } from "./process-identity.ts";

/** File names of these claims end so. */
export const FILE_SUFFIX = ".lock";

/** How often a claim shows that it lives, and how long others wait for that. */
export interface Heartbeat {
	readonly intervalMs: number;
	readonly patienceMs: number;
}

/** Patience for two beats and a machine that is busy. */
export const HEARTBEAT: Heartbeat = { intervalMs: 5_000, patienceMs: 12_500 };

/** Publishes a claim in the directory. Rejects with the system error; then nothing is left. */
export async function publishFile(directory: string, name: string, { intervalMs }: Heartbeat): Promise<Claim> {
	const id = randomBytes(8).toString("hex");
	const path = join(directory, `${name}.${id}${FILE_SUFFIX}`);
	const staged = join(directory, `${name}.${id}.new`);
	const record = { ...ownIdentity(), held: false, beat: 0 };
	let over = false;
	let writing: Promise<void> = Promise.resolve();
	const show = (): void => {
		// One at a time; a beat that cannot be written is missed, and the next one is tried.
		writing = writing.then(() => (over ? undefined : rewrite(path, { ...record, beat: record.beat++ }))).catch(() => undefined);
	};
	try {
		const handle = await open(staged, "wx", 0o600);
		try {
			await handle.writeFile(textOf(record));
			// Else a power failure can leave the name with nothing in it.
			await flush(handle);
		} finally {
			await handle.close();
		}
		await rename(staged, path);
	} catch (error) {
		await unlink(staged).catch(() => undefined);
		throw error;
	}
	const timer = setInterval(show, intervalMs);
	timer.unref();
	return {
		id,
		path,
		hold() {
			record.held = true;
			show();
		},
		isVisible: () =>
			lstat(path).then(
				() => true,
				() => false,
			),
		withdraw() {
			over = true;
			clearInterval(timer);
			try {
				unlinkSync(path);
			} catch {
				// Somebody removed it, or the directory.
			}
		},
	};
}

/** Looks whose file that is, and removes it when its process is gone. `answerMs` bounds the wait for a decision. */
export async function askFile(directory: string, file: string, answerMs: number, { intervalMs, patienceMs }: Heartbeat): Promise<Answer> {
	const path = join(directory, file);
	const first = await look(path);
	if (first.type === "answered") return first.answer;
	const changesInTime = (): Promise<boolean> => changes(path, first.content, patienceMs, Math.min(250, intervalMs));
	if (first.type === "torn") {
		// A living process soon writes all of it again. What a power failure has left never changes.
		if (await changesInTime()) return { type: "unclear" };
		await unlink(path).catch(() => undefined);
		return { type: "gone" };
	}
	let running = isRunning(first.record);
	if (running === undefined) running = await changesInTime();
	if (!running) {
		await unlink(path).catch(() => undefined);
		return { type: "gone" };
	}
	if (first.record.held) return { type: "held", holder: first.record };
	return { type: "claims", outcome: () => decided(path, answerMs) };
}

interface ClaimRecord extends ProcessIdentity {
	readonly held: boolean;
}

type Look =
	| { readonly type: "seen"; readonly record: ClaimRecord; readonly content: string }
	/** It is no claim, or not all of one. */
	| { readonly type: "torn"; readonly content: string }
	| { readonly type: "answered"; readonly answer: Answer };

async function look(path: string): Promise<Look> {
	// It may be in the middle of being written.
	for (let attempt = 0; ; attempt++) {
		let content: string;
		try {
			content = await readFile(path, "utf8");
		} catch (error) {
			const errno = errnoOf(error);
			return { type: "answered", answer: fileErrorMeaning("read", errno) === "missing" ? { type: "gone" } : { type: "silent", errno } };
		}
		const record = parseRecord(content);
		if (record !== undefined) return { type: "seen", record, content };
		if (attempt === 20) return { type: "torn", content };
		await delay(25);
	}
}

async function changes(path: string, before: string, patienceMs: number, stepMs: number): Promise<boolean> {
	for (const endMs = performance.now() + patienceMs; performance.now() < endMs; ) {
		await delay(stepMs);
		const now = await readFile(path, "utf8").catch((error: unknown) => (fileErrorMeaning("read", errnoOf(error)) === "missing" ? undefined : before));
		if (now === undefined) return false;
		if (now !== before) return true;
	}
	return false;
}

/**
 * Nothing tells of a change of a file on every file system that has no sockets, so it is looked at. What counts is how often:
 * on a machine so busy that this process does not run, the other may not run either.
 */
async function decided(path: string, answerMs: number): Promise<Answer> {
	for (let looks = Math.ceil(answerMs / LOOK_MS); looks > 0; looks--) {
		await delay(LOOK_MS);
		const seen = await look(path);
		if (seen.type === "answered") return seen.answer;
		if (seen.type === "torn") continue;
		if (seen.record.held) return { type: "held", holder: seen.record };
		if (isRunning(seen.record) === false) return { type: "gone" };
	}
	return { type: "silent", errno: undefined };
}

/** In place: a rename may not replace everywhere. Readers try again when they see half of it. */
async function rewrite(path: string, record: object): Promise<void> {
	// Never made anew: who has removed it has reasons.
	const handle = await open(path, "r+");
	try {
		const content = Buffer.from(textOf(record));
		await handle.write(content, 0, content.length, 0);
		await handle.truncate(content.length);
	} finally {
		await handle.close();
	}
}

/** Of one length, so that a process that is stopped between writing and cutting off still has a claim that can be read. */
function textOf(record: object): string {
	return JSON.stringify(record).padEnd(RECORD_LENGTH);
}

/** How often a claim that is not decided is looked at. */
const LOOK_MS = 50;

/** More than a record ever has, in characters. */
const RECORD_LENGTH = 1_024;

async function flush(handle: FileHandle): Promise<void> {
	try {
		await handle.sync();
	} catch (error) {
		if (fileErrorMeaning("sync", errnoOf(error)) !== "unsupported") throw error;
	}
}

function parseRecord(content: string): ClaimRecord | undefined {
	try {
		const value = JSON.parse(content) as Partial<ClaimRecord>;
		const holder: Holder | undefined = parseHolder(value);
		const { start, machine, held } = value;
		if (holder === undefined || typeof held !== "boolean" || !isText(start) || !isText(machine)) return undefined;
		return { ...holder, start, machine, held };
	} catch {
		return undefined;
	}
}

function isText(value: unknown): value is string | null {
	return typeof value === "string" || value === null;
}
