/** Names that are not UTF-8, symbolic links, and names that the receiver has to allow. */

import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { LinkPolicy } from "../../packages/conec/src/cli/transfer/reading/source-files.ts";
import { fileSystem, folders, NODE_FILE_SYSTEM, systemError, transfer } from "./transfer-fixture.ts";

/** Bytes that are no UTF-8. */
const NOT_UTF8: readonly (readonly [what: string, bytes: readonly number[], shown: string])[] = [
	["Latin-1", [0x63, 0x61, 0x66, 0xe9], "caf\\xe9"],
	["a lone continuation", [0x80], "\\x80"],
	["an overlong slash", [0x61, 0xc0, 0xaf], "a\\xc0\\xaf"],
	["a surrogate", [0xed, 0xa0, 0x80, 0x62], "\\xed\\xa0\\x80b"],
	["beyond Unicode", [0xf4, 0x90, 0x80, 0x80], "\\xf4\\x90\\x80\\x80"],
	["a cut-off sequence", [0x61, 0xe2, 0x82], "a\\xe2\\x82"],
	["an escape and Latin-1", [0x1b, 0x5b, 0xe9], "\\x1b[\\xe9"],
];
test("names: what is not UTF-8 is told so with its bytes, alone, for files and directories", async (t) => {
	const { from, to } = await folders(t);
	await writeFile(join(from, "plain"), "plain");
	await writeFile(join(from, "\ufeffmark\ufffd"), "a replacement character is a character");
	for (const [index, [, bytes]] of NOT_UTF8.entries()) {
		const path = Buffer.concat([Buffer.from(`${from}/`), Buffer.from(bytes)]);
		try {
			if (index % 2 === 0) await writeFile(path, "x");
			else await mkdir(path);
		} catch (error) {
			return t.skip(`this file system has no such names: ${(error as { code: string }).code}`);
		}
	}
	const { sent, received, summary } = await transfer([from], to, { allowName: async () => true });
	for (const [what, , shown] of NOT_UTF8) {
		for (const end of [sent, received]) {
			const outcome = end.outcomes.find(({ name }) => name === `from/${shown}`);
			assert.equal(outcome?.problem, "NAME_UNSAFE", what);
			assert.match(outcome?.detail ?? "", /it is not UTF-8/);
		}
	}
	assert.deepEqual([summary.files, summary.failed], [2, NOT_UTF8.length]);
	assert.deepEqual((await readdir(join(to, "from"))).sort(), ["plain", "\ufeffmark\ufffd"].sort());
});

test("names: one on the command line that Node could not decode is told as not UTF-8", async (t) => {
	const { from, to } = await folders(t);
	await writeFile(join(from, "plain"), "plain");
	const { sent } = await transfer([join(from, "caf\ufffd"), join(from, "plain")], to);
	assert.deepEqual(sent.problems(), [
		["caf\ufffd", "NAME_UNSAFE"],
		["plain", undefined],
	]);
	assert.match(sent.outcomes.find(({ problem }) => problem !== undefined)?.detail ?? "", /it is not UTF-8, or there is no such file/);
});

test("names: the empty one and the root are problems of their own", async (t) => {
	const { from, to } = await folders(t);
	await writeFile(join(from, "plain"), "plain");
	const { sent } = await transfer(["", join(from, "plain")], to);
	assert.deepEqual(sent.problems(), [
		["", "UNREADABLE"],
		["plain", undefined],
	]);
	const root = await transfer(["/"], to);
	assert.deepEqual(
		root.sent.outcomes.map(({ problem }) => problem),
		["NAME_UNSAFE"],
	);
});

