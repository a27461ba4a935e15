/**
 * Which `conec` command another process of this machine runs.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { printable } from "../text/index.ts";

/** `process 12 (conec receive)` for `process 12`; where the system does not tell, the words as they are. */
export async function commandOf(process: string): Promise<string> {
	const pid = /^process (\d+)$/.exec(process)?.[1];
	const line = pid === undefined ? "" : await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
	const command = commandIn(line.split("\0"));
	return command === undefined ? process : `${process} (conec ${command})`;
}

/** The command in the arguments of a process that runs `conec`. Pure. */
export function commandIn(args: readonly string[]): string | undefined {
	const at = args.findIndex((arg) => /(^|[\\/])(conec|cli[\\/]main\.[jt]s)$/.test(arg));
	const command = at === -1 ? undefined : args[at + 1];
	return command === undefined || !/^[a-z]{1,16}$/.test(command) ? undefined : printable(command, 16);
}
