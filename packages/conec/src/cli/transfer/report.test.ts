import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../../testing/cli-surroundings.ts";
import { Output } from "../terminal/output.ts";
import { FILE_PROBLEMS } from "./ground/protocol.ts";
import { countThings, TransferReport } from "./report.ts";

function report(files: number, json = false): { readonly report: TransferReport; readonly lines: string[] } {
	const lines: string[] = [];
	const clock = new ManualClock();
	const sink = { write: (text: string) => lines.push(text) };
	const output = new Output({ json, linesTo: "stdout", env: {}, stdout: sink, stderr: { write: () => undefined }, clock });
	return { report: new TransferReport(output, clock, "sent", "bob", { files, bytes: undefined }), lines };
}

test("transfer report: a file system that refuses times for thousands of files says so a hundred times and counts the rest", () => {
	const { report: told, lines } = report(5_000);
	for (let index = 0; index < 5_000; index += 1) told.settled({ kind: "file", name: `f${index}`, size: 1, sha256: "", remark: "its time was not set (EPERM)" });
	assert.equal(lines.length, 100);
	assert.equal(lines[0], 'sent "f0" (1 B) to bob; its time was not set (EPERM)\n');
	assert.equal(told.addenda({ failed: 2, identical: 0 }), "; 2 failed; 5000 with a remark");
});

test("transfer report: links that are left out are listed up to a hundred, those that lead out always", () => {
	const { report: told, lines } = report(1);
	for (let index = 0; index < 300; index += 1) told.link({ type: "link", name: `l${index}`, action: "skipped" });
	for (let index = 0; index < 150; index += 1) told.link({ type: "link", name: `o${index}`, action: "followed-outside", target: "/etc\u001b[2J" });
	assert.equal(lines.length, 250);
	assert.equal(lines[0], 'left out "l0": it is a symbolic link (see --links)\n');
	assert.equal(lines[249], '"o149" leads out of what was named, to "/etc\\x1b[2J"\n');
	assert.equal(told.addenda({ failed: 0, identical: 0 }), "; 300 symbolic links left out");
});

test("transfer report: programs hear of every file, directory and link, and of remarks", () => {
	const { report: told, lines } = report(1_000, true);
	for (let index = 0; index < 200; index += 1) told.settled({ kind: "file", name: `f${index}`, size: 1, sha256: "ab" });
	told.settled({ kind: "directory", name: "d", remark: "r" });
	told.settled({ kind: "directory", name: "e", problem: "EXISTS", detail: "why" });
	told.link({ type: "link", name: "l", action: "skipped" });
	const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
	assert.ok(events.every(({ time }) => typeof time === "string"));
	for (const event of events) delete event["time"];
	assert.equal(events.length, 203);
	assert.deepEqual(events.slice(200), [
		{ event: "directory", peer: "bob", name: "d", ok: true, remark: "r" },
		{ event: "directory", peer: "bob", name: "e", ok: false, problem: "EXISTS", detail: "why" },
		{ event: "link", name: "l", action: "skipped" },
	]);
});

test("transfer report: every problem has one line, in which nothing of the peer reaches the terminal", () => {
	for (const problem of FILE_PROBLEMS) {
		const { report: told, lines } = report(1);
		told.settled({ kind: "file", name: "a\u001b[2J", problem, detail: "why\u001b]0;x\u0007\nnext" });
		assert.equal(lines.length, 1);
		// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
		assert.match(lines[0] ?? "", /^not sent "a\\x1b\[2J": [^\u0000-\u001f]*why\\x1b\]0;x\\x07\\x0anext\n$/);
	}
});

test("transfer report: what was sent, in words", () => {
	const table = [
		[0, 0, "0 files"],
		[1, 0, "1 file"],
		[0, 1, "1 directory"],
		[0, 2, "2 directories"],
		[1, 1, "1 file and 1 directory"],
		[3, 2, "3 files and 2 directories"],
	] as const;
	for (const [files, directories, words] of table) assert.equal(countThings({ files, directories }), words);
});
