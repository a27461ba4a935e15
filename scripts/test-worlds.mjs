// Random worlds: `npm run test:worlds -- --seeds 2000` for many, `--seed 7` for one of them with its log.
// Pairs of stream machines: `npm run test:worlds -- --pairs 100000` for many, `--pair 7` for one of them.

import { spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const pairs = process.argv.slice(2).some((argument) => argument === "--pairs" || argument === "--pair");
const main = join(root, "packages", "conec", "testing", pairs ? "legs" : "walk", "main.ts");
const run = spawnSync(process.execPath, ["--conditions=source", "--import", "tsx", main, ...process.argv.slice(2)], { stdio: "inherit", cwd: root });
process.exitCode = run.status ?? 1;
