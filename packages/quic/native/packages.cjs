"use strict";
// The prebuilt packages by name. Bundlers follow only names that are written out, and let one be missing only inside `try`.

/**
 * What the optional package of a target holds, or undefined where it is not installed.
 *
 * @param {string} target a key of `PREBUILT` in `target.cjs`
 * @param {(version: string) => void} check is given the version of the package before its binary is loaded, and may throw
 */
function fromPackage(target, check) {
	try {
		switch (target) {
			case "linux-x64":
				check(require("@conec/quic-linux-x64/package.json").version);
				return require("@conec/quic-linux-x64");
			case "linux-arm64":
				check(require("@conec/quic-linux-arm64/package.json").version);
				return require("@conec/quic-linux-arm64");
			case "linux-x64-musl":
				check(require("@conec/quic-linux-x64-musl/package.json").version);
				return require("@conec/quic-linux-x64-musl");
			case "linux-arm64-musl":
				check(require("@conec/quic-linux-arm64-musl/package.json").version);
				return require("@conec/quic-linux-arm64-musl");
			case "darwin-x64":
				check(require("@conec/quic-darwin-x64/package.json").version);
				return require("@conec/quic-darwin-x64");
			case "darwin-arm64":
				check(require("@conec/quic-darwin-arm64/package.json").version);
				return require("@conec/quic-darwin-arm64");
			case "win32-x64":
				check(require("@conec/quic-win32-x64/package.json").version);
				return require("@conec/quic-win32-x64");
			default:
				return undefined;
		}
	} catch (error) {
		if (isMissing(error, `@conec/quic-${target}/package.json`)) return undefined;
		throw error;
	}
}

/** Whether that package itself is not there. Node, Jest and webpack say so by this code; the code that esbuild writes into an ES module says something else. */
function isMissing(error, name) {
	if (error?.code === "MODULE_NOT_FOUND") return String(error.message).includes(name);
	return /^Dynamic require of .* is not supported$/.test(error?.message) && error.message.includes(name);
}

module.exports = { fromPackage };
