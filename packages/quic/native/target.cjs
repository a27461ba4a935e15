"use strict";
// What this machine is, and what the addon's sources are: shared by the loader, the build script and the packer.

// See `loader.cjs`, which may be part of a bundle together with this file.
const { createHash } = process.getBuiltinModule("node:crypto");
const { readdirSync, readFileSync } = process.getBuiltinModule("node:fs");
const { join } = process.getBuiltinModule("node:path");

/**
 * The number that `abiVersion()` of the binary must return. It changes with every incompatible change of the native surface, here and in `src/bridge/addon.rs` at once.
 */
const ABI_VERSION = 6;

/** Targets that have a prebuilt package, with what npm needs to choose between them and what cargo calls them. */
const PREBUILT = {
	"linux-x64": { os: "linux", cpu: "x64", libc: "glibc", triple: "x86_64-unknown-linux-gnu" },
	"linux-arm64": { os: "linux", cpu: "arm64", libc: "glibc", triple: "aarch64-unknown-linux-gnu" },
	"linux-x64-musl": { os: "linux", cpu: "x64", libc: "musl", triple: "x86_64-unknown-linux-musl" },
	"linux-arm64-musl": { os: "linux", cpu: "arm64", libc: "musl", triple: "aarch64-unknown-linux-musl" },
	"darwin-x64": { os: "darwin", cpu: "x64", triple: "x86_64-apple-darwin" },
	"darwin-arm64": { os: "darwin", cpu: "arm64", triple: "aarch64-apple-darwin" },
	"win32-x64": { os: "win32", cpu: "x64", triple: "x86_64-pc-windows-msvc" },
};

/** `<platform>-<arch>`, with `-musl` where the C library is musl. */
function currentTarget() {
	const base = `${process.platform}-${process.arch}`;
	return process.platform === "linux" && isMusl() ? `${base}-musl` : base;
}

function packageName(target) {
	return `@conec/quic-${target}`;
}

/** Twelve hex digits that change whenever something that goes into the binary changes. */
function sourceHash(nativeDirectory) {
	const hash = createHash("sha256");
	for (const file of ["Cargo.toml", "Cargo.lock", "build.rs", ...rustFiles(nativeDirectory, "src")]) {
		hash.update(`${file}\0`);
		hash.update(readFileSync(join(nativeDirectory, file)));
		hash.update("\0");
	}
	return hash.digest("hex").slice(0, 12);
}

/** Where a build of the present sources for this machine belongs. */
function buildFile(nativeDirectory) {
	return join(nativeDirectory, "build", `${currentTarget()}-${sourceHash(nativeDirectory)}.node`);
}

function rustFiles(nativeDirectory, folder) {
	return readdirSync(join(nativeDirectory, folder), { withFileTypes: true })
		.sort((a, b) => (a.name < b.name ? -1 : 1))
		.flatMap((entry) => {
			const path = `${folder}/${entry.name}`;
			if (entry.isDirectory()) return rustFiles(nativeDirectory, path);
			return entry.name.endsWith(".rs") ? [path] : [];
		});
}

function isMusl() {
	// The report lists network interfaces unless told not to, which can take seconds behind a slow resolver.
	process.report.excludeNetwork = true;
	return process.report.getReport().header.glibcVersionRuntime === undefined;
}

module.exports = { ABI_VERSION, PREBUILT, buildFile, currentTarget, packageName, sourceHash };
