/** A process for the tests of the lock: `node lock.ts DIRECTORY NAME [file]`. Says how it went, gives the lock back when its input ends. */

import { type LockMeans, lockDirectory } from "../../packages/conec/src/files/directory-lock.ts";

const [directory = "", name = "", kind] = process.argv.slice(2);
const means: LockMeans =
	kind === "file"
		? { publish: () => Promise.reject(Object.assign(new Error("refused"), { code: "EPERM" })), heartbeat: { intervalMs: 200, patienceMs: 3_000 } }
		: { heartbeat: { intervalMs: 200, patienceMs: 3_000 } };
const outcome = await lockDirectory(directory, name, means);
console.log(JSON.stringify(outcome.type === "taken" ? outcome : { type: "locked", remark: outcome.lock.remark }));
process.stdin.on("end", () => {
	if (outcome.type === "locked") outcome.lock.release();
});
process.stdin.resume();
