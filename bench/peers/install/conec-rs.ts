/**
 * Builds the original crate `conec` 0.2.0 with our driver (`conec-rs/`). Its sources are fetched into `.tmp`, where quinn is patched; the repository has no copy.
 *
 * @module
 */

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../build.ts";
import { PATCHED_FILE, patchedQuinn, withoutFileChecksums } from "./quinn-patch.ts";

const CRATE = join(import.meta.dirname, "..", "conec-rs");

/** Where the program is once it is built, whether it is or not. */
export function conecRsProgram(root: string): string {
	return join(workOf(root), "target", "release", process.platform === "win32" ? "conec-rs.exe" : "conec-rs");
}

/**
 * Fetches, patches and builds. What is there already is not fetched again.
 *
 * @throws Error when cargo is missing or fails.
 */
export async function installConecRs(root: string): Promise<void> {
	const vendor = join(workOf(root), "vendor");
	const manifest = ["--locked", "--manifest-path", join(CRATE, "Cargo.toml")];
	const crate = join(vendor, "quinn-0.6.2");
	const unix = join(crate, PATCHED_FILE);
	if (!existsSync(unix)) {
		// With the user's own registry, if there is one.
		await run("cargo", ["vendor", "--quiet", "--respect-source-config", "--versioned-dirs", ...manifest, vendor], root).catch((error: Error) => {
			rmSync(vendor, { recursive: true, force: true });
			throw error;
		});
	}
	patchFile(unix, patchedQuinn);
	patchFile(join(crate, ".cargo-checksum.json"), withoutFileChecksums);
	const sources = ["source.crates-io.replace-with='peers'", `source.peers.directory=${JSON.stringify(vendor)}`].flatMap((setting) => ["--config", setting]);
	await run("cargo", ["build", "--quiet", "--release", "--offline", ...sources, ...manifest, "--target-dir", join(workOf(root), "target")], root);
}

function workOf(root: string): string {
	return join(root, ".tmp", "peers", "conec-rs");
}

function patchFile(file: string, patch: (text: string) => string): void {
	const text = readFileSync(file, "utf8");
	const patched = patch(text);
	// An unchanged file keeps its time, so that cargo does not build it again.
	if (patched !== text) writeFileSync(file, patched);
}
