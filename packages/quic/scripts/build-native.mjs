// Builds the addon with cargo. `--if-missing` (the install script): only when no binary loads, and never with a failing exit code.

import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const { buildFile, currentTarget, sourceHash } = require("../native/target.cjs");
const { load } = require("../native/loader.cjs");

const NATIVE = join(import.meta.dirname, "..", "native");
const LIMIT_MS = 10 * 60 * 1_000;
const PROGRESS_MS = 5_000;
const MINIMUM_RUST = [1, 88];
const BUILD_COMMAND = "npx @conec/quic build-native";
const RUST_HINT = `Install Rust >= ${MINIMUM_RUST.join(".")} (https://rustup.rs) and a C compiler (Debian: apt-get install build-essential), then run: ${BUILD_COMMAND}`;

/**
 * Builds the addon for this machine into `native/build` and returns the file, or why it could not be done; then `native/build/STATUS.json` has the same.
 *
 * @param {{ nativeDirectory?: string, env?: NodeJS.ProcessEnv, limitMs?: number, say?: (line: string) => void }} [options]
 * @returns {Promise<{ ok: true, file: string } | { ok: false, reason: string, hint: string }>}
 */
export async function buildNative(options = {}) {
	const nativeDirectory = options.nativeDirectory ?? NATIVE;
	const env = options.env ?? process.env;
	const say = options.say ?? ((line) => console.log(`@conec/quic: ${line}`));
	const folder = join(nativeDirectory, "build");
	mkdirSync(folder, { recursive: true });
	const result = (await problemWithTools(env)) ?? (await compile(nativeDirectory, env, options.limitMs ?? LIMIT_MS, say));
	const statusFile = join(folder, "STATUS.json");
	if (result.ok) rmSync(statusFile, { force: true });
	else writeFileSync(statusFile, `${JSON.stringify({ reason: result.reason, hint: result.hint, sources: sourceHash(nativeDirectory) }, null, "\t")}\n`);
	return result;
}

async function problemWithTools(env) {
	const found = spawnSync("cargo", ["--version"], { env, encoding: "utf8" });
	if (found.error !== undefined) return { ok: false, reason: "cargo is not installed", hint: RUST_HINT };
	const version = /(\d+)\.(\d+)/.exec(found.stdout ?? "");
	if (found.status !== 0 || version === null) return { ok: false, reason: `cargo does not run: ${lastLine(found.stderr)}`, hint: RUST_HINT };
	const [major, minor] = [Number(version[1]), Number(version[2])];
	if (major < MINIMUM_RUST[0] || (major === MINIMUM_RUST[0] && minor < MINIMUM_RUST[1])) {
		return { ok: false, reason: `Rust ${major}.${minor} is too old, ${MINIMUM_RUST.join(".")} is needed`, hint: RUST_HINT };
	}
	return undefined;
}

async function compile(nativeDirectory, env, limitMs, say) {
	const target = join(nativeDirectory, "target");
	const started = performance.now();
	const seconds = () => Math.round((performance.now() - started) / 1_000);
	say(`building the native addon for ${currentTarget()} with cargo (about a minute on two cores) ...`);
	// `--target-dir` and not the variable: what the user's environment says must not move the output.
	const args = [
		"build",
		"--release",
		"--locked",
		"--lib",
		"--target-dir",
		target,
		"--message-format",
		"json",
		"--manifest-path",
		join(nativeDirectory, "Cargo.toml"),
	];
	const child = spawn("cargo", args, { env: cargoEnvironment(env), stdio: ["ignore", "pipe", "pipe"], detached: process.platform !== "win32" });
	const state = { compiled: 0, started: new Set(), note: "", errors: [], library: "" };
	createInterface({ input: child.stdout }).on("line", (line) => readMessage(line, state));
	createInterface({ input: child.stderr }).on("line", (line) => {
		const step = /^\s*(Compiling|Downloading|Downloaded|Updating|Blocking) (\S*)(.*)/.exec(line);
		if (step?.[1] === "Compiling") state.started.add(step[2]);
		else if (step !== null) state.note = line.trim().toLowerCase();
		else if (line.trim() !== "" && !/^\s*(Finished|Locking|warning)/.test(line)) state.errors.push(line);
	});
	const progress = setInterval(() => say(`${seconds()} s, ${state.compiled} crates done, ${activity(state)}`), PROGRESS_MS);
	let timedOut = false;
	const limit = setTimeout(() => {
		timedOut = true;
		killTree(child);
	}, limitMs);
	const stop = () => killTree(child);
	process.once("SIGINT", stop).once("SIGTERM", stop);
	const code = await new Promise((resolve) => {
		child.on("error", (error) => {
			state.errors.push(error.message);
			resolve(-1);
		});
		child.on("close", resolve);
	});
	clearInterval(progress);
	clearTimeout(limit);
	process.off("SIGINT", stop).off("SIGTERM", stop);
	if (timedOut)
		return {
			ok: false,
			reason: `cargo did not finish within ${Math.round(limitMs / 1_000)} s`,
			hint: `Run it again, it goes on where it stopped: ${BUILD_COMMAND}`,
		};
	if (code !== 0 || state.library === "") return failure(state.errors, code);
	const result = install(nativeDirectory, state.library, say, seconds());
	// 170 MB of intermediate files are worth keeping only for somebody who works on the addon.
	if (result.ok && !isWorkspaceCheckout()) rmSync(target, { recursive: true, force: true });
	return result;
}

