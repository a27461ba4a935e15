// `npm run demo:survive`: a file, a talk and a broadcast go on while the Coordinator is killed and the networks change. Takes about half a
// minute. Needs root on Linux, as everything is in network namespaces of its own; says so and fails otherwise.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { buildDist, distIsCurrent } from "./build-dist.mjs";
import { whatIsMissing } from "./nat-lab.mjs";

const missing = whatIsMissing("demo:survive", ["miniupnpd"]);
if (missing.length > 0) {
	console.error(`${missing.join("\n")}\nWithout all that there is: npm run demo`);
	process.exitCode = 1;
} else if (!distIsCurrent() && (await buildDist()) !== true) {
	console.error("The sources cannot be compiled: see above.");
	process.exitCode = 1;
} else {
	const options = { stdio: "inherit", cwd: join(import.meta.dirname, "..") };
	process.exitCode = spawnSync(process.execPath, ["--conditions=source", "--import", "tsx", "test/nat/survive/run.ts"], options).status ?? 1;
}
