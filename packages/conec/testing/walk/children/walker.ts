/** A thread that walks one seed after another, each that it is told. See `../many.ts`. */

import { parentPort } from "node:worker_threads";
import { runWalk } from "../run.ts";

parentPort?.on("message", async (seed: number) => {
	parentPort?.postMessage(await runWalk(seed));
});
