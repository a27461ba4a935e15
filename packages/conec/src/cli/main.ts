#!/usr/bin/env node
/**
 * The `conec` command.
 *
 * @module
 */

import { runCommandLine } from "./run.ts";

process.exitCode = await runCommandLine(process.argv.slice(2), process);
// Standard input that nobody reads any more, or a handle left open, must not keep the process: its work is done.
setTimeout(() => process.exit(), 2_000).unref();
process.stdin.unref?.();
