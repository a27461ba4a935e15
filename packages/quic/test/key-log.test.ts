import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Bundle, bundle } from "./support/bundle.ts";
import { runChild } from "./support/child.ts";

let folder = "";
let program: Bundle;

before(async () => {
	folder = await mkdtemp(join(tmpdir(), "conec-quic-"));
	program = await bundle("key-log");
});

after(async () => {
	await rm(folder, { recursive: true });
	await program.remove();
});

for (const who of ["nobody", "client", "server"]) {
	test(`keylog: with SSLKEYLOGFILE set, secrets are written ${who === "nobody" ? "by nobody who did not ask" : `when the ${who} asks`}`, async () => {
		const file = join(folder, `${who}.log`);
		const { code, stderr } = await runChild(program.file, { args: [who], env: { SSLKEYLOGFILE: file } });
		assert.equal(code, 0, stderr);
		const text = await readFile(file, "utf8").catch(() => "");
		if (who === "nobody") assert.equal(text, "");
		else
			for (const label of ["CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0", "CLIENT_HANDSHAKE_TRAFFIC_SECRET"])
				assert.match(text, new RegExp(`^${label} [0-9a-f]{64} `, "m"));
	});
}
