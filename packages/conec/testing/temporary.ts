/**
 * A place for the files of one test.
 *
 * @module
 */

import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** An empty directory that is removed when the test is over. Its path has no symbolic link in it. */
export async function temporary(t: TestContext, prefix: string = "conec-"): Promise<string> {
	const path = await realpath(await mkdtemp(join(tmpdir(), prefix)));
	t.after(() => rm(path, { recursive: true, force: true }));
	return path;
}
