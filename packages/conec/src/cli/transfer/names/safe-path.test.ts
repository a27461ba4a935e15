import assert from "node:assert/strict";
import { posix, win32 } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { MAX_COMPONENTS, parseSafePath } from "./safe-path.ts";

const SAFE: readonly string[] = [
	"a",
	"a.txt",
	"dir/a.txt",
	"a/b/c/d",
	".hidden",
	"..a",
	"...a",
	"a..b",
	"a b",
	"été/漢字 🙂.png",
	"console.log",
	"com.txt",
	"com10",
	"nullable",
	"lpt",
	"auxiliary.c",
	"x".repeat(255),
	"é".repeat(127),
	"~root",
	"-rf",
	"$HOME",
	"a'b;c&d",
	"file.part-0123abcd",
];

for (const name of SAFE) {
	test(`safe path: accepts ${JSON.stringify(name.slice(0, 40))}`, () => {
		assert.deepEqual(parseSafePath(name), { safe: true, components: name.split("/") });
	});
}

const UNSAFE: readonly (readonly [name: string, reason: RegExp])[] = [
	["", /empty/],
	[".", /"\."/],
	["..", /"\.\."/],
	["../a", /"\.\."/],
	["a/../b", /"\.\."/],
	["a/..", /"\.\."/],
	["a/./b", /"\."/],
	["/", /absolute/],
	["/etc/passwd", /absolute/],
	["//server/share", /absolute/],
	["a//b", /empty component/],
	["a/", /empty component/],
	["\\a", /backslash/],
	["..\\a", /backslash/],
	["a\\b", /backslash/],
	["\\\\?\\C:\\a", /backslash/],
	["C:", /reserved/],
	["C:/a", /reserved/],
	["c:a", /reserved/],
	["a:stream", /reserved/],
	["a/b::$DATA", /reserved/],
	["a?", /reserved/],
	["a*", /reserved/],
	["a|b", /reserved/],
	["a<b", /reserved/],
	["a>b", /reserved/],
	['a"b', /reserved/],
	["a\0", /control/],
	["a\0/../b", /control/],
	["a\nb", /control/],
	["a\rb", /control/],
	["a\tb", /control/],
	["\u001b[2J", /control/],
	["a\u007f", /control/],
	["a\u0085", /control/],
	["a\u009b31m", /control/],
	["a\u2028b", /control/],
	["a.", /dot or a space/],
	["a ", /dot or a space/],
	["a./b", /dot or a space/],
	["a /b", /dot or a space/],
	["...", /dot or a space/],
	[".. ", /dot or a space/],
	[" a", /starts with a space/],
	["con", /device/],
	["CON", /device/],
	["Con.txt", /device/],
	["con .txt", /device/],
	["a/nul", /device/],
	["nul/a", /device/],
	["aux.tar.gz", /device/],
	["prn.", /dot or a space/],
	["COM1", /device/],
	["com9.log", /device/],
	["com0", /device/],
	["lpt1", /device/],
	["LPT\u00b9", /device/],
	["com\u00b2.txt", /device/],
	["COM\u00b3", /device/],
	["CONIN$", /device/],
	["conout$.txt", /device/],
	["clock$", /device/],
	["x".repeat(256), /longer than 255/],
	["é".repeat(128), /longer than 255/],
	[`${"a/".repeat(MAX_COMPONENTS)}a`, /more than 64/],
	["abcdefgh/".repeat(500), /longer than 4096/],
	["a\ud800", /Unicode/],
	["\udc00b", /Unicode/],
];

for (const [name, reason] of UNSAFE) {
	test(`safe path: refuses ${JSON.stringify(name.slice(0, 40))}`, () => {
		const result = parseSafePath(name);
		assert.equal(result.safe, false);
		assert.match(result.safe ? "" : result.reason, reason);
	});
}

test("safe path: whatever is accepted stays below the directory on POSIX and on Windows", () => {
	const piece = fc.oneof(fc.string({ unit: "binary", maxLength: 6 }), fc.constantFrom("..", ".", "/", "\\", "C:", "nul", "a", " ", "\0"));
	fc.assert(
		fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
			const name = pieces.join("");
			const result = parseSafePath(name);
			if (!result.safe) return;
			assert.equal(posix.relative("/base", posix.join("/base", name)), name);
			assert.equal(win32.relative("C:\\base", win32.join("C:\\base", name)), result.components.join("\\"));
		}),
		{ numRuns: 2_000 },
	);
});
