// Random worlds: `npm run test:worlds -- --seeds 2000` for many, `--seed 7` for one of them with its log.

import { spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const main = join(root, "packages", "conec", "testing", "walk", "main.ts");
const run = spawnSync(process.execPath, ["--conditions=source", "--import", "tsx", main, ...process.argv.slice(2)], { stdio: "inherit", cwd: root });
process.exitCode = run.status ?? 1;
