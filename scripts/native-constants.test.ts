import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { requireNative } from "../packages/quic/src/native.ts";
// @ts-expect-error a script without types
import { globFiles } from "./files.mjs";

const root: string = join(import.meta.dirname, "..");

/** Constants with the name of one of the addon's sizes, wherever conec declares them: the memory network behaves as the addon does. */
function declared(sizes: Readonly<Record<string, number>>): { at: string; name: string; value: string }[] {
	const files = globFiles(["packages/conec"], /\.ts$/) as string[];
	return files.flatMap((at) =>
		[...readFileSync(join(root, at), "utf8").matchAll(/\bconst (\w+)(?:: number)? = ([\w]+);/g)]
			.map(([, name = "", value = ""]) => ({ at, name, value }))
			.filter(({ name }) => name in sizes),
	);
}

test("native constants: those that conec has too are the addon's", () => {
	const sizes = requireNative().constants().numbers["SIZE"] ?? {};
	const found = declared(sizes);
	assert.deepEqual([...new Set(found.map(({ name }) => name))].sort(), ["FRAME_COST_BYTES", "FRAME_HEADER_BYTES"]);
	for (const { at, name, value } of found) assert.equal(Number(value.replaceAll("_", "")), sizes[name], `${name} in ${at}`);
});
