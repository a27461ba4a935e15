import assert from "node:assert/strict";
import { test } from "node:test";
import { formatBytes, formatDuration, RateMeter, renderProgress } from "./progress.ts";
import { textWidth } from "./width.ts";

test("progress: a wide terminal shows name, bar, share, amount, rate and time left", () => {
	const line = renderProgress({ label: "film.mkv", doneBytes: 524_288_000, totalBytes: 1_048_576_000, bytesPerSecond: 104_857_600, columns: 110 });
	assert.equal(line, `film.mkv                  [${"#".repeat(15)}${"-".repeat(15)}]   50%     500 MiB     100 MiB/s  0:05 left`);
});

test("progress: never wider than the terminal, at any width and any name", () => {
	for (let columns = 10; columns < 140; columns += 1) {
		for (const label of ["", "a", "x".repeat(300), "\u001b[2J".repeat(10), "写真".repeat(30), "🙂.jpg".repeat(20), "e\u0301".repeat(80), "a\tb".repeat(20)]) {
			const line = renderProgress({ label, doneBytes: 123_456_789, totalBytes: 987_654_321, bytesPerSecond: 1_234_567, columns });
			assert.ok(textWidth(line) < Math.max(columns, 11) || columns < 11, `${textWidth(line)} of ${columns}: ${line}`);
			assert.ok(!line.includes("\t"));
			assert.ok(!line.includes("\u001b"));
		}
	}
});

test("progress: the columns stay where they are, whatever script the name is in", () => {
	const at = (label: string): number => {
		const line = renderProgress({ label, doneBytes: 500, totalBytes: 1_000, bytesPerSecond: 100, columns: 110 });
		return textWidth(line.slice(0, line.indexOf("[")));
	};
	for (const label of ["写真.jpg", "🙂 holiday.jpg", "cafe\u0301.txt"]) assert.equal(at(label), at("film.mkv"), label);
	for (const label of ["とても長い名前のファイルです、ここで切れます.txt", "x写真".repeat(20), "🙂".repeat(40)])
		assert.equal(at(label), at("x".repeat(99)), label);
});

test("progress: without a total there is no bar and no time left", () => {
	assert.equal(
		renderProgress({ label: "3 files", doneBytes: 2_048, totalBytes: undefined, bytesPerSecond: undefined, columns: 80 }).trim(),
		"3 files                     2.00 KiB",
	);
});

test("progress: nothing to send is done", () => {
	assert.match(renderProgress({ label: "empty", doneBytes: 0, totalBytes: 0, bytesPerSecond: undefined, columns: 100 }), /\[#{30}\] {2}100%/);
});

test("progress: more than announced shows no share, no bar and no time left", () => {
	const line = renderProgress({ label: "log", doneBytes: 300, totalBytes: 200, bytesPerSecond: 10, columns: 100 });
	assert.match(line, /^log +300 B +10 B\/s$/);
});

test("rate meter: forgets what is older than its window", () => {
	const meter = new RateMeter();
	for (let now = 0; now <= 10_000; now += 100) meter.sample(now, now < 4_000 ? now * 1_000 : 4_000_000);
	assert.equal(meter.rate(10_000, 4_000_000), 0);
});

test("rate meter: says nothing in the first half second, then the mean", () => {
	const meter = new RateMeter();
	meter.sample(1_000, 0);
	assert.equal(meter.rate(1_400, 100), undefined);
	assert.equal(meter.rate(2_000, 5_000), 5_000);
});

test("format: bytes keep three digits, durations are clocks", () => {
	assert.deepEqual([0, 999, 1_000, 1_024, 10_240, 1_048_576, 1_073_741_824, 2 ** 60].map(formatBytes), [
		"0 B",
		"999 B",
		"0.98 KiB",
		"1.00 KiB",
		"10.0 KiB",
		"1.00 MiB",
		"1.00 GiB",
		"1024 PiB",
	]);
	assert.deepEqual([0, 1, 61_000, 3_723_000, Number.POSITIVE_INFINITY].map(formatDuration), ["0:00", "0:01", "1:01", "1:02:03", "over 99 h"]);
});
