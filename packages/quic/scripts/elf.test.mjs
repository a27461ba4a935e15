import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { compareVersions, readElf } from "./elf.mjs";
import { makePrebuild } from "./prebuilds.mjs";

const { load } = createRequire(import.meta.url)("../native/loader.cjs");
const built = load();
const needsLibrary = process.platform === "linux" && built.ok ? {} : { skip: "no addon is built here, or it is not one of Linux" };

test("ELF: what the addon that is used here needs is there", needsLibrary, () => {
	const { cpu, glibc, libraries } = readElf(built.source.slice(built.source.indexOf(":") + 1));
	assert.equal(cpu, process.arch);
	const here = process.report.getReport().header.glibcVersionRuntime;
	assert.equal(glibc === undefined, here === undefined);
	if (here !== undefined) assert.ok(compareVersions(glibc, here) <= 0, `${glibc} and ${here}`);
	assert.ok(
		libraries.some((name) => name.startsWith("libc.")),
		libraries.join(),
	);
});

test("ELF: Node itself needs the C library, too", { skip: process.platform === "linux" ? false : "Node is no ELF file here" }, () => {
	assert.equal(readElf(process.execPath).cpu, process.arch);
});

test("ELF: a file that is none is refused by name", (context) => {
	const directory = mkdtempSync(join(tmpdir(), "conec-elf-"));
	context.after(() => rmSync(directory, { recursive: true, force: true }));
	for (const content of ["", "text", "MZ".padEnd(100), `\x7fELF${"\x01".repeat(100)}`]) {
		const file = join(directory, "library.so");
		writeFileSync(file, content, "latin1");
		assert.throws(() => readElf(file), /library\.so is no 64-bit library of Linux/);
	}
});

test("ELF: versions are compared number by number", () => {
	const sorted = ["2.2.5", "2.14", "2.17", "2.28", "2.34", "3"];
	assert.deepEqual([...sorted].reverse().sort(compareVersions), sorted);
	assert.equal(compareVersions("2.17", "2.17.0"), 0);
});

test("prebuilds: an unknown target and one of another system are refused, and nothing is built", () => {
	const options = { out: "/nonexistent", targetDirectory: "/nonexistent" };
	assert.match(makePrebuild({ target: "plan9-mips", ...options }).reason, /^there is no such target\. There are linux-x64, /);
	const other = process.platform === "darwin" ? "linux-x64" : "darwin-arm64";
	assert.match(makePrebuild({ target: other, ...options }).reason, /^it is built on (darwin|linux) only$/);
});
