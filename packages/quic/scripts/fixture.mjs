// A copy of the package as it is published, around the fixture crate: what the tests of the loader and of the build script work on.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { ABI_VERSION } = createRequire(import.meta.url)("../native/target.cjs");
const PACKAGE = join(import.meta.dirname, "..");

const MANIFEST = `[package]
name = "conec-quic"
version = "0.1.0"
edition = "2021"

[lib]
name = "conec_quic"
crate-type = ["cdylib"]
`;

const LOCK = `version = 4

[[package]]
name = "conec-quic"
version = "0.1.0"
`;

/**
 * @param {{ after: (work: () => void) => void }} context the test's, which removes the copy
 * @param {{ abiVersion?: number, source?: string }} [options] what the addon answers, or its whole source
 */
export function packageCopy(context, options = {}) {
	const directory = mkdtempSync(join(tmpdir(), "conec-quic-"));
	context.after(() => rmSync(directory, { recursive: true, force: true }));
	const native = join(directory, "native");
	mkdirSync(join(native, "src"), { recursive: true });
	cpSync(join(PACKAGE, "package.json"), join(directory, "package.json"));
	cpSync(join(PACKAGE, "scripts"), join(directory, "scripts"), { recursive: true });
	for (const file of ["loader.cjs", "packages.cjs", "target.cjs"]) cpSync(join(PACKAGE, "native", file), join(native, file));
	writeFileSync(join(native, "Cargo.toml"), MANIFEST);
	writeFileSync(join(native, "Cargo.lock"), LOCK);
	writeFileSync(join(native, "build.rs"), "fn main() {}\n");
	const source = readFileSync(join(PACKAGE, "scripts", "fixture", "lib.rs"), "utf8");
	writeFileSync(
		join(native, "src", "lib.rs"),
		options.source ?? source.replace("ABI_VERSION: u32 = 1", `ABI_VERSION: u32 = ${options.abiVersion ?? ABI_VERSION}`),
	);
	return { directory, native };
}

/** A folder with a shell script called `cargo` in it, for PATH. */
export function fakeCargo(context, script) {
	const folder = mkdtempSync(join(tmpdir(), "conec-cargo-"));
	context.after(() => rmSync(folder, { recursive: true, force: true }));
	writeFileSync(join(folder, "cargo"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
	return folder;
}
