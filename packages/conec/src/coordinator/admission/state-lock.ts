/**
 * One Coordinator for each state directory.
 *
 * @module
 */

import { ConecError } from "../../errors.ts";
import { absolutePath } from "../../files/absolute-path.ts";
import { type DirectoryLock, type LockMeans, lockDirectory } from "../../files/directory-lock.ts";
import { fileProblemWords } from "../../files/file-error-words.ts";
import { makeDirectory } from "../../files/make-directory.ts";

/**
 * Takes the lock of a state directory, which is made with mode 0700.
 *
 * Rejects with `STATE_DIRECTORY_INVALID` and the path: another Coordinator has it, or it cannot be written.
 */
export async function lockStateDirectory(stateDirectory: string, means?: LockMeans): Promise<DirectoryLock> {
	const directory = absolutePath(stateDirectory);
	try {
		await makeDirectory(directory, 0o700);
		const outcome = await lockDirectory(directory, "coordinator", means);
		if (outcome.type === "locked") return outcome.lock;
		throw invalid(directory, `another Coordinator (${outcome.by}) uses this state directory`);
	} catch (error) {
		throw error instanceof ConecError ? error : invalid(directory, fileProblemWords(error), error);
	}
}

function invalid(path: string, problem: string, cause?: unknown): ConecError {
	return new ConecError("STATE_DIRECTORY_INVALID", `Cannot use ${path}: ${problem}`, { cause });
}
