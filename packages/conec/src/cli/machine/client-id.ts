/**
 * Which id this process takes when none is given: the machine's name, or with a number behind it while another process
 * of this user has that one.
 *
 * @module
 */

import { absolutePath } from "../../files/absolute-path.ts";
import { lockDirectory } from "../../files/directory-lock.ts";
import { makeDirectory } from "../../files/make-directory.ts";
import { CliError, EXIT_CODES } from "../outcome/index.ts";
import { stateDirectoryError } from "./state-directory.ts";

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
	/** Gives it back. Never throws. */
	release(): void;
}

/**
 * Claims `base`, or else `base-2`, `base-3` ... A claim is a lock that is free again when its process has ended, however that ended,
 * so that a Client that was killed, or whose machine was, has its id and its key again.
 *
 * Rejects with a `CliError` where the directory cannot be used.
 */
export async function claimDefaultId(stateDirectory: string, base: string): Promise<ClaimedId> {
	const directory = absolutePath(stateDirectory);
	try {
		await makeDirectory(directory, 0o700);
		for (let number = 1; number < MOST_CLAIMS; number += 1) {
			const id = number === 1 ? base : `${base}-${number}`;
			const outcome = await lockDirectory(directory, `client.${id}`);
			if (outcome.type === "locked") return { id, release: () => outcome.lock.release() };
		}
	} catch (error) {
		throw stateDirectoryError(directory, error);
	}
	throw new CliError(EXIT_CODES.failed, `Cannot choose an id: ${MOST_CLAIMS} processes run with ids like "${base}"`, "Give one with --id.");
}

function trimDashes(text: string): string {
	return text.replace(/^-+|-+$/g, "");
}
