#!/usr/bin/env node
/**
 * The `conec` command.
 *
 * @module
 */

import { processSurroundings } from "./process-surroundings.ts";
import { run } from "./run.ts";

process.exitCode = await run(process.argv.slice(2), processSurroundings());
// Standard input that nobody reads any more, or a handle left open, must not keep the process: its work is done.
setTimeout(() => process.exit(), 2_000).unref();
process.stdin.unref?.();
