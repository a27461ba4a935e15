/**
 * File operations that fail as they are told, for tests.
 *
 * @module
 */

import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import type { TestContext } from "node:test";

/** From now on the call fails with the code, in the whole process. `sync`, `chmod` and `stat` are those of an open file. */
export async function failing(t: TestContext, call: "link" | "rename" | "sync" | "chmod" | "mkdir", code: string): Promise<void> {
	const fail = (): Promise<never> => Promise.reject(Object.assign(new Error(`${code}: ${call}`), { code }));
	if (call === "link" || call === "rename" || call === "mkdir") {
		t.mock.method(fs, call, fail);
		syncBuiltinESMExports();
		t.after(() => {
			t.mock.restoreAll();
			syncBuiltinESMExports();
		});
		return;
	}
	const handle = await fs.open(process.execPath, "r");
	t.mock.method(Object.getPrototypeOf(handle), call, fail);
	await handle.close();
}

/** What file systems say where hard links are not to be had. */
export const NO_LINKS: readonly string[] = [
	"EPERM",
	"EACCES",
	"EXDEV",
	"EINVAL",
	"ENOTSUP",
	"EOPNOTSUPP",
	"ENOSYS",
	"EMLINK",
	"ENOTTY",
	"EISDIR",
	"EROFS",
	"EBADF",
	"UNKNOWN",
];
