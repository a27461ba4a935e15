import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { claimDefaultId, idFromHostName } from "./client-id.ts";
import { defaultStateDirectory } from "./state-directory.ts";

const VALID = /^(?!xn--)(?!\d+$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

test("default id: the first label of the host name, made valid", () => {
	assert.equal(idFromHostName("vm"), "vm");
	assert.equal(idFromHostName("Annas-MacBook-Pro.local"), "annas-macbook-pro");
	assert.equal(idFromHostName("DESKTOP_42"), "desktop-42");
	assert.equal(idFromHostName("192.168.1.5"), "host-192");
	assert.equal(idFromHostName(""), "conec");
	assert.equal(idFromHostName("-_-"), "conec");
});

test("default id: valid for any host name, also with a number behind it", () => {
	fc.assert(
		fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^(xn--)?[A-Z0-9_-]{0,80}$/)), (hostName) => {
			const id = idFromHostName(hostName);
			assert.match(id, VALID);
			assert.match(`${id}-99`, VALID);
			assert.ok(`${id}-99`.length <= 63);
		}),
	);
});

test("default id: another living process gets the next one, a dead one does not count, released ones come back", async (t) => {
	const directory = await mkdtemp(join(tmpdir(), "conec-id-"));
	t.after(() => rm(directory, { recursive: true, force: true }));
	await writeFile(join(directory, "client.vm.pid"), String(process.ppid));
	const claimed = await claimDefaultId(directory, "vm");
	assert.equal(claimed.id, "vm-2");
	await claimed.release();
	await writeFile(join(directory, "client.vm.pid"), "2147483646");
	assert.equal((await claimDefaultId(directory, "vm")).id, "vm");
});

test("state directory: where each system keeps such things", () => {
	const homeDirectory = "/home/a";
	assert.equal(defaultStateDirectory({ platform: "linux", env: {}, homeDirectory }), "/home/a/.local/state/conec");
	assert.equal(defaultStateDirectory({ platform: "linux", env: { XDG_STATE_HOME: "/var/s" }, homeDirectory }), "/var/s/conec");
	assert.equal(defaultStateDirectory({ platform: "linux", env: { XDG_STATE_HOME: "relative" }, homeDirectory }), "/home/a/.local/state/conec");
	assert.equal(defaultStateDirectory({ platform: "darwin", env: {}, homeDirectory: "/Users/a" }), "/Users/a/Library/Application Support/conec");
	assert.equal(defaultStateDirectory({ platform: "win32", env: { LOCALAPPDATA: "C:\\L" }, homeDirectory: "C:\\Users\\a" }), "C:\\L\\conec");
	assert.equal(defaultStateDirectory({ platform: "win32", env: {}, homeDirectory: "C:\\Users\\a" }), "C:\\Users\\a\\AppData\\Local\\conec");
});
