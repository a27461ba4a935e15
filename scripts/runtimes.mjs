// Other versions of Node, and other runtimes, as npm has them. They are kept outside the repository: in `$CONEC_RUNTIMES`, in `/var/cache/conec/runtimes` for root, or in the user's cache.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** The versions that are tested, pinned like all development tools. The first Node is the oldest that is supported. */
export const PINNED = {
	20: "20.19.0",
	22: "22.23.5",
	24: "24.22.3",
	26: "26.12.1",
	bun: "1.4.5",
	deno: "2.9.6",
};

const cache = process.env.CONEC_RUNTIMES ?? join(cacheOfUser(), "conec", "runtimes");

/**
 * @param {string} wanted a key of {@link PINNED}, or a whole version of Node such as `22.12.0`
 * @returns {{ label: string, kind: "node" | "bun" | "deno", package: string, version: string, file: string }} `file` is the program once it is installed
 */
export function runtimeOf(wanted) {
	const version = PINNED[wanted] ?? wanted;
	if (wanted === "bun" || wanted === "deno") {
		const windows = process.platform === "win32" ? ".exe" : "";
		const [name, inside] =
			wanted === "bun"
				? [
						`@oven/bun-${process.platform === "win32" ? "windows" : process.platform}-${process.arch === "arm64" ? "aarch64" : process.arch}`,
						`bin/bun${windows}`,
					]
				: [`@deno/${process.platform}-${process.arch}${process.platform === "linux" ? "-glibc" : ""}`, `deno${windows}`];
		return { label: `${wanted} ${version}`, kind: wanted, package: name, version, file: join(directoryOf(name, version), "node_modules", name, inside) };
	}
	if (!/^\d+\.\d+\.\d+$/.test(version))
		throw new RangeError(`No such runtime: "${wanted}". Expected ${Object.keys(PINNED).join(", ")} or a version such as 22.12.0.`);
	const windows = process.platform === "win32";
	const name = `node-${windows ? "win" : process.platform}-${process.arch}`;
	const file = join(directoryOf(name, version), "node_modules", name, windows ? "bin/node.exe" : "bin/node");
	return { label: `node ${version}`, kind: "node", package: name, version, file };
}

/** Installs it if it is not there. Two at once are no harm: the later one replaces nothing. */
export async function install(runtime) {
	if (existsSync(runtime.file)) return;
	const directory = directoryOf(runtime.package, runtime.version);
	const partial = `${directory}.${process.pid}`;
	mkdirSync(partial, { recursive: true });
	writeFileSync(join(partial, "package.json"), '{ "private": true }\n');
	// The packages of a platform hold the program as it is. Nothing of them is run while they are installed.
	await npm(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", `${runtime.package}@${runtime.version}`], partial);
	if (existsSync(directory)) rmSync(partial, { recursive: true, force: true });
	else renameSync(partial, directory);
	if (!existsSync(runtime.file)) throw new Error(`${runtime.package}@${runtime.version} has no ${runtime.file}`);
}

/** Some tests start programs as another user, who cannot enter root's home. */
function cacheOfUser() {
	if (process.platform === "linux" && process.getuid() === 0) return "/var/cache";
	return process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
}

function directoryOf(name, version) {
	return join(cache, `${name.replace("/", "+")}-${version}`);
}

async function npm(args, cwd) {
	const child = spawn("npm", args, { cwd, stdio: "inherit", shell: process.platform === "win32" });
	const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
	if (code !== 0) throw new Error(`npm ${args.join(" ")} ended with code ${code}`);
}
