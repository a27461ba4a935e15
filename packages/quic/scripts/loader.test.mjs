import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { before, test } from "node:test";
import { buildNative } from "./build-native.mjs";
import { packageCopy } from "./fixture.mjs";
import { packPrebuild, releaseManifest } from "./pack-prebuild.mjs";

const require = createRequire(import.meta.url);
const { ABI_VERSION, PREBUILT, currentTarget, packageName } = require("../native/target.cjs");
const version = require("../package.json").version;
const hasCargo = spawnSync("cargo", ["--version"]).status === 0;
const needsCargo = hasCargo ? {} : { skip: "cargo is not installed" };
const cleanups = [];

/** Two binaries of the fixture: one that answers the ABI the loader wants, one that does not. */
let good = "";
let wrong = "";

before(async () => {
	if (!hasCargo) return;
	const context = { after: (work) => cleanups.push(work) };
	[good, wrong] = await Promise.all(
		[ABI_VERSION, 999].map(async (abiVersion) => {
			const { native } = packageCopy(context, { abiVersion });
			const result = await buildNative({ nativeDirectory: native, say: () => undefined });
			assert.ok(result.ok, result.reason);
			return result.file;
		}),
	);
});

process.on("exit", () => {
	for (const work of cleanups) work();
});

test("loader: CONEC_QUIC_NATIVE=off is final, whatever else is there", (context) => {
	const { native } = packageCopy(context);
	const result = loader(native).load({ env: { CONEC_QUIC_NATIVE: "off", CONEC_QUIC_NATIVE_PATH: good } });
	assert.deepEqual(result, { ok: false, reason: "the addon is switched off by CONEC_QUIC_NATIVE=off", hint: "Unset CONEC_QUIC_NATIVE.", errors: [] });
});

test("loader: nothing there is a reason, a hint and one line per place, not an exception", (context) => {
	const { native } = packageCopy(context);
	const result = loader(native).load({ env: {} });
	assert.equal(result.ok, false);
	assert.match(result.reason, new RegExp(`no usable binary of @conec/quic for ${currentTarget()}: there is no prebuilt package`));
	assert.match(result.hint, /npx @conec\/quic build-native/);
	assert.deepEqual(
		result.errors.map((line) => line.split(" ", 1)[0]),
		["package", "prebuild", "build"],
	);
});

test("loader: CONEC_QUIC_NATIVE_PATH wins", needsCargo, (context) => {
	const { native } = packageCopy(context);
	const result = loader(native).load({ env: { CONEC_QUIC_NATIVE_PATH: good } });
	assert.equal(result.ok, true);
	assert.equal(result.source, `env:${good}`);
	assert.equal(result.version, version);
	assert.equal(result.binding.abiVersion(), ABI_VERSION);
});

test("loader: a binary with another ABI is passed over for the next candidate", needsCargo, (context) => {
	const { native } = packageCopy(context);
	mkdirSync(join(native, "prebuilds"));
	const prebuild = join(native, "prebuilds", `${currentTarget()}.node`);
	copyFileSync(good, prebuild);
	const result = loader(native).load({ env: { CONEC_QUIC_NATIVE_PATH: wrong } });
	assert.equal(result.ok, true);
	assert.equal(result.source, `prebuild:${prebuild}`);
});

test("loader: only binaries with another ABI are a failure that names both numbers", needsCargo, (context) => {
	const { native } = packageCopy(context);
	const result = loader(native).load({ env: { CONEC_QUIC_NATIVE_PATH: wrong } });
	assert.equal(result.ok, false);
	assert.match(result.reason, new RegExp(`speaks ABI 999, but ${ABI_VERSION} is needed`));
	assert.match(result.errors[0], /^env CONEC_QUIC_NATIVE_PATH=.* speaks ABI 999/);
});

