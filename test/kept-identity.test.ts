import assert from "node:assert/strict";
import fs, { readdir, stat } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { makeDirectory } from "../packages/conec/src/files/make-directory.ts";
import { loadKeptIdentity } from "../packages/conec/src/tls/kept-identity.ts";
import { temporary } from "../packages/conec/testing/temporary.ts";
import { failing, NO_LINKS } from "./fault-fixture.ts";

for (const code of NO_LINKS) {
	test(`kept identity: is made where hard links are refused with ${code}, and is the same the next time`, async (t) => {
		const directory = await temporary(t);
		await failing(t, "link", code);
		const made = await loadKeptIdentity({ stateDirectory: directory, file: "client.a", names: ["a"] });
		assert.equal((await loadKeptIdentity({ stateDirectory: directory, file: "client.a", names: ["a"] })).fingerprint, made.fingerprint);
	});
}

test("kept identity: a failure says in words what it was, and nothing is left", async (t) => {
	for (const [call, code, words] of [
		["sync", "EIO", /the device failed \(EIO\)/],
		["link", "ENOSPC", /no space is left on the device \(ENOSPC\)/],
		["mkdir", "EROFS", /the file system is read-only \(EROFS\)/],
		["mkdir", "EACCES", /permission denied \(EACCES\)/],
	] as const) {
		await t.test(code, async (t) => {
			const directory = join(await temporary(t), "state");
			if (call !== "mkdir") await makeDirectory(directory, 0o700);
			await failing(t, call, code);
			const loading = loadKeptIdentity({ stateDirectory: directory, file: "client.a", names: ["a"] });
			await assert.rejects(loading, { code: "STATE_DIRECTORY_INVALID", message: words });
			if (call !== "mkdir") assert.deepEqual(await readdir(directory), []);
		});
	}
});

test("kept identity: where every file is open to others no key is made, and the reason and what to do are told", {
	skip: process.platform === "win32" ? "there are no modes" : false,
}, async (t) => {
	const directory = await temporary(t);
	// As FAT, NTFS, 9p and SMB show them: modes come from the mount, and chmod changes nothing or is refused.
	for (const code of [undefined, "EPERM", "ENOTSUP"]) {
		await t.test(code ?? "chmod does nothing", async (t) => {
			const handle = await fs.open(process.execPath, "r");
			const prototype = Object.getPrototypeOf(handle);
			await handle.close();
			t.mock.method(prototype, "stat", async () => ({ mode: 0o100755 }));
			t.mock.method(prototype, "chmod", async () => {
				if (code !== undefined) throw Object.assign(new Error(code), { code });
			});
			await assert.rejects(loadKeptIdentity({ stateDirectory: directory, file: "client.a", names: ["a"] }), {
				code: "STATE_DIRECTORY_INVALID",
				message: /client\.a\.pem: its file system lets others read every file.*choose another directory, or give a key of your own/,
			});
			assert.deepEqual(await readdir(directory), [], "nothing that the next start would stumble over");
		});
	}
	assert.equal((await loadKeptIdentity({ stateDirectory: directory, file: "client.a", names: ["a"] })).key, "kept");
});

test("kept identity: where new files are open to others but chmod works, it does", {
	skip: process.platform === "win32" ? "there are no modes" : false,
}, async (t) => {
	const directory = await temporary(t);
	const open = fs.open;
	t.mock.method(fs, "open", (path: string, flags: string, mode?: number) => open(path, flags, mode === undefined ? undefined : 0o644));
	syncBuiltinESMExports();
	t.after(() => {
		t.mock.restoreAll();
		syncBuiltinESMExports();
	});
	const made = await loadKeptIdentity({ stateDirectory: directory, file: "client.a", names: ["a"] });
	assert.equal((await stat(join(directory, "client.a.pem"))).mode & 0o777, 0o600);
	assert.equal((await loadKeptIdentity({ stateDirectory: directory, file: "client.a", names: ["a"] })).fingerprint, made.fingerprint);
});

test("kept identity: a certificate that is made anew is used also where it cannot be written: the key is kept already", async (t) => {
	for (const code of ["EROFS", "EACCES", "ENOSPC", "EIO"]) {
		await t.test(code, async (t) => {
			const directory = await temporary(t);
			const made = await loadKeptIdentity({ stateDirectory: directory, file: "client.a", names: ["a"] });
			await failing(t, "rename", code);
			const renewed = await loadKeptIdentity({ stateDirectory: directory, file: "client.a", names: ["b"] });
			assert.equal(renewed.fingerprint, made.fingerprint);
			assert.notDeepEqual(renewed.certificates, made.certificates);
			assert.deepEqual(await readdir(directory), ["client.a.pem"]);
		});
	}
});