test("names: relative ones in a working directory that was removed are problems of their own, the others arrive", async (t) => {
	if (process.platform === "win32") return t.skip("a working directory cannot be removed");
	const { from, to } = await folders(t);
	await writeFile(join(from, "plain"), "plain");
	const before = process.cwd();
	const gone = join(from, "gone");
	await mkdir(gone);
	process.chdir(gone);
	t.after(() => process.chdir(before));
	await rm(gone, { recursive: true });
	assert.throws(() => process.cwd(), { code: "ENOENT" });
	const { sent } = await transfer(["a", "b/c", "..", join(from, "plain")], to);
	assert.deepEqual(sent.problems(), [
		["..", "UNREADABLE"],
		["a", "UNREADABLE"],
		["b/c", "UNREADABLE"],
		["plain", undefined],
	]);
	for (const { problem, detail } of sent.outcomes) if (problem !== undefined) assert.match(detail ?? "", /no such file/);
});

test("names: a directory that no receiver takes is named once, nothing below it is sent", async (t) => {
	const { from, to } = await folders(t);
	for (const name of ["a:b", "ends.", "back\\slash"]) {
		await mkdir(join(from, "d", name, "deep"), { recursive: true });
		await writeFile(join(from, "d", name, "f"), "f");
	}
	const { sent } = await transfer([join(from, "d")], to);
	assert.deepEqual(sent.problems(), [
		["d", undefined],
		["d/a:b", "NAME_UNSAFE"],
		["d/back\\slash", "NAME_UNSAFE"],
		["d/ends.", "NAME_UNSAFE"],
	]);
});

/** Links below a directory `d`, what they lead to, and what becomes of them by policy. */
const LINKS: readonly (readonly [
	name: string,
	target: string,
	follow: { readonly arrives?: readonly string[]; readonly outside?: true; readonly problem?: RegExp },
])[] = [
	["to-file", "f", { arrives: ["d/to-file"] }],
	["to-directory", "sub", { arrives: ["d/to-directory", "d/to-directory/g"] }],
	["to-link", "to-file", { arrives: ["d/to-link"] }],
	["out-file", "../outside/o", { arrives: ["d/out-file"], outside: true }],
	["out-directory", "../outside", { arrives: ["d/out-directory", "d/out-directory/o"], outside: true }],
	["absolute", "OUTSIDE/o", { arrives: ["d/absolute"], outside: true }],
	["dangling", "nowhere", { problem: /it is a link that cannot be followed: .*no such file/ }],
	["through-file", "f/x", { problem: /cannot be followed: .*ENOTDIR/ }],
	["self", "self", { problem: /cannot be followed: .*ELOOP/ }],
	["here", ".", { problem: /leads back to a directory that it is in/ }],
	["up", "..", { problem: /leads back to a directory that it is in/ }],
	["own-name", "../d", { problem: /leads back/ }],
	["to-root", "/", { problem: /leads back/ }],
	["to-device", "/dev/null", { problem: /it is a device/, outside: true }],
];
for (const [name, target, follow] of LINKS) {
	test(`links: ${name} -> ${target}: left out by default, followed or named as asked`, async (t) => {
		const make = async (): Promise<{ from: string; to: string }> => {
			const places = await folders(t);
			await mkdir(join(places.from, "d/sub"), { recursive: true });
			await mkdir(join(places.from, "outside"));
			await writeFile(join(places.from, "d/f"), "f");
			await writeFile(join(places.from, "d/sub/g"), "g");
			await writeFile(join(places.from, "outside/o"), "o");
			if (target === "to-file") await symlink("f", join(places.from, "d/to-file"));
			await symlink(target.replace("OUTSIDE", join(places.from, "outside")), join(places.from, "d", name));
			return places;
		};
		const plain = ["d", "d/f", "d/sub", "d/sub/g"];
		const run = async (links: LinkPolicy) => {
			const { from, to } = await make();
			const result = await transfer([join(from, "d")], to, {}, { links });
			assert.deepEqual(result.received.problems(), result.sent.problems());
			return { ...result, to };
		};

		const skipped = await run("skip");
		assert.equal(skipped.summary.failed, 0);
		assert.deepEqual(
			skipped.sent.problems().map(([found]) => found),
			plain,
		);
		assert.ok(skipped.sent.links.some((link) => link.name === `d/${name}` && link.action === "skipped"));

		const failed = await run("fail");
		assert.equal(failed.sent.outcomes.find((outcome) => outcome.name === `d/${name}`)?.problem, "UNREADABLE");
		assert.match(failed.sent.outcomes.find((outcome) => outcome.name === `d/${name}`)?.detail ?? "", /it is a symbolic link/);
		for (const found of plain) assert.ok(failed.sent.outcomes.some((outcome) => outcome.name === found && outcome.problem === undefined));

		const followed = await run("follow");
		const outcomes = followed.sent.outcomes.filter((outcome) => outcome.name.startsWith(`d/${name}`));
		if (follow.problem !== undefined) {
			assert.deepEqual(
				outcomes.map(({ problem }) => problem),
				["UNREADABLE"],
			);
			assert.match(outcomes[0]?.detail ?? "", follow.problem);
		} else {
			assert.deepEqual(outcomes.map((outcome) => outcome.name).sort(), follow.arrives);
			assert.ok(outcomes.every(({ problem }) => problem === undefined));
		}
		const outside = followed.sent.links.filter((link) => link.name === `d/${name}`);
		assert.deepEqual(
			outside.map(({ action }) => action),
			follow.outside === true ? ["followed-outside"] : [],
		);
		for (const found of plain) assert.ok(followed.sent.outcomes.some((outcome) => outcome.name === found && outcome.problem === undefined));
	});
}

