#!/usr/bin/env node
// `npx @conec/quic build-native` and `npx @conec/quic status`.

import { createRequire } from "node:module";
import { main } from "./build-native.mjs";

const [command, ...rest] = process.argv.slice(2);

if (command === "build-native") process.exitCode = await main(rest);
else if (command === "status") process.exitCode = status();
else {
	console.error(
		"usage: npx @conec/quic build-native [--if-missing]   build the native addon with cargo\n       npx @conec/quic status                         say which addon is used, or why none is",
	);
	process.exitCode = 2;
}

function status() {
	const result = createRequire(import.meta.url)("../native/loader.cjs").load();
	if (result.ok) {
		console.log(`@conec/quic ${result.version} uses ${result.source}`);
		return 0;
	}
	console.log([`QUIC is not available: ${result.reason}`, result.hint, ...result.errors.map((line) => `  ${line}`)].join("\n"));
	return 1;
}
