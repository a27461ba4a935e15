import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { coordinatorSpec } from "../commands/coordinator/spec.ts";
import { parseConfiguration, readConfiguration } from "./read.ts";

function values(content: string): Record<string, string | boolean> {
	return Object.fromEntries([...parseConfiguration(content, "/etc/conec/c.json", coordinatorSpec)].map(([name, { value }]) => [name, value]));
}

test("configuration: each kind of option", () => {
	const read = values(`{
		"port": 1720, "nat-test-port": "1721", // both ways
		"cert": "chain.pem", "key": "/keys/k.pem", "state": "../state",
		"end-at-expiry": true,
		"history": { "chat.*": 50, "news": "1000" },
		"block": ["jobs.*", "x"],
		"limits": { "clients": 5 },
		"log-level": "warn", "json": false,
	}`);
	assert.deepEqual(read, {
		port: "1720",
		"nat-test-port": "1721",
		cert: "/etc/conec/chain.pem",
		key: "/keys/k.pem",
		state: "/etc/state",
		"end-at-expiry": true,
		history: "chat.*=50,news=1000",
		block: "jobs.*,x",
		limit: "clients=5",
		"log-level": "warn",
		json: false,
	});
});

test("configuration: a list or a text of NAME=N is as good as an object; nothing is nothing", () => {
	assert.deepEqual(values('{"history": ["a=1", "b=2"], "block": "x"}'), { history: "a=1,b=2", block: "x" });
	assert.deepEqual(values("{}"), {});
	assert.deepEqual(values('{"history": {}, "block": []}'), { history: "", block: "" });
});

test("configuration: a value and each part of one know their place", () => {
	const read = parseConfiguration('{\n  "port": 1,\n  "limits": {\n    "clients": 5\n  }\n}', "c.json", coordinatorSpec);
	assert.equal(read.get("port")?.place, '"port" ("c.json", line 2, column 11)');
	assert.equal(read.get("limit")?.places?.get("clients"), '"clients" ("c.json", line 4, column 5)');
});

const WRONG: readonly (readonly [content: string, message: string, hint?: RegExp])[] = [
	['{"prot": 1}', 'line 1, column 2: there is no key "prot"', /Did you mean "port"\?/],
	['{"limit": {}}', 'line 1, column 2: there is no key "limit"', /Did you mean "limits"\?/],
	['{"__proto__": 1}', 'line 1, column 2: there is no key "__proto__"', /options of conec coordinator/],
	['{"a\\u001b[2Jb": 1}', 'line 1, column 2: there is no key "a\\x1b[2Jb"'],
	['{"config": "x"}', 'line 1, column 2: there is no key "config"'],
	['{"check": true}', 'line 1, column 2: there is no key "check"'],
	['{"help": true}', 'line 1, column 2: there is no key "help"'],
	['{"port": true}', 'line 1, column 10: "port" must be a text or a number, not true or false'],
	['{"port": null}', 'line 1, column 10: "port" must be a text or a number, not null'],
	['{"port": [1]}', 'line 1, column 10: "port" must be a text or a number, not a list'],
	['{"port": {}}', 'line 1, column 10: "port" must be a text or a number, not an object'],
	['{"name": " "}', 'line 1, column 10: "name" is empty', /Leave the key out/],
	['{"end-at-expiry": 1}', 'line 1, column 19: "end-at-expiry" must be true or false, not a number'],
	['{"block": {"a": 1}}', 'line 1, column 11: "block" must be a text or a number, not an object'],
	['{"block": [["a"]]}', 'line 1, column 12: "block" must be a text or a number, not a list'],
	['{"limits": {"clients": []}}', 'line 1, column 24: "clients" must be a text or a number, not a list'],
	['{"limits": {"a=b": 1}}', 'line 1, column 13: "a=b" has a character that no name has'],
	["[]", 'line 1, column 1: the file must be an object: {"port": 1719}', /JSON/],
	['{"port": 1,\n "port": 2}', 'line 2, column 2: the key "port" is there twice', /JSON/],
];
for (const [content, message, hint] of WRONG) {
	test(`configuration: ${content} is refused with its place`, () => {
		assert.throws(
			() => values(content),
			(error: { exitCode: number; message: string; hint?: string }) => {
				assert.equal(error.exitCode, 2);
				assert.equal(error.message, `Cannot use "/etc/conec/c.json", ${message}`);
				if (hint !== undefined) assert.match(error.hint ?? "", hint);
				return true;
			},
		);
	});
}

test("configuration: a file that is missing, too long or no UTF-8 is told with the option that named it", async (t) => {
	const directory = await mkdtemp(join(tmpdir(), "conec-config-"));
	t.after(() => rm(directory, { recursive: true, force: true }));
	const path = join(directory, "c.json");
	const reading = (): Promise<unknown> => readConfiguration(path, "CONEC_COORDINATOR_CONFIG", coordinatorSpec);
	await assert.rejects(reading(), { exitCode: 2, message: `Cannot read "${path}": no such file`, hint: "Check CONEC_COORDINATOR_CONFIG." });
	await writeFile(path, Buffer.from([0x7b, 0xff, 0x7d]));
	await assert.rejects(reading(), { exitCode: 2, message: `Cannot use "${path}": it is not UTF-8` });
	await writeFile(path, " ".repeat(1_048_577));
	await assert.rejects(reading(), { exitCode: 2, message: `Cannot use "${path}": it is longer than 1 MiB` });
	await writeFile(path, `{}${" ".repeat(1_048_574)}`);
	assert.deepEqual(await reading(), new Map());
});
