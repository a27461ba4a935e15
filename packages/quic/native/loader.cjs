"use strict";
// Finds the addon. Tries, in this order: $CONEC_QUIC_NATIVE_PATH, the optional package of this platform, native/prebuilds, native/build.

const { existsSync, readFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const { dirname, isAbsolute, join, resolve } = require("node:path");
const { ABI_VERSION, buildFile, currentTarget, packageName } = require("./target.cjs");

const BUILD_COMMAND = "npx @conec/quic build-native";
const DEFAULT_HINT = `Install Rust (https://rustup.rs) and a C compiler, then run: ${BUILD_COMMAND}`;

let loaded;

/**
 * Loads the addon once per process (or worker); a failure is not remembered, so a build that finishes later is found.
 *
 * @param {{ nativeDirectory?: string, env?: NodeJS.ProcessEnv, abiVersion?: number, resolveFrom?: string }} [overrides] for tests; a call with any of them bypasses the cache
 * @returns {{ ok: true, binding: any, source: string, version: string } | { ok: false, reason: string, hint: string, errors: string[] }}
 *   `source` is `env`, `package`, `prebuild` or `build`, a colon and the file; `version` is that of `@conec/quic`.
 *   `errors` has one line per candidate that was tried.
 */
function load(overrides) {
	const env = overrides?.env ?? process.env;
	if (env.CONEC_QUIC_NATIVE === "off") {
		return { ok: false, reason: "the addon is switched off by CONEC_QUIC_NATIVE=off", hint: "Unset CONEC_QUIC_NATIVE.", errors: [] };
	}
	if (overrides !== undefined) return search(overrides, env);
	loaded ??= search({}, env);
	const result = loaded;
	if (!result.ok) loaded = undefined;
	return result;
}

function search(overrides, env) {
	const nativeDirectory = overrides.nativeDirectory ?? __dirname;
	const expected = overrides.abiVersion ?? ABI_VERSION;
	const version = JSON.parse(readFileSync(join(__dirname, "..", "package.json"), "utf8")).version;
	const errors = [];
	for (const candidate of candidates(nativeDirectory, env, overrides.resolveFrom ?? __filename)) {
		const label = `${candidate.source} ${candidate.name}`;
		try {
			const file = candidate.locate(version);
			if (file === undefined) {
				errors.push(`${label}: not there`);
				continue;
			}
			const binding = require(file);
			const found = typeof binding.abiVersion === "function" ? binding.abiVersion() : undefined;
			if (found === expected) return { ok: true, binding, source: `${candidate.source}:${file}`, version };
			errors.push(`${label}: speaks ABI ${found ?? "(none)"}, but ${expected} is needed`);
		} catch (error) {
			errors.push(`${label}: ${error instanceof Error ? firstLine(error.message) : String(error)}`);
		}
	}
	return { ok: false, ...explain(nativeDirectory, errors), errors };
}

function candidates(nativeDirectory, env, resolveFrom) {
	const target = currentTarget();
	const list = [];
	const path = env.CONEC_QUIC_NATIVE_PATH;
	if (path) {
		const file = isAbsolute(path) ? path : resolve(path);
		list.push({ source: "env", name: `CONEC_QUIC_NATIVE_PATH=${path}`, locate: () => present(file) });
	}
	list.push({ source: "package", name: packageName(target), locate: (version) => fromPackage(packageName(target), version, resolveFrom) });
	const prebuild = join(nativeDirectory, "prebuilds", `${target}.node`);
	list.push({ source: "prebuild", name: prebuild, locate: () => present(prebuild) });
	list.push({ source: "build", name: join(nativeDirectory, "build"), locate: () => present(buildFile(nativeDirectory)) });
	return list;
}

function present(file) {
	return existsSync(file) ? file : undefined;
}

function fromPackage(name, version, resolveFrom) {
	let manifestFile;
	try {
		manifestFile = createRequire(resolveFrom).resolve(`${name}/package.json`);
	} catch (error) {
		if (error.code === "MODULE_NOT_FOUND") return undefined;
		throw error;
	}
	const manifest = JSON.parse(readFileSync(manifestFile, "utf8"));
	if (manifest.version !== version) throw new Error(`is version ${manifest.version}, but exactly ${version} is needed`);
	return join(dirname(manifestFile), manifest.main);
}

function explain(nativeDirectory, errors) {
	const tried = errors.filter((line) => !line.endsWith(": not there"));
	const status = readStatus(nativeDirectory);
	const base = `no usable binary of @conec/quic for ${currentTarget()}`;
	if (status !== undefined) return { reason: `${base}: ${status.reason}`, hint: status.hint };
	if (tried.length > 0) return { reason: `${base}: ${tried.join("; ")}`, hint: DEFAULT_HINT };
	return { reason: `${base}: there is no prebuilt package and it was not built here (install scripts may be disabled)`, hint: DEFAULT_HINT };
}

/** What the last build attempt wrote when it failed. */
function readStatus(nativeDirectory) {
	try {
		const status = JSON.parse(readFileSync(join(nativeDirectory, "build", "STATUS.json"), "utf8"));
		return typeof status.reason === "string" && typeof status.hint === "string" ? status : undefined;
	} catch {
		return undefined;
	}
}

function firstLine(text) {
	return text.split("\n", 1)[0];
}

module.exports = { load };
