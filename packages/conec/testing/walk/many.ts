/**
 * Many walks, on threads. There no test runner follows each promise of them, which takes a sixth of their time.
 *
 * @module
 */

import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { programOf } from "../node-flags.ts";
import { runWalk, type WalkResult } from "./run.ts";

/**
 * Runs `count` seeds from `first` on, and calls `onResult` for each, in the order in which they end.
 *
 * `threads`: each compiles the library for itself, so where other programs keep the cores busy one costs least. By default there is one for each core.
 *
 * Rejects if a thread fails; then all of them are ended.
 */
export async function runWalks(first: number, count: number, onResult: (result: WalkResult) => void, threads: number = availableParallelism()): Promise<void> {
	const file = programOf(fileURLToPath(new URL("./children/walker.ts", import.meta.url)));
	const end = first + count;
	if (file.endsWith(".ts")) {
		// Run by tsx, which does not compile for threads.
		for (let seed = first; seed < end; seed++) onResult(await runWalk(seed));
		return;
	}
	let next = first;
	// Walks make much that is soon forgotten. Threads that come from now on have room for it at once, and collect it less often.
	setFlagsFromString("--min-semi-space-size=16");
	const walkers = Array.from({ length: Math.min(threads, count) }, () => new Worker(file));
	try {
		await Promise.all(
			walkers.map(async (walker) => {
				while (next < end) onResult(await answerOf(walker, next++));
			}),
		);
	} finally {
		await Promise.all(walkers.map((walker) => walker.terminate()));
	}
}

function answerOf(walker: Worker, seed: number): Promise<WalkResult> {
	return new Promise((resolve, reject) => {
		const over = (error: Error): void => reject(error);
		const ended = (code: number): void => reject(new Error(`Cannot walk seed ${seed}: its thread has ended with ${code}`));
		walker.once("error", over).once("exit", ended);
		walker.once("message", (result: WalkResult) => {
			walker.off("error", over).off("exit", ended);
			resolve(result);
		});
		walker.postMessage(seed);
	});
}
