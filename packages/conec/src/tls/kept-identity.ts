/**
 * An identity that outlives the process: one file in a state directory, key and certificate together, so that no crash
 * can leave one without the other.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import { link, mkdir, open, readFile, rename, stat, unlink } from "node:fs/promises";
import { isIP } from "node:net";
import { join, resolve } from "node:path";
import { randomHex, systemRandom } from "../base/random.ts";
import { ConecError, isConecError } from "../errors.ts";
import { systemClock } from "../transport/clock.ts";
import { readCertificate } from "./certificate.ts";
import { type LocalIdentity, parseIdentity } from "./identity.ts";
import { writePem } from "./pem.ts";
import { makeSelfSigned } from "./self-signed.ts";

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
	const directory = resolve(options.stateDirectory);
	const path = join(directory, `${options.file}.pem`);
	try {
		await mkdir(directory, { recursive: true, mode: 0o700 });
		const kept = await read(path);
		if (kept === undefined) {
			const made = await makeSelfSigned({ names: options.names }, "kept");
			await writeAtomically(path, render(made), "create");
			// Another process may have been first; then its file counts.
			return (await read(path)) ?? made;
		}
		if (isFor(kept, options.names)) return kept;
		const renewed = await makeSelfSigned({ names: options.names, privateKey: kept.privateKey }, "kept");
		await writeAtomically(path, render(renewed), "replace");
		return renewed;
	} catch (error) {
		if (isConecError(error) || error instanceof TypeError) throw error;
		throw invalid(path, error instanceof Error && "code" in error ? String(error.code) : "it cannot be used", error);
	}
}

/** Writes a file of mode 0600 so that after a crash the old one or the whole new one is there. "create" never replaces. */
export async function writeAtomically(path: string, content: string | Uint8Array, mode: "create" | "replace"): Promise<void> {
	const temporary = `${path}.${randomHex(systemRandom, 6)}.tmp`;
	try {
		const handle = await open(temporary, "wx", 0o600);
		try {
			await handle.writeFile(content);
			await handle.sync();
		} finally {
			await handle.close();
		}
		if (mode === "replace") await rename(temporary, path);
		else await linkNew(temporary, path);
	} finally {
		await unlink(temporary).catch(() => undefined);
	}
	await syncDirectory(resolve(path, ".."));
}

async function linkNew(from: string, to: string): Promise<void> {
	try {
		await link(from, to);
	} catch (error) {
		const code = (error as NodeJS.ErrnoException).code;
		if (code === "EEXIST") return;
		// File systems without hard links.
		if (code !== "EPERM" && code !== "ENOTSUP" && code !== "ENOSYS" && code !== "EOPNOTSUPP") throw error;
		await rename(from, to);
	}
}

/** Makes the new name durable; Windows and some file systems cannot, and there it is done by the file's own sync. */
async function syncDirectory(path: string): Promise<void> {
	const handle = await open(path, "r").catch(() => undefined);
	await handle?.sync().catch(() => undefined);
	await handle?.close();
}

async function read(path: string): Promise<LocalIdentity | undefined> {
	let text: string;
	try {
		const found = await stat(path);
		if (!found.isFile()) throw invalid(path, "it is not a file");
		if (found.size > MAX_FILE_BYTES) throw invalid(path, "it is not an identity of Conec");
		if (process.platform !== "win32" && (found.mode & 0o077) !== 0)
			throw invalid(path, "others may read the key in it; change its mode to 0600 or replace the key");
		text = await readFile(path, "latin1");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
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
	return names.every((name) => (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined);
}

function invalid(path: string, problem: string, cause?: unknown): ConecError {
	return new ConecError("STATE_DIRECTORY_INVALID", `Cannot use ${path}: ${problem}`, { cause });
}
