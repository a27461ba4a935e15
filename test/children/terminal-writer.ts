/** Writes more to standard output than a terminal takes that nobody reads, then says in the file that is its argument that it goes on. */

import { writeFileSync } from "node:fs";
import { processSurroundings } from "../../packages/conec/src/cli/process-surroundings.ts";
import { StandardSink } from "../../packages/conec/src/cli/surroundings/standard-sink.ts";

const { stdout, clock } = processSurroundings();
const sink = new StandardSink(stdout, { clock });
for (let count = 0; count < 2_000; count++) sink.write(`${"x".repeat(1_000)}\n`);
setTimeout(() => {
	writeFileSync(process.argv[2] ?? "", `terminal: ${sink.isTTY}, behind: ${sink.isBehind}`);
	process.exit();
}, 50);
