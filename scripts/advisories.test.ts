import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
// @ts-expect-error a script without types
import { crateAudit, lockedCrates } from "./advisories.mjs";

const lock = `version = 4

[[package]]
name = "conec-quic"
version = "0.1.0"
dependencies = [
 "ring",
]

[[package]]
name = "ring"
version = "0.17.14"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "00"
`;

test("advisories: the crates of a lock file are those from a registry", () => {
	assert.deepEqual(lockedCrates(lock), [{ name: "ring", version: "0.17.14" }]);
});

test("advisories: a known vulnerability fails the check, and the right crate was asked for", async (context) => {
	const asked: unknown[] = [];
	const url = await database(context, (body) => {
		asked.push(JSON.parse(body));
		return { results: [{ vulns: [{ id: "RUSTSEC-0000-0000" }] }] };
	});
	assert.equal(await crateAudit(lockedCrates(lock), url), false);
	assert.deepEqual(asked, [{ queries: [{ package: { name: "ring", ecosystem: "crates.io" }, version: "0.17.14" }] }]);
});

test("advisories: none known passes", async (context) => {
	const url = await database(context, () => ({ results: [{}] }));
	assert.equal(await crateAudit(lockedCrates(lock), url), true);
});

test("advisories: a database that cannot be reached is said and is no failure", async (context) => {
	const log = context.mock.method(console, "log", () => undefined);
	assert.equal(await crateAudit(lockedCrates(lock), "http://127.0.0.1:1/"), true);
	assert.match(String(log.mock.calls[0]?.arguments[0]), /^crates: NOT CHECKED, the OSV database cannot be reached/);
});

async function database(context: TestContext, answer: (body: string) => unknown): Promise<string> {
	const server = createServer((request, response) => {
		let body = "";
		request.on("data", (chunk) => {
			body += String(chunk);
		});
		request.on("end", () => response.end(JSON.stringify(answer(body))));
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	context.after(() => {
		server.closeAllConnections();
		server.close();
	});
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