test("loader: a file that is no library is a line in errors", (context) => {
	const { native } = packageCopy(context);
	mkdirSync(join(native, "prebuilds"));
	writeFileSync(join(native, "prebuilds", `${currentTarget()}.node`), "not a library");
	const result = loader(native).load({ env: {} });
	assert.equal(result.ok, false);
	assert.match(result.errors[1], /^prebuild .*: .+/);
});

test("loader: a failure is not remembered, a success is", needsCargo, (context) => {
	const { native } = packageCopy(context);
	const { load } = loader(native);
	assert.equal(load().ok, false);
	mkdirSync(join(native, "prebuilds"));
	copyFileSync(good, join(native, "prebuilds", `${currentTarget()}.node`));
	const result = load();
	assert.equal(result.ok, true);
	assert.equal(load(), result);
});

test("prebuilt package: the loader takes it only at its own exact version", needsCargo, (context) => {
	const { directory, native } = packageCopy(context);
	const scope = join(directory, "node_modules");
	const folder = packPrebuild({ target: currentTarget(), binary: good, out: join(directory, "npm") });
	const installed = join(scope, packageName(currentTarget()));
	mkdirSync(installed, { recursive: true });
	for (const file of ["package.json", "conec-quic.node"]) copyFileSync(join(folder, file), join(installed, file));
	const result = loader(native).load({ env: {} });
	assert.equal(result.ok, true, JSON.stringify(result));
	assert.match(result.source, /^package:.*conec-quic\.node$/);

	const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
	writeFileSync(join(installed, "package.json"), JSON.stringify({ ...manifest, version: "9.9.9" }));
	const other = loader(native).load({ env: {} });
	assert.equal(other.ok, false);
	assert.match(other.reason, /is version 9\.9\.9, but exactly .* is needed/);
});

test("prebuilt package: os, cpu and libc are what npm compares, for every target", (context) => {
	const { directory } = packageCopy(context);
	const binary = join(directory, "package.json");
	const expected = {
		"linux-x64": [["linux"], ["x64"], ["glibc"]],
		"linux-arm64": [["linux"], ["arm64"], ["glibc"]],
		"linux-x64-musl": [["linux"], ["x64"], ["musl"]],
		"linux-arm64-musl": [["linux"], ["arm64"], ["musl"]],
		"darwin-x64": [["darwin"], ["x64"], undefined],
		"darwin-arm64": [["darwin"], ["arm64"], undefined],
		"win32-x64": [["win32"], ["x64"], undefined],
	};
	assert.deepEqual(Object.keys(PREBUILT).sort(), Object.keys(expected).sort());
	for (const [target, [os, cpu, libc]] of Object.entries(expected)) {
		const folder = packPrebuild({ target, binary, out: join(directory, "npm"), repository: "owner/name" });
		const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
		assert.deepEqual([manifest.os, manifest.cpu, manifest.libc], [os, cpu, libc]);
		assert.equal(manifest.name, `@conec/quic-${target}`);
		assert.equal(manifest.version, version);
		assert.equal(manifest.license, "Apache-2.0");
		assert.equal(manifest.repository.url, "git+https://github.com/owner/name.git");
		assert.match(readFileSync(join(folder, "LICENSE"), "utf8"), /Apache License/);
	}
});

test("prebuilt package: an unknown target is refused", () => {
	assert.throws(() => packPrebuild({ target: "plan9-mips", binary: "x" }), RangeError);
});

test("release manifest: names every platform package at the exact version, and the repository keeps none", () => {
	const manifest = require("../package.json");
	assert.equal(manifest.optionalDependencies, undefined);
	const released = releaseManifest(manifest, { prebuilt: true, repository: "owner/name" });
	assert.deepEqual(Object.keys(released.optionalDependencies).sort(), Object.keys(PREBUILT).map(packageName).sort());
	for (const range of Object.values(released.optionalDependencies)) assert.equal(range, version);
	assert.equal(releaseManifest(manifest, { prebuilt: false }).optionalDependencies, undefined);
});

function loader(native) {
	return require(join(native, "loader.cjs"));
}

