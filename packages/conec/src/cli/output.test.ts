import assert from "node:assert/strict";
import { test } from "node:test";
import { Output, type Sink } from "./output.ts";

class Screen implements Sink {
	text = "";
	readonly isTTY: boolean;
	readonly columns = 80;
	constructor(isTTY: boolean) {
		this.isTTY = isTTY;
	}
	write(text: string): void {
		this.text += text;
	}
}

function made(options: { json?: boolean; tty?: boolean; env?: Record<string, string>; linesTo?: "stdout" | "stderr" }): {
	output: Output;
	stdout: Screen;
	stderr: Screen;
} {
	const stdout = new Screen(options.tty ?? false);
	const stderr = new Screen(options.tty ?? false);
	const output = new Output({ json: options.json ?? false, linesTo: options.linesTo ?? "stdout", env: options.env ?? {}, stdout, stderr });
	return { output, stdout, stderr };
}

test("output: plain lines, remarks on standard error", () => {
	const { output, stdout, stderr } = made({});
	output.event("received", { name: "a" }, "received a");
	output.event("quiet", {});
	output.note("by the way");
	assert.equal(stdout.text, "received a\n");
	assert.equal(stderr.text, "by the way\n");
});

test("output: JSON is one object per line and nothing else on standard output", () => {
	const { output, stdout, stderr } = made({ json: true });
	output.event("received", { name: "a\nb", sha256: undefined }, "received a");
	output.note("by the way");
	output.error("Cannot go on", "try again", "PEER_LOST");
	assert.deepEqual(
		stdout.text
			.trimEnd()
			.split("\n")
			.map((line) => JSON.parse(line)),
		[
			{ event: "received", name: "a\nb" },
			{ event: "error", code: "PEER_LOST", message: "Cannot go on", hint: "try again" },
		],
	);
	assert.equal(stderr.text, "conec: Cannot go on\n       try again\n");
});

test("output: colour on a terminal only, and NO_COLOR is obeyed", () => {
	assert.equal(made({ tty: true }).output.style("green", "ok"), "\u001b[32mok\u001b[0m");
	assert.equal(made({ tty: false }).output.style("green", "ok"), "ok");
	assert.equal(made({ tty: true, env: { NO_COLOR: "1" } }).output.style("green", "ok"), "ok");
	assert.equal(made({ tty: true, env: { TERM: "dumb" } }).output.style("green", "ok"), "ok");
});

test("output: a line erases the progress line before it and draws it again after it", () => {
	const { output, stderr } = made({ tty: true, linesTo: "stderr" });
	const progress = output.startProgress(1_000);
	progress.label = "film";
	progress.add(500);
	output.note("a remark");
	progress.end();
	const shown = stderr.text.replaceAll("\u001b[K", "<clear>");
	assert.match(shown, /^\rfilm .*50%.*<clear>\r<clear>a remark\n\rfilm .*<clear>\r<clear>$/);
});

test("output: a line that is kept below steps aside for every line, until it is let go", () => {
	const { output, stdout } = made({});
	output.keepBelow({ hide: () => stdout.write("<hide>"), show: () => stdout.write("<show>") });
	output.line("one");
	output.keepBelow(undefined);
	output.line("two");
	assert.equal(stdout.text, "<hide>one\n<show>two\n");
});

test("output: no progress line is drawn while a line is kept below", () => {
	const { output, stderr } = made({ tty: true, linesTo: "stderr" });
	const progress = output.startProgress(1_000);
	output.keepBelow({ hide: () => stderr.write("<hide>"), show: () => stderr.write("<show>") });
	progress.add(500);
	output.note("a remark");
	output.startProgress(1_000).add(1);
	assert.equal(stderr.text, "<hide>a remark\n<show>");
	output.keepBelow(undefined);
	output.startProgress(1_000).add(1);
	assert.match(stderr.text, /<show>\r.*1 B/);
	output.startProgress(undefined).end();
});

test("output: no progress line without a terminal or in JSON", () => {
	for (const { output, stderr } of [made({ tty: false }), made({ tty: true, json: true })]) {
		const progress = output.startProgress(10);
		progress.add(5);
		progress.end();
		assert.equal(stderr.text, "");
	}
});
