import assert from "node:assert/strict";
import { test } from "node:test";
import { pathFields, rowOf, Table } from "./table.ts";

const KEY = `sha256:${"0".repeat(64)}`;
const NOW = Date.parse("2026-11-30T21:00:00Z");
const here = { self: "me", channels: [{ peer: "bob", remoteAddress: { address: "203.0.113.9", port: 4711 } }], nowMs: NOW };

test("peers: the columns stand below each other, with command, time, path and address", () => {
	const rows = [
		{ id: "me", fingerprint: KEY, metadata: { conec: { command: "peers", since: "2026-11-30T21:00:00Z" } } },
		{ id: "bob", fingerprint: KEY, metadata: { conec: { command: "receive", since: "2026-11-30T19:57:00Z" } } },
		{ id: "a-long-name", fingerprint: KEY, metadata: { name: "\u001b[2J" } },
	].map((peer) => rowOf(peer, here));
	assert.deepEqual(new Table().lines(rows), [
		"ID           RUNS     FOR         PATH         ADDRESS           KEY",
		`me           peers    0 s         this Client  -                 ${KEY}`,
		`bob          receive  1 h 03 min  direct       203.0.113.9:4711  ${KEY}`,
		`a-long-name  -        -           proxied      -                 ${KEY}  {"name":"\\u001b[2J"}`,
	]);
});

test("peers: a line that comes later keeps to the columns, and a wider one widens them", () => {
	const table = new Table();
	table.lines([rowOf({ id: "alexander", fingerprint: KEY }, here)]);
	assert.match(table.line(rowOf({ id: "bo", fingerprint: KEY }, here)), /^bo {9}-/);
	assert.match(table.line(rowOf({ id: "bartholomew", fingerprint: KEY }, here)), /^bartholomew {2}-/);
	assert.match(table.line(rowOf({ id: "bo", fingerprint: KEY }, here)), /^bo {11}-/);
});

test("peers: a program gets path and address as fields", () => {
	assert.deepEqual(pathFields("bob", here), { path: "direct", address: "203.0.113.9:4711" });
	assert.deepEqual(pathFields("carol", here), { path: "proxied" });
	assert.deepEqual(pathFields("me", here), {});
});