test("loader: where Node may not load addons, it says which flag is in the way, and not to install Rust", needsCargo, (context) => {
	const { native } = packageCopy(context);
	const said = inProcess(native, ["--no-addons"], { CONEC_QUIC_NATIVE_PATH: good });
	assert.equal(said.ok, false);
	assert.match(said.reason, /may not load native addons, because Node was started with --no-addons$/);
	assert.match(said.hint, /^Start Node without --no-addons\. It may also be in NODE_OPTIONS/);
	assert.doesNotMatch(said.hint, /Rust/);
	const byEnvironment = inProcess(native, [], { CONEC_QUIC_NATIVE_PATH: good, NODE_OPTIONS: "--no-addons" });
	assert.equal(byEnvironment.reason, said.reason);
});

test("loader: under Node's permission model it says what to pass, and with that it loads", needsCargo, (context) => {
	const { directory, native } = packageCopy(context);
	const read = (place) => `--allow-fs-read=${place}`;
	const own = read(join(directory, "*"));
	const env = { CONEC_QUIC_NATIVE_PATH: good };
	const [noAddons, hidden, allowed] = [[read("*")], [own, "--allow-addons"], [read("*"), "--allow-addons"]].map((flags) =>
		inProcess(native, [PERMISSION, ...flags], env),
	);
	for (const said of [noAddons, hidden]) {
		assert.equal(said.ok, false);
		assert.match(said.reason, /Node's permission model does not let this process load it$/);
		assert.equal(said.hint, `Start Node with --allow-addons beside ${PERMISSION}, and let it read the addon: --allow-fs-read=${good}`);
	}
	assert.equal(allowed.ok, true, JSON.stringify(allowed));
	// Without that variable, what must be read is where npm puts packages.
	const places = inProcess(native, [PERMISSION, own], { CONEC_QUIC_NATIVE_PATH: "" });
	assert.match(places.hint, /--allow-fs-read=.*\*$/);
});

test("loader: a failure that has nothing to do with flags is told as before, under the permission model too", needsCargo, (context) => {
	const { native } = packageCopy(context);
	const said = inProcess(native, [PERMISSION, "--allow-fs-read=*", "--allow-addons"], { CONEC_QUIC_NATIVE_PATH: wrong });
	assert.match(said.reason, /speaks ABI 999/);
	assert.match(said.hint, /Rust/);
});

test("prebuilt package: the loader names each one for bundlers, with its version, and lets each be missing", () => {
	const source = readFileSync(new URL("../native/packages.cjs", import.meta.url), "utf8");
	for (const target of Object.keys(PREBUILT)) {
		const name = packageName(target);
		assert.ok(source.includes(`case "${target}":\n\t\t\t\tcheck(require("${name}/package.json").version);\n\t\t\t\treturn require("${name}");`), target);
	}
	assert.equal(source.match(/\bcase "/g).length, Object.keys(PREBUILT).length);
	assert.equal(source.match(/\brequire\("/g).length, 2 * Object.keys(PREBUILT).length);
	const { fromPackage } = require("../native/packages.cjs");
	for (const target of [...Object.keys(PREBUILT), "plan9-mips"]) assert.equal(fromPackage(target, assert.fail), undefined);
});

const PERMISSION = Number(process.versions.node.split(".")[0]) < 22 ? "--experimental-permission" : "--permission";

/** What the loader answers in a process with these flags. */
function inProcess(native, flags, env) {
	const loaderFile = JSON.stringify(join(native, "loader.cjs"));
	const { stdout, stderr } = spawnSync(
		process.execPath,
		[...flags, "--input-type=commonjs", "-e", `const { binding, ...said } = require(${loaderFile}).load(); console.log(JSON.stringify(said))`],
		{ encoding: "utf8", env: { ...process.env, NODE_OPTIONS: "", ...env } },
	);
	assert.notEqual(stdout, "", stderr);
	return JSON.parse(stdout);
}
