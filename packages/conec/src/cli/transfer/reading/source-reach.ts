/**
 * Whom the directories above what is sent keep out. These directories are not sent, so what is sent has to keep out the same people.
 *
 * @module
 */

import { dirname } from "node:path";
import type { FileSystem } from "../ground/index.ts";

/** Permission bits of what only its owner may reach. */
export const PRIVATE_REACH = 0o700;

/**
 * The permission bits that mean something below all directories above a real path: those of group or others only where each of these
 * directories can be passed by group or others. Private where one cannot be looked at. Never rejects.
 */
export async function reachOf(files: FileSystem, realPath: string): Promise<number> {
	let reach = 0o777;
	if (!files.hasModes) return reach;
	try {
		for (let path = realPath; dirname(path) !== path; ) {
			path = dirname(path);
			const { mode } = await files.stat(path);
			if ((mode & 0o010n) === 0n) reach &= ~0o070;
			if ((mode & 0o001n) === 0n) reach &= ~0o007;
		}
		return reach;
	} catch {
		return PRIVATE_REACH;
	}
}
