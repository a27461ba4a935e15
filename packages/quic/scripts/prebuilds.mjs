// Makes the packages of platforms: `npm run prebuilds`, `npm run prebuilds -- linux-x64 linux-arm64-musl --out folder`.
// For each target: builds the addon, checks what it asks of a machine, loads it where that is this machine's, and packs it.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, realpathSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compareVersions, readElf } from "./elf.mjs";
import { packPrebuild } from "./pack-prebuild.mjs";

const { PREBUILT, currentTarget } = createRequire(import.meta.url)("../native/target.cjs");
const NATIVE = join(import.meta.dirname, "..", "native");
/** Linked for this one, which is older than any that Node 20 runs on. */
const GLIBC = "2.17";
/** Which libraries one may need, beside the C library itself. Others may be absent in a small container. */
const LIBRARIES = /^(libc|libm|libdl|libpthread|librt|libgcc_s|ld-linux.*)\.(so|so\.\d+)$|^libc\.musl/;
const LIBRARY_OF = { linux: "libconec_quic.so", darwin: "libconec_quic.dylib", win32: "conec_quic.dll" };

/**
 * @param {{ target: string, out: string, targetDirectory: string }} options
 * @returns {{ ok: true, tarball: string, says: string } | { ok: false, reason: string }}
 */
export function makePrebuild({ target, out, targetDirectory }) {
	const platform = PREBUILT[target];
	if (platform === undefined) return { ok: false, reason: `there is no such target. There are ${Object.keys(PREBUILT).join(", ")}` };
	if (platform.os !== process.platform) return { ok: false, reason: `it is built on ${platform.os} only` };
	const failure = compile(platform, targetDirectory);
	if (failure !== undefined) return { ok: false, reason: failure };
	const binary = join(targetDirectory, platform.triple, "release", LIBRARY_OF[platform.os]);
	const problem = platform.os === "linux" ? problemOfElf(platform, binary) : undefined;
	if (problem !== undefined) return { ok: false, reason: problem };
	const folder = packPrebuild({ target, binary, repository: process.env.GITHUB_REPOSITORY });
	const addon = join(folder, "conec-quic.node");
	const loads = target === currentTarget() ? problemOfLoading(addon) : undefined;
	if (loads !== undefined) return { ok: false, reason: loads };
	mkdirSync(out, { recursive: true });
	const packed = npm(["pack", "--silent", "--pack-destination", out], folder);
	if (packed.status !== 0) return { ok: false, reason: `npm pack ended with code ${packed.status}` };
	return { ok: true, tarball: join(out, packed.stdout.trim().split("\n").at(-1)), says: saysOf(platform, addon, target) };
}

/** Zig links for an old C library and for other processors. Without it only this machine's own target can be built, for the C library that is here. */
function compile(platform, targetDirectory) {
	const zig = platform.os === "linux" && spawnSync("cargo-zigbuild", ["--version"]).status === 0;
	const triple = zig && platform.libc === "glibc" ? `${platform.triple}.${GLIBC}` : platform.triple;
	const args = [zig ? "zigbuild" : "build", "--release", "--locked", "--lib", "--manifest-path", join(NATIVE, "Cargo.toml")];
	// musl targets link statically by default, and a static library cannot be loaded into Node.
	const flags = platform.libc === "musl" ? { RUSTFLAGS: `${process.env.RUSTFLAGS ?? ""} -C target-feature=-crt-static`.trim() } : {};
	const run = spawnSync("cargo", [...args, "--target", triple, "--target-dir", targetDirectory], {
		stdio: "inherit",
		env: { ...process.env, ...flags },
	});
	if (run.error !== undefined) return "cargo is not installed: https://rustup.rs";
	if (run.status === 0) return undefined;
	const without = zig || platform.os !== "linux" ? "" : ", and cargo-zigbuild (pip install cargo-zigbuild ziglang)";
	return `cargo ended with code ${run.status}. It needs the target (rustup target add ${platform.triple})${without}`;
}

function problemOfElf(platform, binary) {
	const { cpu, glibc, libraries } = readElf(binary);
	if (cpu !== platform.cpu) return `it is made for ${cpu}`;
	if (platform.libc === "musl" && glibc !== undefined) return `it needs glibc ${glibc}`;
	if (platform.libc === "glibc" && glibc !== undefined && compareVersions(glibc, GLIBC) > 0) {
		return `it needs glibc ${glibc}, and ${GLIBC} is promised. Install cargo-zigbuild and zig (pip install cargo-zigbuild ziglang)`;
	}
	const strange = libraries.filter((name) => !LIBRARIES.test(name));
	return strange.length > 0 ? `it needs ${strange.join(", ")}` : undefined;
}

function problemOfLoading(file) {
	const cli = join(import.meta.dirname, "cli.mjs");
	const run = spawnSync(process.execPath, [cli, "status"], { env: { ...process.env, CONEC_QUIC_NATIVE_PATH: file }, encoding: "utf8" });
	return run.stdout.includes("uses env:") ? undefined : `it does not load: ${run.stdout}`;
}

function saysOf(platform, addon, target) {
	const needs = platform.os === "linux" ? readElf(addon) : undefined;
	const library = needs === undefined ? "" : needs.glibc === undefined ? `, ${platform.libc}` : `, glibc >= ${needs.glibc}`;
	return `${(statSync(addon).size / 1_048_576).toFixed(1)} MiB${library}${target === currentTarget() ? ", loads here" : ", not loaded: this machine is another"}`;
}

function npm(args, cwd) {
	return spawnSync("npm", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], shell: process.platform === "win32" });
}

function main() {
	const { values, positionals } = parseArgs({ allowPositionals: true, options: { out: { type: "string" }, "target-dir": { type: "string" } } });
	const out = resolve(values.out ?? join(import.meta.dirname, "..", "..", "..", ".tmp", "prebuilds"));
	const targetDirectory = resolve(values["target-dir"] ?? join(NATIVE, "target"));
	const targets = positionals.length > 0 ? positionals : Object.keys(PREBUILT).filter((target) => PREBUILT[target].os === process.platform);
	const results = targets.map((target) => {
		console.log(`\n== ${target}`);
		return { target, result: makePrebuild({ target, out, targetDirectory }) };
	});
	console.log("");
	for (const { target, result } of results) {
		const line = result.ok ? `ok   ${target.padEnd(17)} ${result.says}: ${result.tarball}` : `FAIL ${target.padEnd(17)} ${result.reason}`;
		console.log(line);
	}
	return results.every(({ result }) => result.ok) ? 0 : 1;
}

if (process.argv[1] !== undefined && existsSync(process.argv[1]) && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) process.exitCode = main();
