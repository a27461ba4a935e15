/**
 * Paths that stay the same when the working directory changes.
 *
 * @module
 */

import { resolve } from "node:path";

/** The absolute path; the path as it is where the working directory was removed: whoever uses it is then told by the system what is wrong. */
export function absolutePath(path: string): string {
	try {
		return resolve(path);
	} catch {
		return path;
	}
}
