"use strict";
// Finds the addon. Tries, in this order: $CONEC_QUIC_NATIVE_PATH, the optional package of this platform, native/prebuilds, native/build.

// A bundler may have put this file into another one. `getBuiltinModule` works there, too: an ES module has no `require`.
const { existsSync, readFileSync } = process.getBuiltinModule("node:fs");
const { createRequire } = process.getBuiltinModule("node:module");
const { basename, dirname, isAbsolute, join, resolve } = process.getBuiltinModule("node:path");
const { fromPackage } = require("./packages.cjs");
const { ABI_VERSION, buildFile, currentTarget, packageName } = require("./target.cjs");
const { version } = require("../package.json");

/** Where this file is, if it is a file of its own. In a bundle there is nothing beside it. */
const OWN_FILE = isOwnFile() ? __filename : undefined;
const BUILD_COMMAND = "npx @conec/quic build-native";
const DEFAULT_HINT = `Install Rust (https://rustup.rs) and a C compiler, then run: ${BUILD_COMMAND}`;
const BUNDLE_HINT =
	"Keep @conec/quic out of the bundle (esbuild: --external:@conec/quic, webpack: externals, Vite: ssr.external) and install it beside the program, or set CONEC_QUIC_NATIVE_PATH to the file of the addon. See docs/bundlers.md.";
const BUNDLED = "a bundler has put @conec/quic into this program, and the addon is not beside it";

let loaded;

/**
 * Loads the addon once per process (or worker); a failure is not remembered, so a build that finishes later is found.
 *
 * @param {{ nativeDirectory?: string, env?: NodeJS.ProcessEnv, abiVersion?: number }} [overrides] for tests; a call with any of them bypasses the cache
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
	const nativeDirectory = overrides.nativeDirectory ?? (OWN_FILE === undefined ? undefined : dirname(OWN_FILE));
	const expected = overrides.abiVersion ?? ABI_VERSION;
	const errors = [];
	/** The error codes of Node among them. */
	const codes = new Set();
	for (const candidate of candidates(nativeDirectory, env)) {
		const label = `${candidate.source} ${candidate.name}`;
		try {
			const found = candidate.load();
			if (found === undefined) {
				errors.push(`${label}: not there`);
				continue;
			}
			const { binding, file } = found;
			const abi = typeof binding.abiVersion === "function" ? binding.abiVersion() : undefined;
			if (abi === expected) return { ok: true, binding, source: `${candidate.source}:${file}`, version };
			errors.push(`${label}: ${abi === undefined ? notAnAddon(binding) : `speaks ABI ${abi}, but ${expected} is needed`}`);
		} catch (error) {
			codes.add(error?.code);
			errors.push(`${label}: ${firstLine(String(error?.message ?? error))}`);
		}
	}
	return { ok: false, ...explain(nativeDirectory, errors, codes, env), errors };
}

function candidates(nativeDirectory, env) {
	const target = currentTarget();
	const list = [];
	const path = env.CONEC_QUIC_NATIVE_PATH;
	if (path) {
		const file = isAbsolute(path) ? path : resolve(path);
		list.push({ source: "env", name: `CONEC_QUIC_NATIVE_PATH=${path}`, load: () => fromFile(file) });
	}
	list.push({ source: "package", name: packageName(target), load: () => installed(target) });
	if (nativeDirectory === undefined) return list;
	const prebuild = join(nativeDirectory, "prebuilds", `${target}.node`);
	list.push({ source: "prebuild", name: prebuild, load: () => fromFile(prebuild) });
	list.push({ source: "build", name: join(nativeDirectory, "build"), load: () => fromFile(buildFile(nativeDirectory)) });
	return list;
}

function fromFile(file) {
	// No bundler may try to follow it.
	return existsSync(file) ? { file, binding: createRequire(file)(file) } : undefined;
}

/** The optional package of this platform, at exactly this version. */
function installed(target) {
	const name = packageName(target);
	const check = (found) => {
		if (found !== version) throw new Error(`is version ${found}, but exactly ${version} is needed`);
	};
	if (OWN_FILE === undefined) {
		const binding = fromPackage(target, check);
		return binding === undefined ? undefined : { file: name, binding };
	}
	let manifestFile;
	try {
		manifestFile = createRequire(OWN_FILE).resolve(`${name}/package.json`);
	} catch (error) {
		if (error.code === "MODULE_NOT_FOUND") return undefined;
		throw error;
	}
	// Read each time: a version that does not fit may be replaced while the process runs.
	const manifest = JSON.parse(readFileSync(manifestFile, "utf8"));
	check(manifest.version);
	return fromFile(join(dirname(manifestFile), manifest.main));
}

function isOwnFile() {
	return typeof __filename === "string" && basename(__filename) === "loader.cjs" && existsSync(join(dirname(__filename), "target.cjs"));
}

/** Some loaders of bundlers give the name or the bytes of a file instead of what it exports. */
function notAnAddon(binding) {
	return typeof binding === "string" || binding?.default !== undefined ? "a bundler gave its name instead of loading it" : "speaks no ABI";
}

function explain(nativeDirectory, errors, codes, env) {
	const base = `no usable binary of @conec/quic for ${currentTarget()}`;
	// Under the permission model Node loads no addons either, and says so in the same way.
	if (codes.has("ERR_DLOPEN_DISABLED") || codes.has("ERR_ACCESS_DENIED") ? process.permission !== undefined : isHidden(nativeDirectory, env)) {
		const flag = Number(process.versions.node.split(".")[0]) < 22 ? "--experimental-permission" : "--permission";
		const place = env.CONEC_QUIC_NATIVE_PATH || (OWN_FILE === undefined ? "FILE of the addon" : `${resolve(dirname(OWN_FILE), "..", "..")}/*`);
		return {
			reason: `${base}: Node's permission model does not let this process load it`,
			hint: `Start Node with --allow-addons beside ${flag}, and let it read the addon: --allow-fs-read=${place}`,
		};
	}
	if (codes.has("ERR_DLOPEN_DISABLED")) {
		return {
			reason: `${base}: this process may not load native addons, because Node was started with --no-addons`,
			hint: "Start Node without --no-addons. It may also be in NODE_OPTIONS, or in the execArgv of a worker.",
		};
	}
	const tried = errors.filter((line) => !line.endsWith(": not there"));
	if (nativeDirectory === undefined) return { reason: `${base}: ${[BUNDLED, ...tried].join("; ")}`, hint: BUNDLE_HINT };
	const status = readStatus(nativeDirectory);
	if (status !== undefined) return { reason: `${base}: ${status.reason}`, hint: status.hint };
	if (tried.length > 0) return { reason: `${base}: ${tried.join("; ")}`, hint: DEFAULT_HINT };
	return { reason: `${base}: there is no prebuilt package and it was not built here (install scripts may be disabled)`, hint: DEFAULT_HINT };
}

/** Whether Node's permission model hides a place where the addon may be: what it hides looks as if it were not there. */
function isHidden(nativeDirectory, env) {
	if (process.permission === undefined) return false;
	const packages = nativeDirectory === undefined ? undefined : resolve(nativeDirectory, "..", "..", packageName(currentTarget()).split("/")[1]);
	const places = [env.CONEC_QUIC_NATIVE_PATH, nativeDirectory, packages];
	return places.some((place) => place !== undefined && place !== "" && !process.permission.has("fs.read", resolve(place)));
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
