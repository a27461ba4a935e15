/**
 * Which id this process takes when none is given: the machine's name, or with a number behind it while another process
 * of this user has that one.
 *
 * @module
 */

import { mkdir, open, readFile, unlink } from "node:fs/promises";
import { join } from "node:path";
import { CliError } from "./cli-error.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { errnoOf } from "./transfer/file-problem.ts";

/** Longest id in bytes. */
const ID_BYTES = 63;
/** Processes of one user on one machine that get an id by default. */
const MOST_CLAIMS = 100;

/** A valid id made from a host name: its first label in lower case, other characters as dashes, short enough for `-99` behind it. */
export function idFromHostName(hostName: string): string {
	const label = trimDashes((hostName.split(".")[0] ?? "").toLowerCase().replace(/[^a-z0-9]+/g, "-"));
	if (label === "") return "conec";
	const named = /^\d+$/.test(label) || label === "xn" ? `host-${label}` : label;
	return trimDashes(named.slice(0, ID_BYTES - 3));
}

/** An id that no other process with this state directory has by default. */
export interface ClaimedId {
	readonly id: string;
	/** Gives it back. Never rejects. */
	release(): Promise<void>;
}

/**
 * Claims `base`, or else `base-2`, `base-3` ... A claim is a file with the process's number; one of a process that is
 * gone does not count.
 */
export async function claimDefaultId(stateDirectory: string, base: string): Promise<ClaimedId> {
	await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
	for (let number = 1; number < MOST_CLAIMS; number += 1) {
		const id = number === 1 ? base : `${base}-${number}`;
		const path = join(stateDirectory, `client.${id}.pid`);
		if (await claim(path)) return { id, release: () => unlink(path).catch(() => undefined) };
	}
	throw new CliError(EXIT_CODES.failed, `Cannot choose an id: ${MOST_CLAIMS} processes run with ids like "${base}"`, "Give one with --id.");
}

async function claim(path: string): Promise<boolean> {
	for (let attempt = 0; attempt < 2; attempt += 1) {
		try {
			const handle = await open(path, "wx", 0o600);
			await handle.writeFile(String(process.pid));
			await handle.close();
			return true;
		} catch (error) {
			if (errnoOf(error) !== "EEXIST") throw error;
		}
		if (await isHeld(path)) return false;
		await unlink(path).catch(() => undefined);
	}
	return false;
}

async function isHeld(path: string): Promise<boolean> {
	const pid = Number.parseInt(await readFile(path, "utf8").catch(() => ""), 10);
	if (!(pid > 0)) return false;
	try {
		process.kill(pid, 0);
		return pid !== process.pid;
	} catch (error) {
		return errnoOf(error) === "EPERM";
	}
}

function trimDashes(text: string): string {
	return text.replace(/^-+|-+$/g, "");
}
