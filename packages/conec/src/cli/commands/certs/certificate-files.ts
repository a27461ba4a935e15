/**
 * Certificates and keys on the disk: keys for their owner only, nothing replaced unless asked for, never half a file.
 *
 * @module
 */

import { lstat, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileProblemWords } from "../../../files/file-error-words.ts";
import { errnoOf } from "../../../files/file-errors.ts";
import { makeDirectory as makePath } from "../../../files/make-directory.ts";
import { writeAtomically } from "../../../files/write-atomically.ts";
import { CliError, EXIT_CODES } from "../../outcome/index.ts";
import type { Surroundings } from "../../surroundings/index.ts";
import { quoted } from "../../text/index.ts";

/** What gives a temporary file a name of its own. */
type Chance = Pick<Surroundings, "random">;

/** Where one certificate and its key are. */
export interface CertificatePaths {
	readonly certificate: string;
	readonly privateKey: string;
}

/** Name of the authority's files; nobody else can have it. */
export const AUTHORITY: string = "ca";

/** `DIR/NAME.pem` and `DIR/NAME.key`. The name has been checked to be one of a certificate; colons of IPv6 addresses become underscores. */
export function certificatePaths(directory: string, name: string): CertificatePaths {
	const file = name.replaceAll(":", "_");
	return { certificate: join(directory, `${file}.pem`), privateKey: join(directory, `${file}.key`) };
}

/** Makes the directory, for its owner only, if it is not there. */
export async function makeDirectory(path: string): Promise<void> {
	try {
		await makePath(path, 0o700);
	} catch (error) {
		throw problem("create", path, error);
	}
}

/** Rejects when one of them is there and must not be replaced. */
export async function assertFree(paths: CertificatePaths, force: boolean): Promise<void> {
	if (force) return;
	for (const path of [paths.privateKey, paths.certificate]) {
		const found = await lstat(path).catch((error: unknown) => {
			if (errnoOf(error) !== "ENOENT") throw problem("write", path, error);
			return undefined;
		});
		if (found !== undefined) throw exists(path);
	}
}

/** Writes the key (mode 0600), then the certificate (0644). */
export async function writeBoth(
	paths: CertificatePaths,
	made: { readonly certificate: string; readonly privateKey: string },
	force: boolean,
	chance: Chance,
): Promise<void> {
	await writeWhole(paths.privateKey, made.privateKey, 0o600, force, chance);
	await writeWhole(paths.certificate, made.certificate, 0o644, force, chance);
}

/** Writes a file so that the old one, none or the whole new one is there, also after a crash. */
export async function writeWhole(path: string, content: string, mode: number, replace: boolean, { random }: Chance): Promise<void> {
	const temporary = join(dirname(path), `.${Buffer.from(random(6)).toString("hex")}.tmp`);
	try {
		if (!(await writeAtomically(path, content, replace ? "replace" : "create", { mode, temporary }))) throw exists(path);
	} catch (error) {
		throw error instanceof CliError ? error : problem("write", path, error);
	}
}

/** Whether only its owner can read the file, where modes say so. */
export async function isPrivate(path: string): Promise<boolean> {
	return ((await stat(path)).mode & 0o077) === 0;
}

/** Reads a file, or says what is needed for it to be there. */
export async function readMade(path: string, hint: string): Promise<Buffer> {
	try {
		return await readFile(path);
	} catch (error) {
		throw new CliError(EXIT_CODES.usage, `Cannot read ${quoted(path)}: ${fileProblemWords(error)}`, hint);
	}
}

function exists(path: string): CliError {
	return new CliError(
		EXIT_CODES.failed,
		`Cannot write ${quoted(path)}: it exists`,
		"--force replaces it. Then the old one is lost, and what depends on it no longer works.",
	);
}

function problem(action: string, path: string, error: unknown): CliError {
	return new CliError(EXIT_CODES.failed, `Cannot ${action} ${quoted(path)}: ${fileProblemWords(error)}`, "Check --dir.");
}