test("links: those that lead round over several directories end, also over a place outside", async (t) => {
	const { from, to } = await folders(t);
	await mkdir(join(from, "d/a"), { recursive: true });
	await mkdir(join(from, "d/b"));
	await mkdir(join(from, "x"));
	await symlink("../b", join(from, "d/a/to-b"));
	await symlink("../a", join(from, "d/b/to-a"));
	await symlink("../../x", join(from, "d/a/to-x"));
	await symlink("../d", join(from, "x/to-d"));
	const { sent } = await transfer([join(from, "d")], to, {}, { links: "follow" });
	assert.ok(sent.outcomes.length < 50, `${sent.outcomes.length} outcomes`);
	assert.ok(sent.outcomes.some(({ detail }) => /leads back/.test(detail ?? "")));
});

test("links: one that the user names is followed whatever --links says, under its own name; a dangling one is named", async (t) => {
	for (const links of ["skip", "follow", "fail"] as const) {
		const { from, to } = await folders(t);
		await mkdir(join(from, "target"));
		await writeFile(join(from, "target/f"), "f");
		await symlink("target", join(from, "directory-link"));
		await symlink("target/f", join(from, "file-link"));
		await symlink("nowhere", join(from, "dangling"));
		const { sent, summary } = await transfer(
			["directory-link", "file-link", "dangling"].map((name) => join(from, name)),
			to,
			{},
			{ links },
		);
		assert.deepEqual(sent.problems(), [
			["dangling", "UNREADABLE"],
			["directory-link", undefined],
			["directory-link/f", undefined],
			["file-link", undefined],
		]);
		assert.equal(summary.failed, 1);
		assert.equal(await readFile(join(to, "file-link"), "utf8"), "f");
	}
});

test("links: a link that takes the place of a file between the look and the opening is not followed", async (t) => {
	const { from, to } = await folders(t);
	await mkdir(join(from, "d"));
	await writeFile(join(from, "d/f"), "f");
	await writeFile(join(from, "secret"), "secret");
	for (const links of ["skip", "follow", "fail"] as const) {
		const files = fileSystem({
			async open(path, flags, mode) {
				await rm(path);
				await symlink("../secret", path);
				return NODE_FILE_SYSTEM.open(path, flags, mode);
			},
		});
		const { sent } = await transfer([join(from, "d")], to, {}, { links, files });
		if (links === "skip")
			assert.deepEqual(sent.problems(), [
				["d", undefined],
				["d/f", "UNREADABLE"],
			]);
		await rm(join(from, "d/f"));
		await writeFile(join(from, "d/f"), "f");
	}
});

