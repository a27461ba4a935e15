/**
 * Which cores this process may use, and whether processes can be pinned to them.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** One core for attackers and one for all others. `undefined`: there is only one, or no `taskset`. */
export function coresOf(): { readonly attackers: number; readonly others: number } | undefined {
	if (process.platform !== "linux" || spawnSync("taskset", ["-V"]).status !== 0) return undefined;
	const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
	const [others, attackers] = coresIn(list ?? "");
	return others === undefined || attackers === undefined ? undefined : { attackers, others };
}

/** The cores in a list such as "0-2,5". */
export function coresIn(list: string): number[] {
	return list
		.split(",")
		.filter((part) => /^\d+(-\d+)?$/.test(part))
		.flatMap((part) => {
			const [first = 0, last = first] = part.split("-").map(Number);
			return Array.from({ length: last - first + 1 }, (_, index) => first + index);
		});
}
