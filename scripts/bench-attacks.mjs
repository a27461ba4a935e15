// Attacks a Coordinator by hostile Clients, and prints what others notice: `npm run bench:attacks -- --only pongs,pings --seconds 8`; `--help` says more.

import { spawnSync } from "node:child_process";
import { COMPILED, compiledFile, compileSources } from "./testing/compile.mjs";

// The processes run compiled JavaScript: a loader would be measured, too.
if (!compileSources()) process.exit(1);
const { status } = spawnSync(process.execPath, [...COMPILED, compiledFile("test/attacks/run.ts"), ...process.argv.slice(2)], { stdio: "inherit" });
process.exitCode = status ?? 1;
