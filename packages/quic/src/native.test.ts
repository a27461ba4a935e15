import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { currentEnvironment } from "./environment.ts";
import { requireNative } from "./native.ts";

test("native: the binding exports exactly the functions that are declared", async () => {
	const source = await readFile(new URL("./native.ts", import.meta.url), "utf8");
	const [, body = ""] = /export interface Native \{\n([\s\S]*?)\n\}/.exec(source) ?? [];
	const declared = [...body.matchAll(/^\t(\w+)\(/gm)].map(([, name]) => name);
	const exported = Object.entries(requireNative()).filter(([, value]) => typeof value === "function");
	assert.ok(declared.length > 30);
	assert.deepEqual(exported.map(([name]) => name).toSorted(), declared.toSorted());
});

test("native: called without its arguments every function throws, and none crashes", async () => {
	const source = await readFile(new URL("./native.ts", import.meta.url), "utf8");
	const native = requireNative() as unknown as Record<string, (...args: unknown[]) => unknown>;
	for (const [, name = "", list = ""] of source.matchAll(/^\t(\w+)\((.*)\): /gm)) {
		if (list === "" || native[name] === undefined) continue;
		assert.throws(() => native[name]?.(), Error, `${name}()`);
	}
});

test("native: a second start in one thread is refused, and a second copy of the wrapper shares the first's", async () => {
	const first = currentEnvironment();
	assert.throws(() => requireNative().init(() => {}, true), { code: "THREAD_FAILED" });
	const other: string = new URL("./environment.ts?copy", import.meta.url).href;
	const copy = (await import(other)) as { currentEnvironment: typeof currentEnvironment };
	assert.notEqual(copy.currentEnvironment, currentEnvironment);
	assert.equal(copy.currentEnvironment(), first);
});

test("native: handles that never existed are refused or do nothing", () => {
	const native = requireNative();
	const handle = 0xfff_ffff;
	assert.equal(currentEnvironment().native, native);
	assert.throws(() => native.endpointAddress(handle), { code: "HANDLE_STALE" });
	assert.throws(() => native.connectionConfirm(handle), { code: "HANDLE_STALE" });
	assert.equal(native.streamWrite(handle, 0, Buffer.of(1)), -1);
	assert.equal(native.streamQueued(handle), 0);
	assert.deepEqual(native.writeMany(Uint32Array.of(handle, 0), 0, Buffer.of(1)), Int32Array.of(-1, -1));
	assert.deepEqual(native.writeFrames(Uint32Array.of(handle, 0), Buffer.of(0, 0, 0, 0)), Int32Array.of(-1, -1));
	native.streamFinish(handle);
	native.streamReset(handle, 0);
	native.streamStop(handle, 0);
	native.streamCredit(handle, 1);
	native.streamRefuse(handle, 0);
	native.release(handle);
	assert.equal(native.pipeStreams(handle, 0, 0, 0), false);
});
