/**
 * A lock with a name in a directory: one process at a time has it. It is free at once when its holder has ended, however that
 * ended, and it holds between containers that share the directory, as long as they run on the same kernel.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { readdir, realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { askFile, HEARTBEAT, type Heartbeat, publishFile } from "./file-claim.ts";
import { errnoOf } from "./file-errors.ts";
import { type Claim, type Contest, contend, describeHolder, type Rival } from "./lock-claim.ts";
import { ownIdentity } from "./process-identity.ts";
import { askAt, askSocket, ClaimServer, publishSocket, SOCKET_SUFFIX } from "./socket-claim.ts";

/** A lock that is held. */
export interface DirectoryLock {
	/** Why the lock is only a file, which cannot tell for certain whether a process elsewhere still runs; `undefined`: it is a socket. */
	readonly remark: string | undefined;
	/** Whether others can still see it. Not so when the directory was removed or replaced: then another process may have a lock there. */
	isVisible(): Promise<boolean>;
	/** Gives it back. Idempotent; never throws. */
	release(): void;
}

/** Outcome of {@link lockDirectory}: the lock, or who has it, in words that follow "in use by". */
export type LockOutcome = { readonly type: "locked"; readonly lock: DirectoryLock } | { readonly type: "taken"; readonly by: string };

/** For tests. */
export interface LockMeans {
	readonly platform?: NodeJS.Platform;
	/** Makes the first kind of claim. */
	readonly publish?: (directory: string, name: string) => Promise<Claim>;
	readonly heartbeat?: Heartbeat;
	/** How long a process that has a claim may take to say how it stands. */
	readonly answerMs?: number;
}

/**
 * Takes the lock of that name in a directory, which must be there. Of any number of processes that try at the same time one gets it.
 * A holder that hangs still has it, which takes some seconds to find out.
 *
 * Rejects with the system error of a directory in which nothing can be made or that cannot be read.
 */
export async function lockDirectory(directory: string, name: string, means: LockMeans = {}): Promise<LockOutcome> {
	const { platform = process.platform, answerMs = ANSWER_MS } = means;
	if (platform === "win32") return await lockPipe(await pipeOf(directory, name), answerMs);
	const { publish = publishSocket, heartbeat = HEARTBEAT } = means;
	const rivals = (own: string): Promise<Rival[]> => rivalsIn(directory, name, own, answerMs, heartbeat);
	const limitMs = answerMs + heartbeat.patienceMs;
	let refused: string;
	try {
		return outcomeOf(await contend(() => publish(directory, name), rivals, limitMs), undefined);
	} catch (error) {
		refused = errnoOf(error);
	}
	// Whatever is wrong: where a file cannot be made either, that says it better.
	const remark = `its file system has no sockets (${refused})`;
	return outcomeOf(await contend(() => publishFile(directory, name, heartbeat), rivals, limitMs), remark);
}

async function rivalsIn(directory: string, name: string, own: string, answerMs: number, heartbeat: Heartbeat): Promise<Rival[]> {
	const rivals: Rival[] = [];
	for (const file of await readdir(directory)) {
		if (!file.startsWith(`${name}.`)) continue;
		const [, id, suffix] = CLAIM.exec(file.slice(name.length)) ?? [];
		if (id === undefined || id === own) continue;
		const ask = () => (suffix === SOCKET_SUFFIX ? askSocket(directory, file, answerMs) : askFile(directory, file, answerMs, heartbeat));
		rivals.push({ id, ask });
	}
	return rivals;
}

function outcomeOf(contest: Contest, remark: string | undefined): LockOutcome {
	if (contest.type === "won") {
		const { claim } = contest;
		return { type: "locked", lock: { remark, isVisible: () => claim.isVisible(), release: () => claim.withdraw() } };
	}
	const { to } = contest;
	if (to.type === "held") return { type: "taken", by: describeHolder(to.holder, ownIdentity().space) };
	return { type: "taken", by: `another process that ${to.errno === undefined ? "does not answer" : `cannot be asked (${to.errno})`}` };
}

/** A Windows named pipe belongs to one process and goes with it; its name stands for the directory. Also what the test does with a socket without a file. */
export async function lockPipe(address: string, answerMs: number): Promise<LockOutcome> {
	for (let attempt = 0; ; attempt++) {
		const server = new ClaimServer();
		server.hold();
		try {
			await server.listen(address);
			return { type: "locked", lock: { remark: undefined, isVisible: async () => true, release: () => server.close() } };
		} catch (error) {
			server.close();
			// Windows says EACCES of a pipe of another user.
			if (errnoOf(error) !== "EADDRINUSE" && errnoOf(error) !== "EACCES") throw error;
			const answer = await askAt(address, answerMs);
			if (answer.type === "held") return { type: "taken", by: describeHolder(answer.holder, ownIdentity().space) };
			// It may have gone a moment ago.
			if (attempt === 2) return { type: "taken", by: "another process" };
		}
	}
}

async function pipeOf(directory: string, name: string): Promise<string> {
	const path = await realpath(directory).catch(() => resolve(directory));
	const digest = createHash("sha256").update(join(path, name).toLowerCase()).digest("hex");
	return `\\\\?\\pipe\\conec-${digest.slice(0, 32)}`;
}

const CLAIM = /^\.([0-9a-f]{16})(\.sock|\.lock)$/;

/** The one with the claim may be a process on a busy machine. */
const ANSWER_MS = 3_000;
