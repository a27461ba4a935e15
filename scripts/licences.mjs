// Whether everything that ships, npm packages and crates, has a permissive licence.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const PERMISSIVE = new Set([
	"0BSD",
	"Apache-2.0",
	"Apache-2.0 WITH LLVM-exception",
	"BSD-2-Clause",
	"BSD-3-Clause",
	"CC0-1.0",
	"ISC",
	"MIT",
	"MIT-0",
	"Unicode-3.0",
	"Unlicense",
	"Zlib",
]);

/** @param {string} root the repository @returns {boolean} */
export function checkLicences(root) {
	const all = [...npmLicences(root), ...crateLicences(root)];
	const bad = all.filter(({ licence }) => !isPermissive(licence));
	for (const { name, licence } of bad) console.error(`${name}: ${licence || "no licence"} is not on the list of permissive licences`);
	console.log(`${all.length} dependencies that ship, ${bad.length} with a licence to look at`);
	return bad.length === 0;
}

/**
 * Evaluates an SPDX expression: one side of an OR is enough, both sides of an AND are needed.
 *
 * @param {string} expression `MIT/Apache-2.0`, the old way of crates, means OR
 */
export function isPermissive(expression) {
	const tokens = expression.replaceAll("/", " OR ").match(/\(|\)|[^\s()]+/g) ?? [];
	let at = 0;
	const either = () => {
		let value = both();
		while (tokens[at] === "OR") {
			at += 1;
			const right = both();
			value = value || right;
		}
		return value;
	};
	const both = () => {
		let value = single();
		while (tokens[at] === "AND") {
			at += 1;
			const right = single();
			value = value && right;
		}
		return value;
	};
	const single = () => {
		const token = tokens[at];
		at += 1;
		if (token === undefined) return false;
		if (token === "(") {
			const value = either();
			at += 1;
			return value;
		}
		if (tokens[at] !== "WITH") return PERMISSIVE.has(token);
		at += 2;
		return PERMISSIVE.has(`${token} WITH ${tokens[at - 1]}`);
	};
	const value = either();
	return value && at === tokens.length;
}

/** The production packages of the lock file; development tools do not ship. */
function npmLicences(root) {
	const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
	return Object.entries(lock.packages)
		.filter(([path, entry]) => path.includes("node_modules/") && !entry.dev && !entry.link && !entry.optional)
		.map(([path, entry]) => ({ name: path.slice(path.lastIndexOf("node_modules/") + 13), licence: entry.license ?? installedLicence(join(root, path)) }));
}

function installedLicence(directory) {
	return JSON.parse(readFileSync(join(directory, "package.json"), "utf8")).license ?? "";
}

/** All crates of the lock file for all platforms, without this workspace's own. */
function crateLicences(root) {
	const args = ["metadata", "--format-version", "1", "--locked", "--manifest-path", join(root, "packages", "quic", "native", "Cargo.toml")];
	const run = spawnSync("cargo", args, { encoding: "utf8", maxBuffer: 256 * 1024 * 1024 });
	if (run.status !== 0) throw new Error(`cargo metadata failed: ${run.error?.message ?? run.stderr}`);
	return JSON.parse(run.stdout)
		.packages.filter((entry) => entry.source !== null)
		.map((entry) => ({ name: `${entry.name} ${entry.version} (crate)`, licence: entry.license ?? "" }));
}
