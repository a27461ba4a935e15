/**
 * An identity that outlives the process: one file in a state directory, key and certificate together, so that no crash
 * can leave one without the other.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import { type FileHandle, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { ConecError, isConecError } from "../errors.ts";
import { absolutePath } from "../files/absolute-path.ts";
import { fileProblemWords } from "../files/file-error-words.ts";
import { errnoOf } from "../files/file-errors.ts";
import { makeDirectory } from "../files/make-directory.ts";
import { writeAtomically } from "../files/write-atomically.ts";
import { readCertificate } from "./certificate.ts";
import { type LocalIdentity, parseIdentity } from "./identity.ts";
import { writePem } from "./pem.ts";
import { alternativeName, makeSelfSigned } from "./self-signed.ts";

/** Which identity, for whom. */
export interface KeptIdentityOptions {
	readonly stateDirectory: string;
	/** File name within the directory, without extension: `coordinator`, or `client.<id>`. */
	readonly file: string;
	/** Names of the certificate. When they change, the certificate is made anew for the same key. */
	readonly names: readonly string[];
}

/**
 * Loads the identity, or makes it when there is none. The directory is made with mode 0700, the file with 0600. A file
 * that is damaged, not ours or readable by others is reported and left as it is.
 *
 * @throws ConecError `STATE_DIRECTORY_INVALID` with the path
 */
export async function loadKeptIdentity(options: KeptIdentityOptions): Promise<LocalIdentity> {
	const directory = absolutePath(options.stateDirectory);
	const path = join(directory, `${options.file}.pem`);
	try {
		await makeDirectory(directory, 0o700);
		const kept = await read(path);
		if (kept === undefined) {
			const made = await makeSelfSigned({ names: options.names }, "kept");
			await writeAtomically(path, render(made), "create", { check: (handle) => assertPrivate(path, handle) });
			// Another process may have been first; then its file counts.
			return (await read(path)) ?? made;
		}
		if (isFor(kept, options.names)) return kept;
		const renewed = await makeSelfSigned({ names: options.names, privateKey: kept.privateKey }, "kept");
		// The key is what counts, and it is kept already: where nothing can be written, the new certificate is made at each start.
		await writeAtomically(path, render(renewed), "replace", { check: (handle) => assertPrivate(path, handle) }).catch((error: unknown) => {
			if (isConecError(error)) throw error;
		});
		return renewed;
	} catch (error) {
		if (isConecError(error) || error instanceof TypeError) throw error;
		throw invalid(path, fileProblemWords(error), error);
	}
}

/** Refuses a file system that shows every file to others (FAT, some shared drives): before the key is in the file, not at the next start. */
async function assertPrivate(path: string, handle: FileHandle): Promise<void> {
	if (await isPrivate(handle)) return;
	// Where new files get more than was asked for, it may still be taken from them.
	await handle.chmod(0o600).catch(() => undefined);
	if (!(await isPrivate(handle)))
		throw invalid(path, "its file system lets others read every file, and a key must be private; choose another directory, or give a key of your own");
}

async function isPrivate(handle: FileHandle): Promise<boolean> {
	return process.platform === "win32" || ((await handle.stat()).mode & 0o077) === 0;
}

async function read(path: string): Promise<LocalIdentity | undefined> {
	let text: string;
	try {
		const found = await stat(path);
		if (!found.isFile()) throw invalid(path, "it is not a file");
		if (found.size > MAX_FILE_BYTES) throw invalid(path, "it is not an identity of Conec");
		if (process.platform !== "win32" && (found.mode & 0o077) !== 0)
			throw invalid(path, "others may read the key in it; change its mode to 0600, or replace the key, or use another directory");
		text = await readFile(path, "latin1");
	} catch (error) {
		if (errnoOf(error) === "ENOENT") return undefined;
		throw error;
	}
	try {
		return parseIdentity(text, text, "kept");
	} catch (error) {
		throw invalid(path, "it is damaged or not an identity of Conec; remove it only if its key is not needed any more", error);
	}
}

function render(identity: LocalIdentity): string {
	return writePem("PRIVATE KEY", identity.privateKey) + identity.certificates.map((der) => writePem("CERTIFICATE", der)).join("");
}

const MAX_FILE_BYTES = 64 * 1_024;

const RENEW_BEFORE_MS = 30 * 86_400_000;

/** Whether the certificate is for exactly these names and lasts a while longer. */
function isFor(identity: LocalIdentity, names: readonly string[]): boolean {
	const leaf = identity.certificates[0];
	if (leaf === undefined || readCertificate(leaf).alternativeNames.length !== names.length) return false;
	const certificate = new X509Certificate(leaf);
	if (Date.parse(certificate.validTo) < systemClock.wallMs() + RENEW_BEFORE_MS) return false;
	return names.map(alternativeName).every(({ type, value }) => (type === "dns" ? certificate.checkHost(value) : certificate.checkIP(value)) !== undefined);
}

function invalid(path: string, problem: string, cause?: unknown): ConecError {
	return new ConecError("STATE_DIRECTORY_INVALID", `Cannot use ${path}: ${problem}`, { cause });
}