function readMessage(line, state) {
	let message;
	try {
		message = JSON.parse(line);
	} catch {
		return;
	}
	if (message.reason === "compiler-artifact" && !message.target?.kind?.includes("custom-build")) {
		state.compiled += 1;
		state.started.delete(/#(.*)@/.exec(message.package_id)?.[1]);
		if (message.target?.name === "conec_quic") state.library = message.filenames.find((name) => /\.(so|dylib|dll)$/.test(name)) ?? "";
	} else if (message.reason === "compiler-message" && message.message?.level === "error") {
		state.errors.push(...String(message.message.rendered).split("\n"));
	}
}

function activity(state) {
	const newest = [...state.started].at(-1);
	if (newest === undefined) return state.note;
	// Its own name comes early, with its build script; when it is the only one left, the whole program is optimised at once.
	return state.started.size === 1 && newest === "conec-quic" ? "optimising and linking the addon" : `compiling ${newest}`;
}

/** musl targets link statically by default, and a static library cannot be loaded into Node. */
function cargoEnvironment(env) {
	if (!currentTarget().endsWith("-musl")) return env;
	return { ...env, RUSTFLAGS: `${env.RUSTFLAGS ?? ""} -C target-feature=-crt-static`.trim() };
}

function install(nativeDirectory, library, say, seconds) {
	const file = buildFile(nativeDirectory);
	// Copy and rename: another process never sees half a file.
	const partial = `${file}.${process.pid}`;
	copyFileSync(library, partial);
	renameSync(partial, file);
	// In a process of its own: a binary that crashes while it loads must not take the installation with it.
	const probe = spawnSync(process.execPath, ["-e", "process.exit(typeof require(process.argv[1]).abiVersion() === 'number' ? 0 : 1)", file], {
		encoding: "utf8",
	});
	if (probe.status !== 0) {
		rmSync(file, { force: true });
		const line = (probe.stderr ?? "").split("\n").find((text) => /Error/.test(text)) ?? `exit ${probe.status ?? probe.signal}`;
		return { ok: false, reason: `the addon was built but does not load: ${line}`, hint: RUST_HINT };
	}
	removeOld(dirname(file));
	say(`built ${file} in ${seconds} s`);
	return { ok: true, file };
}

/** Keeps the three newest builds: somebody who goes back a commit need not build again. */
function removeOld(folder) {
	const builds = readdirSync(folder).filter((name) => name.endsWith(".node"));
	const byAge = builds.map((name) => ({ path: join(folder, name), at: statSync(join(folder, name)).mtimeMs })).sort((a, b) => b.at - a.at);
	for (const old of byAge.slice(3)) {
		try {
			rmSync(old.path);
		} catch {
			// Windows keeps a loaded library; it goes next time.
		}
	}
}

function failure(errors, code) {
	const text = errors.join("\n");
	const first = errors.find((line) => /^error/.test(line)) ?? errors.at(-1) ?? `cargo ended with code ${code}`;
	if (/linker .* not found|failed to find tool|program not found/i.test(text))
		return { ok: false, reason: "there is no C compiler or linker", hint: RUST_HINT };
	if (/failed to (download|fetch|get)|Could not resolve host|network failure|spurious network/i.test(text)) {
		return {
			ok: false,
			reason: `cargo could not download the crates: ${first}`,
			hint: `Check the connection to https://index.crates.io, then run: ${BUILD_COMMAND}`,
		};
	}
	return {
		ok: false,
		reason: `cargo failed: ${first}`,
		hint: `See the whole output: cargo build --release --locked --lib --manifest-path ${join(NATIVE, "Cargo.toml")}`,
	};
}

function killTree(child) {
	try {
		// The group, so that rustc goes with cargo.
		if (process.platform === "win32") spawnSync("taskkill", ["/pid", String(child.pid), "/t", "/f"]);
		else process.kill(-child.pid, "SIGKILL");
	} catch {
		// Already gone.
	}
}

function lastLine(text) {
	return (text ?? "").trim().split("\n").at(-1);
}

/** Inside the development workspace the root's `prepare` builds, because npm shows the output of that one only. */
function isWorkspaceCheckout() {
	try {
		return require("../../../package.json").name === "conec-workspace";
	} catch {
		return false;
	}
}

/** @param {readonly string[]} args @returns {Promise<number>} the exit code */
export async function main(args) {
	const ifMissing = args.includes("--if-missing");
	if (args.includes("--from-install") && isWorkspaceCheckout()) return 0;
	if (process.env.CONEC_QUIC_NATIVE === "off") {
		console.log("@conec/quic: CONEC_QUIC_NATIVE=off, nothing is built");
		return 0;
	}
	if (ifMissing) {
		const present = load();
		if (present.ok) {
			console.log(`@conec/quic: using the addon from ${present.source}`);
			return 0;
		}
	}
	const result = await buildNative();
	if (result.ok) return 0;
	console.log(
		// One line: installers show little of what an install script says.
		`@conec/quic: there is no QUIC yet: ${result.reason}. ${result.hint}`,
	);
	return ifMissing ? 0 : 1;
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) process.exitCode = await main(process.argv.slice(2));
