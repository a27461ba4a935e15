/**
 * Leases as a file: one line that says what it is and carries a checksum, then one line for each lease. What is not exactly
 * that is reported, as starting without it would give everybody's id away.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { readdir, readFile, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { ConecError } from "../errors.ts";
import { idProblem } from "../wire/ids.ts";
import type { Lease } from "./leases.ts";

/** Its name in the state directory. */
export const LEASE_FILE = "leases.txt";

/** The content of the file. */
export function renderLeases(leases: Iterable<Lease>): string {
	let body = "";
	for (const { id, identity, source, until } of leases) body += `${JSON.stringify([id, identity, source, until ?? null])}\n`;
	return `${TITLE} ${digest(body)}\n${body}`;
}

/** Reads what {@link renderLeases} wrote; `undefined` for anything else. */
export function parseLeases(text: string): Lease[] | undefined {
	const end = text.indexOf("\n");
	const body = text.slice(end + 1);
	if (end === -1 || text.slice(0, end) !== `${TITLE} ${digest(body)}`) return undefined;
	const leases = new Map<string, Lease>();
	for (const line of body.split("\n").slice(0, -1)) {
		const lease = parseLease(line);
		if (lease === undefined || leases.has(lease.id)) return undefined;
		leases.set(lease.id, lease);
	}
	return [...leases.values()];
}

/**
 * Reads the leases in a state directory; none if there is no file. Removes what a crash in the middle of writing left.
 *
 * @throws ConecError `STATE_DIRECTORY_INVALID` with the path, for a file that is torn or not ours; it is left as it is
 */
export async function readLeaseFile(directory: string): Promise<Lease[]> {
	const path = join(directory, LEASE_FILE);
	let text: string;
	try {
		for (const name of await readdir(directory)) if (TEMPORARY.test(name)) await unlink(join(directory, name)).catch(() => undefined);
		if ((await stat(path)).size > MAX_FILE_BYTES) throw invalid(path);
		text = await readFile(path, "utf8");
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === "ENOENT") return [];
		throw error instanceof ConecError
			? error
			: new ConecError("STATE_DIRECTORY_INVALID", `Cannot read ${path}: ${code ?? "it cannot be used"}`, { cause: error });
	}
	const leases = parseLeases(text);
	if (leases === undefined) throw invalid(path);
	return leases;
}

const TITLE = "conec leases 1";

const TEMPORARY = /^leases\.txt\.[0-9a-f]{12}\.tmp$/;

/** More than the greatest `limits.leases` can need. */
const MAX_FILE_BYTES = 32 * 1_048_576;

function parseLease(line: string): Lease | undefined {
	let value: unknown;
	try {
		value = JSON.parse(line);
	} catch {
		return undefined;
	}
	if (!Array.isArray(value) || value.length !== 4) return undefined;
	const [id, identity, source, until] = value as unknown[];
	if (idProblem(id) !== undefined || typeof identity !== "string" || !FINGERPRINT.test(identity)) return undefined;
	if (typeof source !== "string" || source.length > 64) return undefined;
	if (until !== null && !Number.isSafeInteger(until)) return undefined;
	return { id: id as string, identity, source, until: (until as number | null) ?? undefined };
}

const FINGERPRINT = /^sha256:[0-9a-f]{64}$/;

function digest(body: string): string {
	return createHash("sha256").update(body).digest("hex");
}

function invalid(path: string): ConecError {
	return new ConecError(
		"STATE_DIRECTORY_INVALID",
		`Cannot use ${path}: it is damaged or not a list of leases of Conec; remove it only if its ids may go to others`,
	);
}
