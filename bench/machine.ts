/**
 * Where the figures were taken.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { arch, cpus, loadavg, platform, release, totalmem, version } from "node:os";
import type { Machine } from "./report.ts";

/** This machine. */
export function describeMachine(): Machine {
	const processors = cpus();
	return {
		cpu: processors[0]?.model.trim() ?? "unknown",
		cores: processors.length,
		memoryBytes: totalmem(),
		kernel: `${release()} ${version()}`,
		node: process.version,
		loadAverage: loadavg()[0] ?? Number.NaN,
		platform: `${platform()} ${arch()}`,
	};
}

/** Short hash of the work tree's commit, with "+" when something tracked has changed; "unknown" outside of git. */
export function describeCommit(root: string): string {
	const git = (...words: string[]): string => execFileSync("git", words, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
	try {
		const changed = git("status", "--porcelain", "--untracked-files=no") !== "";
		return git("rev-parse", "--short", "HEAD") + (changed ? "+" : "");
	} catch {
		return "unknown";
	}
}