test("names: an entry that is gone when it is looked at is named, the others arrive", async (t) => {
	const { from, to } = await folders(t);
	await writeFile(join(from, "f"), "f");
	const files = fileSystem({
		list: async (path) => [...(await NODE_FILE_SYSTEM.list(path)), Buffer.from("ghost")],
		lstat: (path) => (path.endsWith("ghost") ? Promise.reject(systemError("ENOENT")) : NODE_FILE_SYSTEM.lstat(path)),
	});
	const { sent } = await transfer([from], to, {}, { files });
	assert.deepEqual(sent.problems(), [
		["from", undefined],
		["from/f", undefined],
		["from/ghost", "UNREADABLE"],
	]);
});

/** Names, as they are sent, that have to be allowed; a trailing slash stands for a directory with a file `f` in it. */
const HIDDEN = [".bashrc", ".ssh/", ".config/", ".a", "..a", "BASHRC~1", "SSH~1/", "GITCON~1.TXT"];
const INVISIBLE = [
	"\u202egnp.exe",
	"a\u200bb",
	"\ufeffa",
	"a\u00adb",
	"a\u2066b",
	"a\u061cb",
	"x\u{e0041}",
	"a\u034fb",
	"\u3164",
	"a\u180eb",
	"in\u200dvisible/",
];
for (const name of [...HIDDEN, ...INVISIBLE]) {
	test(`hidden: ${JSON.stringify(name)} at the top needs a yes; refused it is told to both with what to do, and the others arrive`, async (t) => {
		const { from, to } = await folders(t);
		const bare = name.replace("/", "");
		if (name.endsWith("/")) {
			await mkdir(join(from, bare));
			await writeFile(join(from, bare, "f"), "f");
		} else await writeFile(join(from, bare), "f");
		await writeFile(join(from, "plain"), "plain");
		const paths = [join(from, bare), join(from, "plain")];
		const refused = await transfer(paths, to);
		for (const end of [refused.sent, refused.received]) {
			const found = end.outcomes.filter((outcome) => outcome.name !== "plain");
			assert.ok(found.length >= 1 && found.every(({ problem, detail }) => problem === "NAME_HIDDEN" && /--allow-hidden/.test(detail ?? "")));
		}
		assert.deepEqual(await readdir(to), ["plain"]);

		const asked: string[] = [];
		const allowName = async (what: string): Promise<boolean> => {
			asked.push(what);
			return true;
		};
		const taken = await transfer(paths, to, { force: true, allowName });
		assert.equal(taken.summary.failed, 0);
		assert.deepEqual(asked, [bare]);
		assert.ok((await readdir(to)).includes(bare));
	});
}

test("hidden: below a directory that was sent a dot is ordinary, invisible characters are not", async (t) => {
	const { from, to } = await folders(t);
	await mkdir(join(from, "project/.git/hooks"), { recursive: true });
	await writeFile(join(from, "project/.git/config"), "c");
	await writeFile(join(from, "project/.env"), "e");
	await mkdir(join(from, "project/a\u202eb"));
	await writeFile(join(from, "project/a\u202eb/f"), "f");
	const { sent } = await transfer([join(from, "project")], to);
	const problems = sent.problems().filter(([, problem]) => problem !== undefined);
	assert.deepEqual(problems, [
		["project/a\u202eb", "NAME_HIDDEN"],
		["project/a\u202eb/f", "NAME_HIDDEN"],
	]);
	assert.deepEqual((await readdir(join(to, "project"))).sort(), [".env", ".git"]);
});

test("hidden: a no for a directory stops the sender from reading all that is in it", async (t) => {
	const { from, to } = await folders(t);
	await mkdir(join(from, ".big"));
	for (let index = 0; index < 3_000; index += 1) await writeFile(join(from, ".big", `f${index}`), "x");
	const { sent, summary } = await transfer([join(from, ".big")], to);
	assert.equal(summary.files, 0);
	assert.ok(sent.outcomes.length < 1_500, `${sent.outcomes.length} of 3,001 were still sent`);
	assert.deepEqual(await readdir(to), []);
});
