/**
 * One Coordinator for each state directory: a lock file that says which process has it. A process that is gone, or whose
 * number belongs to another one now, has it no more.
 *
 * @module
 */

import { readFileSync, unlinkSync } from "node:fs";
import { link, mkdir, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { randomHex, systemRandom } from "../base/random.ts";
import { ConecError } from "../errors.ts";

/** A lock that is held. */
export interface StateLock {
	readonly path: string;
	/** Gives it back. Idempotent; never throws. */
	release(): void;
}

/**
 * Takes the lock of a state directory, which is made with mode 0700.
 *
 * Rejects with `STATE_DIRECTORY_INVALID` and the path: another Coordinator has it, it cannot be written, or the lock file is not ours.
 */
export async function lockStateDirectory(stateDirectory: string): Promise<StateLock> {
	const directory = resolve(stateDirectory);
	const path = join(directory, LOCK_FILE);
	const mine = JSON.stringify({ pid: process.pid, start: startOf(process.pid), nonce: randomHex(systemRandom, 8) } satisfies Holder);
	try {
		await mkdir(directory, { recursive: true, mode: 0o700 });
		// Twice at most: once for a stale lock, and once more for somebody who gave his back meanwhile.
		for (let attempt = 0; attempt < 3; attempt++) {
			if (await create(path, mine)) return { path, release: () => release(path, mine) };
			const found = await readFile(path, "utf8").catch(ignoreMissing);
			if (found === undefined) continue;
			const holder = parse(found);
			if (holder === undefined) throw invalid(path, "it is not a lock of Conec; remove it if no Coordinator uses this directory");
			if (isAlive(holder)) throw invalid(path, `another Coordinator (process ${holder.pid}) uses this state directory`);
			await removeStale(path, found);
		}
	} catch (error) {
		if (error instanceof ConecError) throw error;
		throw invalid(path, String((error as NodeJS.ErrnoException).code ?? "it cannot be written"), error);
	}
	throw invalid(path, "other Coordinators are taking this state directory at the same time");
}

const LOCK_FILE = "coordinator.lock";

interface Holder {
	readonly pid: number;
	/** What tells this process from a later one of the same number; `null` where the system does not say. */
	readonly start: string | null;
	readonly nonce: string;
}

/** Makes the file with all of its content at once, unless it exists. */
async function create(path: string, content: string): Promise<boolean> {
	const temporary = `${path}.${randomHex(systemRandom, 6)}.tmp`;
	try {
		await writeFile(temporary, content, { flag: "wx", mode: 0o600 });
		try {
			await link(temporary, path);
		} catch (error) {
			if (!NO_HARD_LINKS.has((error as NodeJS.ErrnoException).code)) throw error;
			await writeFile(path, content, { flag: "wx", mode: 0o600 });
		}
		return true;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
		throw error;
	} finally {
		await unlink(temporary).catch(() => undefined);
	}
}

/** Takes a stale lock away; if it was another one by then, puts it back. */
async function removeStale(path: string, stale: string): Promise<void> {
	const aside = `${path}.${randomHex(systemRandom, 6)}.tmp`;
	try {
		await rename(path, aside);
	} catch (error) {
		return ignoreMissing(error);
	}
	if ((await readFile(aside, "utf8")) !== stale) await link(aside, path).catch(() => undefined);
	await unlink(aside).catch(() => undefined);
}

function release(path: string, mine: string): void {
	try {
		if (readFileSync(path, "utf8") === mine) unlinkSync(path);
	} catch {
		// Somebody removed it, or the directory: nothing is left to give back.
	}
}

function parse(text: string): Holder | undefined {
	try {
		const { pid, start, nonce } = JSON.parse(text) as Partial<Holder>;
		if (!Number.isSafeInteger(pid) || (pid as number) <= 0 || (typeof start !== "string" && start !== null) || typeof nonce !== "string") return undefined;
		return { pid: pid as number, start, nonce };
	} catch {
		return undefined;
	}
}

function isAlive({ pid, start }: Holder): boolean {
	try {
		process.kill(pid, 0);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
	}
	const present = startOf(pid);
	return start === null || present === null || start === present;
}

/** On Linux: this boot, and the tick of it at which the process began. */
function startOf(pid: number): string | null {
	if (process.platform !== "linux") return null;
	try {
		const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
		// The name before the last bracket may contain anything; the start is the 20th field after it (proc(5)).
		const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ");
		// One that was killed but not yet waited for by its parent has no lock any more.
		if (fields?.[0] === "Z" || fields?.[0] === "X") return "gone";
		return fields?.[19] === undefined ? null : `${boot} ${fields[19]}`;
	} catch {
		return null;
	}
}

const NO_HARD_LINKS: ReadonlySet<string | undefined> = new Set(["EPERM", "ENOTSUP", "ENOSYS", "EOPNOTSUPP"]);

function ignoreMissing(error: unknown): undefined {
	if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
	return undefined;
}

function invalid(path: string, problem: string, cause?: unknown): ConecError {
	return new ConecError("STATE_DIRECTORY_INVALID", `Cannot use ${path}: ${problem}`, { cause });
}
