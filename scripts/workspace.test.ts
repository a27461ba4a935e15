import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
// @ts-expect-error a script without types
import { globFiles } from "./files.mjs";
// @ts-expect-error a script without types
import { MAX_FILES, MAX_LINES } from "./layout.mjs";

const root: string = join(import.meta.dirname, "..");
const quic = manifest("packages/quic/package.json");
const conec = manifest("packages/conec/package.json");

interface Manifest {
	readonly version: string;
	readonly dependencies?: Readonly<Record<string, string>>;
	readonly optionalDependencies?: unknown;
}

test("workspace: both packages, their dependency and the crate have one version", () => {
	assert.equal(conec.version, quic.version);
	assert.equal(conec.dependencies?.["@conec/quic"], quic.version);
	assert.equal(/^version = "(.*)"$/m.exec(text("packages/quic/native/Cargo.toml"))?.[1], quic.version);
});

test("workspace: the loader and the addon agree on the ABI number", () => {
	const expected = /^const ABI_VERSION = (\d+);$/m.exec(text("packages/quic/native/target.cjs"))?.[1];
	const found = /^(?:pub )?const ABI_VERSION: u32 = (\d+);$/m.exec(text("packages/quic/native/src/bridge/addon.rs"))?.[1];
	assert.ok(expected !== undefined);
	assert.equal(found, expected);
});

test("workspace: the lock file holds no platform package of ours, so npm ci needs none", () => {
	assert.equal(quic.optionalDependencies, undefined);
	assert.doesNotMatch(text("package-lock.json"), /@conec\/quic-/);
});

test("workspace: the tarball of @conec/quic has what a build needs and nothing of ours besides", () => {
	const files = packed("packages/quic");
	for (const file of [
		"native/Cargo.toml",
		"native/Cargo.lock",
		"native/build.rs",
		"native/src/lib.rs",
		"native/loader.cjs",
		"native/packages.cjs",
		"native/target.cjs",
		"scripts/build-native.mjs",
		"scripts/cli.mjs",
	]) {
		assert.ok(files.includes(file), file);
	}
	assert.ok(files.includes("LICENSE"));
	const strays = files.filter((file) => /\.test\.|fixture|native\/(target|build|prebuilds)\/|native\/bench|tsconfig/.test(file));
	assert.deepEqual(strays, []);
});

test("workspace: the tarball of conec has no tests", () => {
	const files = packed("packages/conec");
	assert.ok(files.includes("src/errors.ts"));
	assert.deepEqual(
		files.filter((file) => /\.test\.|tsconfig/.test(file)),
		[],
	);
});

test("source: no bare Error is thrown, every error has a class and a code", () => {
	const bare = sources().flatMap((file) => lines(file).filter(({ line }) => /\bnew Error\(/.test(line) && !/^\s*(\*|\/\/)/.test(line)));
	assert.deepEqual(bare, []);
});

test("source: nothing that Node 20 lacks", () => {
	const late = sources().flatMap((file) => lines(file).filter(({ line }) => /^\s*(await )?using \w+ =|Promise\.(withResolvers|try)\(/.test(line)));
	assert.deepEqual(late, []);
});

test("source: files and folders of @conec/quic stay small", () => {
	const files = sources().filter((file) => file.startsWith("packages/quic/"));
	const inside = (folder: string): string[] => files.filter((file) => dirname(file) === folder);
	assert.ok(files.length > 5);
	assert.deepEqual(
		[...new Set(files.map(dirname))].filter((folder) => inside(folder).length > MAX_FILES),
		[],
	);
	assert.deepEqual(
		files.filter((file) => text(file).split("\n").length - 1 > MAX_LINES),
		[],
	);
});

test("repository: no file refers to a place outside it", () => {
	const outside = new RegExp(`(/work/|\\.\\./)${"shared"}\\b`);
	const tracked = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" }).split("\0").filter(Boolean);
	const found = tracked.filter((file) => !/\.(png|node)$/.test(file) && outside.test(read(file)));
	assert.deepEqual(found, []);
});

function sources(): string[] {
	return (globFiles(["packages/quic/src", "packages/conec/src"], /\.ts$/) as string[]).filter((file) => !/\.test\.ts$|-(suite|fixture)\.ts$/.test(file));
}

function lines(file: string): { at: string; line: string }[] {
	return text(file)
		.split("\n")
		.map((line, index) => ({ at: `${file}:${index + 1}`, line }));
}

/** What `npm pack` would take, without running its scripts. */
function packed(directory: string): string[] {
	const output = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
		cwd: join(root, directory),
		encoding: "utf8",
		stdio: ["ignore", "pipe", "ignore"],
		shell: process.platform === "win32",
	});
	const [pack] = JSON.parse(output) as { files: { path: string }[] }[];
	return pack!.files.map((file) => file.path);
}

function manifest(file: string): Manifest {
	return JSON.parse(text(file)) as Manifest;
}

function text(file: string): string {
	return readFileSync(join(root, file), "utf8");
}

/** A tracked file that another change is just removing counts as empty. */
function read(file: string): string {
	try {
		return text(file);
	} catch {
		return "";
	}
}
