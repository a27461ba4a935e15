#!/usr/bin/env node
/**
 * The `conec` command.
 *
 * @module
 */

import { processSurroundings } from "./process-surroundings.ts";
import { run } from "./run.ts";

process.exitCode = await run(process.argv.slice(2), processSurroundings());
// The work is done. A standard input that nobody reads, or a handle left open, must not keep the process.
setTimeout(() => process.exit(), 2_000).unref();
process.stdin.unref?.();
