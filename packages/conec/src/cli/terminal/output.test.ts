import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../../testing/cli-surroundings.ts";
import type { Sink } from "../surroundings/sink.ts";
import { LOG_LEVELS, type LogLevel } from "../text/log-levels.ts";
import { localTime, Output } from "./output.ts";

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

const NOW = new Date("2026-11-29T12:00:00.000Z");

function made(options: {
	json?: boolean;
	tty?: boolean;
	isLog?: boolean;
	isPurpose?: boolean;
	level?: LogLevel;
	env?: Record<string, string>;
	linesTo?: "stdout" | "stderr";
}): {
	output: Output;
	stdout: Screen;
	stderr: Screen;
	clock: ManualClock;
} {
	const stdout = new Screen(options.tty ?? false);
	const stderr = new Screen(options.tty ?? false);
	// It has run for a second.
	const clock = new ManualClock(new Date(NOW.getTime() - 1_000));
	clock.pass(1_000);
	const { json = false, linesTo = "stdout", env = {}, isLog = false, isPurpose = false, level = "info" } = options;
	const output = new Output({ json, linesTo, env, stdout, stderr, isLog, isPurpose, level, clock });
	return { output, stdout, stderr, clock };
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
			{ event: "received", time: "2026-11-29T12:00:00.000Z", name: "a\nb" },
			{ event: "error", time: "2026-11-29T12:00:00.000Z", code: "PEER_LOST", message: "Cannot go on", hint: "try again" },
		],
	);
	assert.equal(stderr.text, "conec: Cannot go on\n       try again\n");
});

test("output: lines of a log have the date and the time, with the distance from UTC", () => {
	const { output, stdout, stderr } = made({ isLog: true });
	output.line("Coordinator is listening");
	output.event("connected", { id: "a" }, "+ a");
	output.note("closing");
	output.error("Cannot reload", "check it", undefined);
	const stamp = localTime(NOW);
	assert.match(stamp, /^2026-11-(29|30) \d\d:\d\d:00[+-]\d\d:\d\d$/);
	assert.equal(new Date(stamp).getTime(), NOW.getTime(), "RFC 3339 with a space");
	assert.equal(stdout.text, `Coordinator is listening\n${stamp} + a\n`);
	assert.equal(stderr.text, `${stamp} closing\n${stamp} conec: Cannot reload\n       check it\n`);
});

test("output: local times of zones east and west, with half hours and summer time, are the same moment", (t) => {
	const zone = process.env["TZ"];
	t.after(() => {
		if (zone === undefined) delete process.env["TZ"];
		else process.env["TZ"] = zone;
	});
	const cases: [string, string, string][] = [
		["UTC", "2026-11-29T12:00:00Z", "2026-11-29 12:00:00+00:00"],
		["Europe/Berlin", "2026-11-29T12:00:00Z", "2026-11-29 13:00:00+01:00"],
		["Europe/Berlin", "2026-07-29T12:00:00Z", "2026-07-29 14:00:00+02:00"],
		["America/St_Johns", "2026-11-29T01:00:00Z", "2026-11-28 21:30:00-03:30"],
		["Asia/Kathmandu", "2026-12-31T23:00:00Z", "2027-01-01 04:45:00+05:45"],
	];
	for (const [name, moment, shown] of cases) {
		process.env["TZ"] = name;
		assert.equal(localTime(new Date(moment)), shown, name);
	}
});

test("output: a progress line is not drawn for a reader that is behind", () => {
	const { stderr } = made({ tty: true });
	const behind = { write: (text: string) => stderr.write(text), isTTY: true, isBehind: true };
	const output = new Output({ json: false, linesTo: "stdout", env: {}, stdout: stderr, stderr: behind, clock: new ManualClock() });
	const progress = output.startProgress(10);
	progress.add(5);
	progress.end();
	assert.equal(stderr.text, "");
});

test("output: colour on a terminal only, and NO_COLOR is obeyed", () => {
	assert.equal(made({ tty: true }).output.style("green", "ok"), "\u001b[32mok\u001b[0m");
	assert.equal(made({ tty: false }).output.style("green", "ok"), "ok");
	assert.equal(made({ tty: true, env: { NO_COLOR: "1" } }).output.style("green", "ok"), "ok");
	assert.equal(made({ tty: true, env: { TERM: "dumb" } }).output.style("green", "ok"), "ok");
});

