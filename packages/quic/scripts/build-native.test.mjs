import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { buildNative } from "./build-native.mjs";
import { fakeCargo, packageCopy } from "./fixture.mjs";

const require = createRequire(import.meta.url);
const hasCargo = spawnSync("cargo", ["--version"]).status === 0;
const posix = process.platform !== "win32";
const needsCargo = hasCargo ? {} : { skip: "cargo is not installed" };
const needsShell = posix ? {} : { skip: "the fake cargo is a shell script" };
const quiet = { say: () => undefined };

test("build script: without cargo the install succeeds, says what is missing and leaves STATUS.json", (context) => {
	const { directory, native } = packageCopy(context);
	const run = script(directory, ["--if-missing"], { PATH: "/nonexistent" });
	assert.equal(run.status, 0, run.stderr);
	assert.match(run.stdout, /^@conec\/quic: there is no QUIC yet: cargo is not installed\. Install Rust .*\n$/);
	assert.match(run.stdout, /https:\/\/rustup\.rs/);
	const status = JSON.parse(readFileSync(join(native, "build", "STATUS.json"), "utf8"));
	assert.equal(status.reason, "cargo is not installed");
	assert.match(status.hint, /npx @conec\/quic build-native/);
	const loaded = require(join(native, "loader.cjs")).load();
	assert.equal(loaded.ok, false);
	assert.match(loaded.reason, /cargo is not installed$/);
	assert.equal(loaded.hint, status.hint);
});

test("build script: asked for by name, a build that cannot be done is a failing command", (context) => {
	const { directory } = packageCopy(context);
	const run = spawnSync(process.execPath, [join(directory, "scripts", "cli.mjs"), "build-native"], { env: { PATH: "/nonexistent" }, encoding: "utf8" });
	assert.equal(run.status, 1);
	assert.match(run.stdout, /cargo is not installed/);
});

test("build script: CONEC_QUIC_NATIVE=off builds nothing", (context) => {
	const { directory, native } = packageCopy(context);
	const run = script(directory, ["--if-missing"], { ...process.env, CONEC_QUIC_NATIVE: "off" });
	assert.equal(run.status, 0);
	assert.equal(existsSync(join(native, "build")), false);
});

test("build script: builds the addon once, the loader finds it, and a changed source is built again", needsCargo, async (context) => {
	const { directory, native } = packageCopy(context);
	const first = script(directory, ["--if-missing"], process.env);
	assert.equal(first.status, 0, first.stderr);
	assert.match(first.stdout, /building the native addon/);
	assert.match(first.stdout, /built .*\.node in \d+ s/);
	assert.equal(existsSync(join(native, "target")), false, "the intermediate files are removed outside the workspace");
	const loaded = require(join(native, "loader.cjs")).load();
	assert.equal(loaded.ok, true);
	assert.match(loaded.source, /^build:/);
	assert.match(script(directory, ["--if-missing"], process.env).stdout, /using the addon from build:/);

	writeFileSync(join(native, "src", "lib.rs"), `${readFileSync(join(native, "src", "lib.rs"), "utf8")}\n// changed\n`);
	const again = await buildNative({ nativeDirectory: native, ...quiet });
	assert.equal(again.ok, true);
	assert.notEqual(`build:${again.file}`, loaded.source);
});

test("build script: a failed build says the first error, and the next good one removes STATUS.json", needsCargo, async (context) => {
	const { native } = packageCopy(context, { source: "pub fn broken() -> u32 { missing }\n" });
	const failed = await buildNative({ nativeDirectory: native, ...quiet });
	assert.equal(failed.ok, false);
	assert.match(failed.reason, /^cargo failed: error.*cannot find value `missing`/);
	const good = packageCopy(context);
	writeFileSync(join(native, "src", "lib.rs"), readFileSync(join(good.native, "src", "lib.rs")));
	assert.equal((await buildNative({ nativeDirectory: native, ...quiet })).ok, true);
	assert.equal(existsSync(join(native, "build", "STATUS.json")), false);
});

test("build script: a library that is no addon is refused after the build", needsCargo, async (context) => {
	const { native } = packageCopy(context, { source: "pub fn nothing() {}\n" });
	const result = await buildNative({ nativeDirectory: native, ...quiet });
	assert.equal(result.ok, false);
	assert.match(result.reason, /^the addon was built but does not load: Error: Module did not self-register|does not load: /);
});

test("build script: an old Rust is named with the version that is needed", needsShell, async (context) => {
	const { native } = packageCopy(context);
	const result = await buildNative({ nativeDirectory: native, env: { PATH: fakeCargo(context, 'echo "cargo 1.70.0 (abc 2023-01-01)"') }, ...quiet });
	assert.deepEqual([result.ok, result.reason], [false, "Rust 1.70 is too old, 1.88 is needed"]);
});

test("build script: no network and no linker are told apart", needsShell, async (context) => {
	const { native } = packageCopy(context);
	const cargo = (message) => fakeCargo(context, `if [ "$1" = --version ]; then echo "cargo 1.95.0"; exit 0; fi\necho "${message}" >&2\nexit 101`);
	const offline = await buildNative({ nativeDirectory: native, env: { PATH: cargo("error: failed to download from https://index.crates.io") }, ...quiet });
	assert.match(offline.reason, /^cargo could not download the crates: error: failed to download/);
	const noLinker = await buildNative({ nativeDirectory: native, env: { PATH: cargo("error: linker 'cc' not found") }, ...quiet });
	assert.equal(noLinker.reason, "there is no C compiler or linker");
	assert.match(noLinker.hint, /build-essential/);
});

test("build script: a build that takes too long is ended with all its processes", needsShell, async (context) => {
	const { native } = packageCopy(context);
	const path = fakeCargo(context, 'if [ "$1" = --version ]; then echo "cargo 1.95.0"; exit 0; fi\n/bin/sleep 60');
	const started = performance.now();
	const result = await buildNative({ nativeDirectory: native, env: { PATH: path }, limitMs: 200, ...quiet });
	assert.equal(result.ok, false);
	assert.match(result.reason, /did not finish/);
	assert.ok(performance.now() - started < 10_000);
});

function script(directory, args, env) {
	return spawnSync(process.execPath, [join(directory, "scripts", "build-native.mjs"), ...args], { env, encoding: "utf8" });
}
