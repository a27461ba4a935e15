// Runs test/nat in real network namespaces. Needs root on Linux; says so and fails otherwise, because a NAT test that did not run proves nothing.

import { spawnSync } from "node:child_process";
import { globFiles } from "./files.mjs";

const TIMEOUT_MS = 300_000;
const files = globFiles(["test/nat"], /\.test\.ts$/);

if (files.length === 0) {
	console.log("The NAT lab arrives with direct channels: there is no file in test/nat, 0 tests were run.");
} else if (process.platform !== "linux" || process.getuid() !== 0) {
	console.error("The NAT lab needs Linux network namespaces and root: sudo npm run test:nat");
	process.exitCode = 1;
} else {
	const options = ["--conditions=source", "--import", "tsx", "--test", "--test-concurrency=1", `--test-timeout=${TIMEOUT_MS}`, "--test-reporter=spec"];
	process.exitCode = spawnSync(process.execPath, [...options, ...files], { stdio: "inherit" }).status ?? 1;
}
