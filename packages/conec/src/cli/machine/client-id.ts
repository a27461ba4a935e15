/**
 * Which id this process takes, and that no other process with this state directory has it at the same Coordinator: the second connection
 * of an id would end the first.
 *
 * Without `--id` it is the machine's name, or with a number behind it while another process has that one.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { absolutePath } from "../../files/absolute-path.ts";
import { lockDirectory } from "../../files/directory-lock.ts";
import { makeDirectory } from "../../files/make-directory.ts";
import { ConecError } from "../../index.ts";
import { CliError, EXIT_CODES } from "../outcome/index.ts";
import { quoted } from "../text/index.ts";
import { commandOf } from "./other-command.ts";
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

/** An id that no other process with this state directory has, at one Coordinator. */
export interface ClaimedId {
	readonly id: string;
	/** What is behind the base of a default id; 1 is nothing. */
	readonly number: number;
	/** Gives it back. Never throws. */
	release(): void;
}

/**
 * Claims `base`, or else `base-2`, `base-3` ..., beginning with `from`, at the Coordinator that `coordinator` names. A claim is a lock that is free again when its process has ended, however that ended,
 * so that a Client that was killed, or whose machine was, has its id and its key again.
 *
 * Rejects with a `CliError` where the directory cannot be used.
 */
export async function claimDefaultId(stateDirectory: string, base: string, coordinator?: string, from: number = 1): Promise<ClaimedId> {
	const directory = absolutePath(stateDirectory);
	try {
		await makeDirectory(directory, 0o700);
		for (let number = from; number < MOST_CLAIMS; number += 1) {
			const id = numbered(base, number);
			const outcome = await lockDirectory(directory, lockName(id, coordinator));
			if (outcome.type === "locked") return { id, number, release: () => outcome.lock.release() };
		}
	} catch (error) {
		throw stateDirectoryError(directory, error);
	}
	throw new CliError(EXIT_CODES.failed, `Cannot choose an id: ${MOST_CLAIMS} processes run with ids like "${base}"`, "Give one with --id.");
}

/** What is known of a claim that somebody else has. */
export interface HeldId {
	/** The process that has it, in words. */
	readonly by: string;
	/** Another id that is free here now. */
	readonly free: string;
}

/** Claims exactly this id. Rejects as {@link claimDefaultId} does. */
export async function claimId(stateDirectory: string, id: string, coordinator: string): Promise<ClaimedId | HeldId> {
	const directory = absolutePath(stateDirectory);
	try {
		await makeDirectory(directory, 0o700);
		const outcome = await lockDirectory(directory, lockName(id, coordinator));
		if (outcome.type === "locked") return { id, number: 1, release: () => outcome.lock.release() };
		const other = await claimDefaultId(directory, id.slice(0, ID_BYTES - 3), coordinator, 2);
		other.release();
		return { by: await commandOf(outcome.by), free: other.id };
	} catch (error) {
		throw error instanceof CliError ? error : stateDirectoryError(directory, error);
	}
}

/** What is said of an id that somebody else has here. */
export function heldIdError(id: string, { by, free }: HeldId): CliError {
	const held = `${by} has it here, with the same key`;
	return new CliError(
		EXIT_CODES.coordinator,
		`Cannot use the id ${quoted(id)}: ${held}`,
		`Choose another name for this one: --id ${free}`,
		new ConecError("ID_TAKEN", held),
	);
}

/** Keys are kept by id alone; a process may have one id at several Coordinators. */
function lockName(id: string, coordinator: string | undefined): string {
	return coordinator === undefined ? `client.${id}` : `client.${id}.${createHash("sha256").update(coordinator).digest("hex").slice(0, 12)}`;
}

function numbered(base: string, number: number): string {
	return number === 1 ? base : `${base}-${number}`;
}

function trimDashes(text: string): string {
	return text.replace(/^-+|-+$/g, "");
}
