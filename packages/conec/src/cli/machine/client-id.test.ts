import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
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
	const directory = join(await mkdtemp(join(tmpdir(), "conec-id-")), "made", "here");
	t.after(() => rm(dirname(dirname(directory)), { recursive: true, force: true }));
	const first = await claimDefaultId(directory, "vm");
	assert.equal(first.id, "vm");
	const second = await claimDefaultId(directory, "vm");
	assert.equal(second.id, "vm-2");
	first.release();
	first.release();
	assert.equal((await claimDefaultId(directory, "vm")).id, "vm");
	second.release();
	// A socket that nobody listens on any more is what a killed process leaves; so is a file with its number, of another kind of claim.
	await writeFile(join(directory, "client.vm-2.pid"), String(process.pid));
	assert.equal((await claimDefaultId(directory, "vm")).id, "vm-2");
});

test("default id: of many that start at once each has its own", async (t) => {
	const directory = await mkdtemp(join(tmpdir(), "conec-id-"));
	t.after(() => rm(directory, { recursive: true, force: true }));
	const claimed = await Promise.all(Array.from({ length: 12 }, () => claimDefaultId(directory, "vm")));
	assert.deepEqual(
		claimed.map(({ id }) => id).sort((a, b) => a.length - b.length || (a < b ? -1 : 1)),
		["vm", ...Array.from({ length: 11 }, (_, index) => `vm-${index + 2}`)],
	);
});

test("state directory: where each system keeps such things; nowhere without a home directory that is the same everywhere", () => {
	const linux = { platform: "linux", env: {}, homeDirectory: "/home/a" };
	const darwin = { platform: "darwin", env: {}, homeDirectory: "/Users/a" };
	const windows = { platform: "win32", env: {}, homeDirectory: "C:\\Users\\a" };
	const cases: [Parameters<typeof defaultStateDirectory>[0], string | undefined][] = [
		[linux, "/home/a/.local/state/conec"],
		[{ ...linux, env: { XDG_STATE_HOME: "/var/s" } }, "/var/s/conec"],
		[{ ...linux, env: { XDG_STATE_HOME: "relative" } }, "/home/a/.local/state/conec"],
		[{ ...linux, env: { XDG_STATE_HOME: "" } }, "/home/a/.local/state/conec"],
		[{ ...linux, env: { XDG_STATE_HOME: "/var/s" }, homeDirectory: undefined }, "/var/s/conec"],
		[{ ...linux, env: { XDG_STATE_HOME: "relative" }, homeDirectory: undefined }, undefined],
		[{ ...linux, homeDirectory: undefined }, undefined],
		[{ ...linux, homeDirectory: "" }, undefined],
		[{ ...linux, homeDirectory: "relative" }, undefined],
		[{ ...linux, homeDirectory: "/" }, "/.local/state/conec"],
		[{ ...linux, platform: "freebsd" }, "/home/a/.local/state/conec"],
		[darwin, "/Users/a/Library/Application Support/conec"],
		[{ ...darwin, env: { XDG_STATE_HOME: "/var/s", "": "/odd" }, homeDirectory: undefined }, undefined],
		[{ ...windows, env: { LOCALAPPDATA: "C:\\L" } }, "C:\\L\\conec"],
		[{ ...windows, env: { LOCALAPPDATA: "L" } }, "C:\\Users\\a\\AppData\\Local\\conec"],
		[windows, "C:\\Users\\a\\AppData\\Local\\conec"],
		[{ ...windows, homeDirectory: undefined }, undefined],
	];
	for (const [surroundings, directory] of cases) assert.equal(defaultStateDirectory(surroundings), directory, JSON.stringify(surroundings));
});