test("output: what need not move counts as done, but not for the rate", () => {
	const { output, stderr, clock } = made({ tty: true, linesTo: "stderr" });
	const progress = output.startProgress(10_000);
	clock.pass(1_100);
	progress.skip(5_000);
	assert.match(stderr.text, /50%[^/]*$/);
	clock.pass(1_100);
	progress.add(1_000);
	assert.match(stderr.text, /60%.*455 B\/s/);
	progress.end();
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

test("output: in JSON, what cannot be seen or steers a terminal is an escape, and the value is the same", () => {
	let count = 0;
	for (let code = 0; code <= 0x10ffff; code++) {
		const character = String.fromCodePoint(code);
		if (!/(?![\ufe0e\ufe0f])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u.test(character)) continue;
		count += 1;
		const { output, stdout } = made({ json: true });
		const fields = { text: `a${character}b`, [`key${character}`]: { list: [character] } };
		output.event("message", fields);
		assert.doesNotMatch(stdout.text.slice(0, -1), /[^\x20-\x7e]/, code.toString(16));
		const { event, time, ...read } = JSON.parse(stdout.text) as Record<string, unknown>;
		assert.deepEqual([event, typeof time, read], ["message", "string", fields]);
	}
	assert.ok(count > 6_000, `${count} characters`);
	const { output, stdout } = made({ json: true });
	output.event("message", { text: "\u009b2J \u202egnp \u{e0041} caf\u00e9 \u6f22 \u2764\ufe0f \\" });
	assert.match(stdout.text, /"\\u009b2J \\u202egnp \\udb40\\udc41 caf\u00e9 \u6f22 \u2764\ufe0f \\\\"/);
});

/** Says something at each level in every way. */
function sayAll(output: Output): void {
	for (const level of LOG_LEVELS) {
		output.event(`event-${level}`, {}, `event-${level}`, level);
		output.line(`line-${level}`, level);
		output.note(`note-${level}`, level);
	}
	output.event("always", {}, "event-always", "always");
	output.warn("careful");
	output.ask("sure?");
	output.error("Cannot", undefined, undefined);
}

for (const [index, level] of LOG_LEVELS.entries()) {
	const told = LOG_LEVELS.slice(0, index + 1);
	const isWarning = told.includes("warn");

	test(`output: at level ${level}, what is told of the work is left out below it`, () => {
		const { output, stdout, stderr } = made({ level });
		sayAll(output);
		assert.deepEqual(stdout.text.trim().split("\n"), [...told.flatMap((one) => [`event-${one}`, `line-${one}`]), "event-always"]);
		assert.deepEqual(stderr.text.trim().split("\n"), [
			...told.map((one) => `note-${one}`),
			...(isWarning ? ["warning: careful"] : []),
			"sure?",
			"conec: Cannot",
		]);
	});

	test(`output: at level ${level}, lines that are the purpose all come, but those for finding faults`, () => {
		const { output, stdout, stderr } = made({ level, isPurpose: true });
		sayAll(output);
		const lines = LOG_LEVELS.filter((one) => one !== "debug" || level === "debug");
		assert.deepEqual(stdout.text.trim().split("\n"), [...lines.flatMap((one) => [`event-${one}`, `line-${one}`]), "event-always"]);
		assert.equal(stderr.text.includes("note-info"), told.includes("info"));
	});

	test(`output: at level ${level}, all events come in JSON, and in a log those that are told, with their level`, () => {
		const events = (isLog: boolean): string[][] => {
			const { output, stdout, stderr } = made({ level, isLog, json: true });
			sayAll(output);
			assert.match(stderr.text, /^(\S+ \S+ )?conec: Cannot\n$/);
			const lines = stdout.text
				.trim()
				.split("\n")
				.map((line) => JSON.parse(line) as { event: string; level?: string });
			return lines.map((one) => [one.event, one.level ?? "none"]);
		};
		assert.deepEqual(events(false), [...LOG_LEVELS.map((one) => [`event-${one}`, "none"]), ["always", "none"], ["error", "none"]]);
		assert.deepEqual(events(true), [...told.map((one) => [`event-${one}`, one]), ["always", "info"], ["error", "error"]]);
	});

	test(`output: at level ${level}, ${told.includes("info") ? "progress is shown" : "no progress is shown"}`, () => {
		const { output, stderr } = made({ level, tty: true });
		const progress = output.startProgress(100);
		progress.add(50);
		progress.end();
		assert.equal(stderr.text.includes("50%"), told.includes("info"));
	});
}
