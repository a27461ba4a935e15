/**
 * Leases as a file: one line that says what it is and carries a checksum, one that says when it was written, then one line for each
 * lease with how long it still lasted then. What is not exactly that is reported, as starting without it would give everybody's id away.
 *
 * The wall clock is not asked: at a start it may be wrong by decades, on a board without a battery until the network has told it the
 * time. The time between two runs counts only within one boot, whose own clock nobody sets; otherwise a lease goes on with what it had
 * left. That holds an id for as long as the machine was off; the other way would give it to somebody else.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { readdir, readFile, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { ConecError } from "../../errors.ts";
import { fileProblemWords } from "../../files/file-error-words.ts";
import { errnoOf } from "../../files/file-errors.ts";
import { idProblem } from "../../wire/ids.ts";
import type { KeptLease } from "./leases.ts";

/** Its name in the state directory. */
export const LEASE_FILE = "leases.txt";

/** A moment on the clock of a boot. */
export interface BootTime {
	/** Which boot; `null` where the system does not say, and then moments of two runs cannot be compared. */
	readonly boot: string | null;
	readonly ms: number;
}

/** What is in the file. */
export interface LeaseRecord {
	readonly written: BootTime;
	readonly leases: readonly KeptLease[];
}

/** The content of the file. */
export function renderLeases({ written, leases }: LeaseRecord): string {
	let body = `${JSON.stringify([written.boot, Math.floor(written.ms)])}\n`;
	for (const { id, identity, source, leftMs } of leases) body += `${JSON.stringify([id, identity, source, leftMs ?? null])}\n`;
	return `${TITLE} ${digest(body)}\n${body}`;
}

/** Reads what {@link renderLeases} wrote; `undefined` for anything else. */
export function parseLeases(text: string): LeaseRecord | undefined {
	const end = text.indexOf("\n");
	const body = text.slice(end + 1);
	if (end === -1 || text.slice(0, end) !== `${TITLE} ${digest(body)}`) return undefined;
	const [head = "", ...lines] = body.split("\n").slice(0, -1);
	const written = parseTime(head);
	if (written === undefined) return undefined;
	const leases = new Map<string, KeptLease>();
	for (const line of lines) {
		const lease = parseLease(line);
		if (lease === undefined || leases.has(lease.id)) return undefined;
		leases.set(lease.id, lease);
	}
	return { written, leases: [...leases.values()] };
}

/** The leases with what is left of them now. */
export function leasesNow({ written, leases }: LeaseRecord, now: BootTime): KeptLease[] {
	const passedMs = written.boot !== null && written.boot === now.boot ? Math.max(0, now.ms - written.ms) : 0;
	return leases.map((lease) => (lease.leftMs === undefined ? lease : { ...lease, leftMs: lease.leftMs - passedMs }));
}

/**
 * Reads the leases in a state directory; `undefined` if there is no file. Removes what a crash in the middle of writing left.
 *
 * @throws ConecError `STATE_DIRECTORY_INVALID` with the path, for a file that is torn or not ours; it is left as it is
 */
export async function readLeaseFile(directory: string): Promise<LeaseRecord | undefined> {
	const path = join(directory, LEASE_FILE);
	let text: string;
	try {
		for (const name of await readdir(directory)) if (TEMPORARY.test(name)) await unlink(join(directory, name)).catch(() => undefined);
		if ((await stat(path)).size > MAX_FILE_BYTES) throw invalid(path);
		text = await readFile(path, "utf8");
	} catch (error) {
		if (errnoOf(error) === "ENOENT") return undefined;
		throw error instanceof ConecError ? error : new ConecError("STATE_DIRECTORY_INVALID", `Cannot read ${path}: ${fileProblemWords(error)}`, { cause: error });
	}
	const leases = parseLeases(text);
	if (leases === undefined) throw invalid(path);
	return leases;
}

const TITLE = "conec leases 2";

const TEMPORARY = /^leases\.txt\.[0-9a-f]{12}\.tmp$/;

/** More than the greatest `limits.leases` can need. */
const MAX_FILE_BYTES = 32 * 1_048_576;

function parseTime(line: string): BootTime | undefined {
	const value = parseLine(line, 2);
	if (value === undefined) return undefined;
	const [boot, ms] = value;
	if ((boot !== null && typeof boot !== "string") || !isDuration(ms)) return undefined;
	return { boot, ms };
}

function parseLease(line: string): KeptLease | undefined {
	const value = parseLine(line, 4);
	if (value === undefined) return undefined;
	const [id, identity, source, leftMs] = value;
	if (idProblem(id) !== undefined || typeof identity !== "string" || !FINGERPRINT.test(identity)) return undefined;
	if (typeof source !== "string" || source.length > 64) return undefined;
	if (leftMs !== null && !isDuration(leftMs)) return undefined;
	return { id: id as string, identity, source, leftMs: leftMs ?? undefined };
}

function parseLine(line: string, length: number): unknown[] | undefined {
	try {
		const value: unknown = JSON.parse(line);
		return Array.isArray(value) && value.length === length ? value : undefined;
	} catch {
		return undefined;
	}
}

function isDuration(value: unknown): value is number {
	return Number.isSafeInteger(value) && (value as number) >= 0;
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
