// Random worlds: `npm run test:worlds -- --seeds 2000` for many, `--seed 7` for one of them with its log.
// Pairs of stream machines: `npm run test:worlds -- --pairs 100000` for many, `--pair 7` for one of them.

import { spawnSync } from "node:child_process";
import { COMPILED, compiledFile, compileSources } from "./testing/compile.mjs";

const pairs = process.argv.slice(2).some((argument) => argument === "--pairs" || argument === "--pair");
if (!compileSources()) process.exit(1);
const main = compiledFile(`packages/conec/testing/${pairs ? "legs" : "walk"}/main.ts`);
const run = spawnSync(process.execPath, [...COMPILED, main, ...process.argv.slice(2)], { stdio: "inherit" });
process.exitCode = run.status ?? 1;
