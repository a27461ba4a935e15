// A worker under load; its parent hears when everything moves.
import { parentPort } from "node:worker_threads";
import { startLoad } from "../support/load.ts";

await startLoad();
parentPort?.postMessage("moving");
