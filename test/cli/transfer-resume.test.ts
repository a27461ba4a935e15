import assert from "node:assert/strict";
import { appendFile, chmod, link, mkdir, readFile, rename, stat, symlink, truncate, unlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { KeptParts } from "../../packages/conec/src/cli/transfer/placing/index.ts";
import { testSurroundings } from "../../packages/conec/testing/cli-surroundings.ts";
import { brokenOff, isWhole, keeping, leftOvers, randomFile, resumed, SIZE, sha, thePart } from "./resume-fixture.ts";
import { facts, fileSystem, folders, NODE_FILE_SYSTEM, systemError, transfer, withOpenFiles } from "./transfer-fixture.ts";

test("resume: a file that broke off goes on where it was, and both ends say so", async (t) => {
	const { from, to } = await folders(t);
	const content = await randomFile(from, "big");
	const first = await brokenOff([join(from, "big")], to, 1_000_000);
	const had = (await stat(await thePart(to))).size;
	assert.deepEqual(first.received.said, [`big kept: ${had}`]);
	assert.ok(had >= 1_000_000 && had < SIZE, String(had));
	assert.equal((await stat(await thePart(to))).mode & 0o777, 0o600);
	const second = await resumed([join(from, "big")], to);
	assert.deepEqual(second.summary, { files: 1, directories: 0, bytes: SIZE, resumed: had, identical: 0, failed: 0 });
	for (const { said, outcomes } of [second.sent, second.received]) {
		assert.deepEqual(said, [`big goes on at ${had}`]);
		assert.equal(outcomes[0]?.sha256, sha(content));
		assert.equal(outcomes[0]?.resumed, had);
	}
	assert.ok(await isWhole(to, "big", content));
});

test("resume: a file arrives whole through ten breaks, and none sends again what is there", async (t) => {
	const { from, to } = await folders(t);
	const content = await randomFile(from, "big");
	const bytes = [];
	for (let round = 0; round < 10; round += 1) {
		const { received } = await brokenOff([join(from, "big")], to, 250_000 * (round + 1));
		bytes.push(Number(/\d+$/.exec(received.said.at(-1) ?? "")?.[0]));
	}
	assert.deepEqual(
		bytes,
		bytes.toSorted((a, b) => a - b),
	);
	await resumed([join(from, "big")], to);
	assert.ok(await isWhole(to, "big", content));
});

test("resume: without it nothing stays, as before", async (t) => {
	const { from, to } = await folders(t);
	await randomFile(from, "big");
	await brokenOff([join(from, "big")], to, 1_000_000, { keeping: undefined }, { resume: false });
	assert.deepEqual(await leftOvers(to), []);
	await brokenOff([join(from, "big")], to, 1_000_000, {}, { resume: false });
	assert.deepEqual(await leftOvers(to), []);
});

test("resume: nothing there, an empty file, small files and directories are sent as always", async (t) => {
	const { from, to } = await folders(t);
	await mkdir(join(from, "d/e"), { recursive: true });
	const content = await randomFile(from, "d/e/big");
	await writeFile(join(from, "d/empty"), "");
	await randomFile(from, "d/medium", 300_000);
	const { summary, sent, received } = await resumed([join(from, "d")], to);
	assert.deepEqual(summary, { files: 3, directories: 2, bytes: SIZE + 300_000, identical: 0, failed: 0 });
	assert.deepEqual([...sent.said, ...received.said], []);
	assert.ok(await isWhole(join(to, "d/e"), "big", content));
});

test("resume: of several files those that are there are skipped, and the one that broke off goes on", async (t) => {
	const { from, to } = await folders(t);
	const names = ["a", "b", "c"];
	const contents = await Promise.all(names.map((name) => randomFile(from, name)));
	await writeFile(join(from, "0"), "small");
	const paths = ["0", ...names].map((name) => join(from, name));
	await brokenOff(paths, to, 1.5 * SIZE);
	const { summary, sent } = await resumed(paths, to);
	assert.deepEqual([summary.files, summary.identical, summary.failed], [2, 2, 0]);
	assert.ok(
		sent.said.some((said) => /^b goes on at/.test(said)),
		sent.said.join(),
	);
	for (const [index, name] of names.entries()) assert.ok(await isWhole(to, name, contents[index] as Buffer));
});

test("resume: a directory goes on in the middle", async (t) => {
	const { from, to } = await folders(t);
	await mkdir(join(from, "d"));
	const [a, b] = [await randomFile(from, "d/a"), await randomFile(from, "d/b")];
	await brokenOff([join(from, "d")], to, 1.5 * SIZE);
	const { summary } = await resumed([join(from, "d")], to);
	assert.deepEqual([summary.files, summary.directories, summary.identical, summary.failed], [1, 1, 1, 0]);
	assert.ok((await isWhole(join(to, "d"), "a", a)) && (await isWhole(join(to, "d"), "b", b)));
});

test("resume: a file that has changed begins anew, and both ends say why", async (t) => {
	const { from, to } = await folders(t);
	await randomFile(from, "big");
	await brokenOff([join(from, "big")], to, 1_000_000);
	const content = await randomFile(from, "big");
	const { sent, received, summary } = await resumed([join(from, "big")], to);
	const why = "big anew: what is there is not the beginning of the file as it is now";
	assert.deepEqual([sent.said, received.said], [[why], [why]]);
	assert.equal(summary.resumed, undefined);
	// What was compared and was not the same has not moved.
	assert.deepEqual([sent.bytes, received.bytes], [SIZE, SIZE]);
	assert.ok(await isWhole(to, "big", content));
});

test("resume: a file that is shorter now begins anew, also where what is there is its beginning; one that has grown goes on", async (t) => {
	const { from, to } = await folders(t);
	const content = await randomFile(from, "big");
	await brokenOff([join(from, "big")], to, 2_000_000);
	await truncate(join(from, "big"), 1_200_000);
	const { sent, received } = await resumed([join(from, "big")], to);
	for (const { said } of [sent, received]) assert.deepEqual(said, ["big anew: what is there is longer than the file"]);
	assert.ok(await isWhole(to, "big", content.subarray(0, 1_200_000)));

	const log = await randomFile(from, "log");
	await brokenOff([join(from, "log")], to, 2_000_000);
	await appendFile(join(from, "log"), "one more line");
	const grown = await resumed([join(from, "log")], to);
	assert.match(grown.sent.said.join(), /^log goes on at/);
	assert.ok(await isWhole(to, "log", Buffer.concat([log, Buffer.from("one more line")])));
});

test("resume: what another key has sent under the same name is not told and not touched", async (t) => {
	const { from, to } = await folders(t);
	await randomFile(from, "big");
	await brokenOff([join(from, "big")], to, 2_000_000);
	const part = await thePart(to);
	const before = await readFile(part);
	await mkdir(join(from, "eve"));
	const eves = await randomFile(join(from, "eve"), "big");
	const { sent } = await resumed([join(from, "eve/big")], to, { keeping: keeping("eve's key") });
	assert.deepEqual(sent.said, []);
	assert.deepEqual(await readFile(part), before);
	assert.deepEqual(await readFile(join(to, "big")), eves);
});

test("resume: a sender whose key is not known here gets the whole file there, and nothing of it stays", async (t) => {
	const { from, to } = await folders(t);
	const content = await randomFile(from, "big");
	const unknown = { keeping: { ...keeping(), owner: async () => undefined } };
	await brokenOff([join(from, "big")], to, 1_000_000, unknown);
	assert.deepEqual(await leftOvers(to), []);
	const { sent } = await resumed([join(from, "big")], to, unknown);
	assert.deepEqual(sent.said, ["big anew: the key of the sender is not known here"]);
	assert.ok(await isWhole(to, "big", content));
});

/** Puts something in the place of the part file. */
const TRAPS: readonly (readonly [what: string, trap: (part: string, outside: string) => Promise<void>, why: RegExp])[] = [
	["a link", async (part, outside) => await symlink(outside, part), /is no file/],
	["a file with another name", async (part, outside) => await link(outside, part), /several names/],
	["a directory", async (part) => void (await mkdir(part)), /is no file/],
	[
		"a file into which others may write",
		async (part) => {
			await writeFile(part, "theirs");
			await chmod(part, 0o666);
		},
		/others may write/,
	],
];

for (const [what, trap, why] of TRAPS) {
	test(`resume: ${what} in the place of the part file is left alone, and the file arrives all the same`, async (t) => {
		const { from, to } = await folders(t);
		const content = await randomFile(from, "big");
		await brokenOff([join(from, "big")], to, 1_000_000);
		const part = await thePart(to);
		await unlink(part);
		const outside = join(from, "outside");
		await writeFile(outside, "precious");
		await trap(part, outside);
		const { received } = await resumed([join(from, "big")], to);
		assert.match(received.said.join(), why);
		assert.deepEqual(await readFile(join(to, "big")), content);
		assert.equal(await readFile(outside, "utf8"), "precious");
		assert.deepEqual(await leftOvers(to), [part.slice(to.length + 1)]);
	});
}

test("resume: a part file of another user is left alone", async (t) => {
	const { from, to } = await folders(t);
	const content = await randomFile(from, "big");
	await brokenOff([join(from, "big")], to, 1_000_000);
	const part = await thePart(to);
	const files = withOpenFiles((path, file) => (path === part ? { stat: async () => facts(await file.stat(), { uid: 4_242n }) } : {}), { userId: 0 });
	const { received } = await resumed([join(from, "big")], to, { files });
	assert.deepEqual(received.said, ["big anew: its part file belongs to another user"]);
	assert.deepEqual(await readFile(join(to, "big")), content);
	assert.equal((await stat(part)).size > 0, true);
});

test("resume: a part file that was removed meanwhile costs the whole file, and nothing else", async (t) => {
	const { from, to } = await folders(t);
	const content = await randomFile(from, "big");
	await brokenOff([join(from, "big")], to, 1_000_000);
	await unlink(await thePart(to));
	const { sent } = await resumed([join(from, "big")], to);
	assert.deepEqual(sent.said, []);
	assert.ok(await isWhole(to, "big", content));
});

test("resume: a part file that vanishes while it is written is a failure, told to both", async (t) => {
	const { from, to } = await folders(t);
	await randomFile(from, "big");
	await brokenOff([join(from, "big")], to, 1_000_000);
	const part = await thePart(to);
	const files = withOpenFiles((path, file) => ({
		async sync() {
			if (path === part) await unlink(part);
			await file.sync();
		},
	}));
	const { sent, received } = await resumed([join(from, "big")], to, { files });
	for (const { outcomes } of [sent, received]) assert.equal(outcomes[0]?.problem, "FAILED");
	assert.deepEqual(await leftOvers(to), []);
});

test("resume: a part file that somebody has made longer than the file, or changed, begins anew", async (t) => {
	const { from, to } = await folders(t);
	const content = await randomFile(from, "big");
	for (const change of [(part: string) => truncate(part, SIZE + 1), (part: string) => writeFile(part, "another file")]) {
		await brokenOff([join(from, "big")], to, 1_000_000);
		await change(await thePart(to));
		const { sent } = await resumed([join(from, "big")], to);
		assert.match(sent.said.join(), /^big anew: what is there is (longer than|not the beginning of) the file/);
		assert.ok(await isWhole(to, "big", content));
		await unlink(join(to, "big"));
	}
});

test("resume: a part file that cannot be read, or shrinks while it is, does not end the transfer", async (t) => {
	const { from, to } = await folders(t);
	const content = await randomFile(from, "big");
	await brokenOff([join(from, "big")], to, 1_000_000);
	const part = await thePart(to);
	const broken = withOpenFiles((path) => (path === part ? { read: () => Promise.reject(systemError("EIO")) } : {}));
	const unread = await resumed([join(from, "big")], to, { files: broken });
	assert.deepEqual(unread.sent.said, ["big anew: what is there cannot be read (EIO)"]);
	assert.ok(await isWhole(to, "big", content));
	await unlink(join(to, "big"));

	await brokenOff([join(from, "big")], to, 1_000_000);
	const shrinking = withOpenFiles((path, file) => {
		let reads = 0;
		if (path !== part) return {};
		return { read: async (buffer, offset, length) => (reads++ > 0 ? 0 : await file.read(buffer, offset, length)) };
	});
	const shrunk = await resumed([join(from, "big")], to, { files: shrinking });
	assert.deepEqual(shrunk.sent.said, ["big anew: what is there has changed meanwhile"]);
	assert.ok(await isWhole(to, "big", content));
});

test("resume: a full disk keeps what has come, and the file goes on when there is room", async (t) => {
	const { from, to } = await folders(t);
	const content = await randomFile(from, "big");
	const full = withOpenFiles((path, file) =>
		path.includes(".part-")
			? {
					write: async (buffer, offset, length, position) => {
						if (position + length > 1_500_000) throw systemError("ENOSPC");
						return await file.write(buffer, offset, length, position);
					},
				}
			: {},
	);
	const { sent, received } = await resumed([join(from, "big")], to, { files: full });
	assert.deepEqual(sent.problems(), [["big", "DISK_FULL"]]);
	const had = (await stat(await thePart(to))).size;
	assert.deepEqual(received.said, [`big kept: ${had}`]);
	const again = await resumed([join(from, "big")], to);
	assert.deepEqual(again.received.said, [`big goes on at ${had}`]);
	assert.ok(await isWhole(to, "big", content));
});

test("resume: only what is missing must fit; what does not is refused, and what is there stays", async (t) => {
	const { from, to } = await folders(t);
	const content = await randomFile(from, "big");
	await brokenOff([join(from, "big")], to, 1_000_000);
	const had = (await stat(await thePart(to))).size;
	const room = (freeBytes: number) => fileSystem({ room: async () => ({ type: 0, blocks: 1, freeBytes }) });
	const refused = await resumed([join(from, "big")], to, { files: room(SIZE - had - 1) });
	assert.deepEqual(refused.sent.problems(), [["big", "DISK_FULL"]]);
	assert.equal((await stat(await thePart(to))).size, had);
	await resumed([join(from, "big")], to, { files: room(SIZE - had) });
	assert.ok(await isWhole(to, "big", content));
});

test("resume: writes follow one another, so that a process that is killed leaves no hole", async (t) => {
	const { from, to } = await folders(t);
	await randomFile(from, "big");
	let writing = 0;
	let end = 0;
	const files = withOpenFiles((path, file) =>
		path.includes(".part-")
			? {
					async write(buffer, offset, length, position) {
						writing += 1;
						assert.deepEqual([writing, position], [1, end]);
						await new Promise((resolve) => setImmediate(resolve));
						const written = await file.write(buffer, offset, Math.min(length, 100_000), position);
						end += written;
						writing -= 1;
						return written;
					},
				}
			: {},
	);
	const { summary } = await resumed([join(from, "big")], to, { files });
	assert.equal(summary.failed, 0);
	assert.equal(end, SIZE);
});

test("resume: what is there counts against max-bytes", async (t) => {
	const { from, to } = await folders(t);
	await randomFile(from, "big");
	await brokenOff([join(from, "big")], to, 1_000_000);
	const less = await resumed([join(from, "big")], to, { maxBytes: SIZE - 1 });
	assert.deepEqual(less.sent.problems(), [["big", "TOO_LARGE"]]);
	await thePart(to);
	// The second file finds no room left.
	await writeFile(join(from, "z"), "z");
	const { sent } = await resumed([join(from, "big"), join(from, "z")], to, { maxBytes: SIZE });
	assert.deepEqual(sent.problems(), [
		["big", undefined],
		["z", "TOO_LARGE"],
	]);
});

test("resume: a finished file of the same size and other content is EXISTS; with force it is replaced, also after a break", async (t) => {
	const { from, to } = await folders(t);
	const content = await randomFile(from, "big");
	const old = await randomFile(to, "big");
	const careful = await resumed([join(from, "big")], to);
	assert.deepEqual(careful.sent.problems(), [["big", "EXISTS"]]);
	assert.deepEqual(await readFile(join(to, "big")), old);
	await brokenOff([join(from, "big")], to, 1_000_000, { force: true });
	assert.deepEqual(await readFile(join(to, "big")), old, "the old one stays until the new one is whole");
	const { sent } = await resumed([join(from, "big")], to, { force: true });
	assert.match(sent.said.join(), /goes on/);
	assert.ok(await isWhole(to, "big", content));
});

test("resume: a file that changes while it is sent keeps what has come, which is compared the next time", async (t) => {
	const { from, to } = await folders(t);
	await randomFile(from, "big");
	const path = join(from, "big");
	const files = withOpenFiles((_, file) => {
		let reads = 0;
		return {
			async read(buffer, offset, length) {
				if (reads++ === 4) await utimes(path, 1, 1);
				return await file.read(buffer, offset, length);
			},
		};
	});
	const first = await resumed([path], to, {}, { files });
	assert.deepEqual(first.sent.problems(), [["big", "CHANGED"]]);
	assert.match(first.received.said.join(), /^big kept/);
	const content = await randomFile(from, "big");
	const { sent } = await resumed([path], to);
	assert.match(sent.said.join(), /^big anew/);
	assert.ok(await isWhole(to, "big", content));
});

test("resume: a file that is replaced by another while it is compared is sent as the other one", async (t) => {
	const { from, to } = await folders(t);
	await randomFile(from, "big");
	await brokenOff([join(from, "big")], to, 1_000_000);
	const content = await randomFile(from, "other");
	const path = join(from, "big");
	let opens = 0;
	const files = fileSystem({
		async open(opened, flags, mode) {
			if (opened !== path || ++opens !== 1) return await NODE_FILE_SYSTEM.open(opened, flags, mode);
			// The first look sees something else, the second one the new file.
			const file = await NODE_FILE_SYSTEM.open(join(from, "other"), flags, mode);
			await rename(join(from, "other"), path);
			return file;
		},
	});
	const { sent } = await resumed([path], to, {}, { files });
	assert.match(sent.said.join(), /^big anew/);
	assert.ok(await isWhole(to, "big", content));
});

test("resume: in a directory that takes no lock, the file arrives, and nothing is kept", async (t) => {
	const { from, to } = await folders(t);
	const content = await randomFile(from, "big");
	const parts = new KeptParts(testSurroundings().clock, () => Promise.reject(systemError("EPERM")));
	const { received } = await resumed([join(from, "big")], to, { keeping: { ...keeping(), parts } });
	assert.deepEqual(received.said, ["big anew: its directory takes no lock (EPERM)"]);
	assert.ok(await isWhole(to, "big", content));
});

test("resume: a part file that another process writes is left alone, and the file is refused", async (t) => {
	const { from, to } = await folders(t);
	await randomFile(from, "big");
	await brokenOff([join(from, "big")], to, 1_000_000);
	const had = await readFile(await thePart(to));
	const parts = new KeptParts(testSurroundings().clock, async () => ({ type: "taken", by: "process 7" }));
	const { sent } = await resumed([join(from, "big")], to, { keeping: { ...keeping(), parts } });
	assert.equal(sent.outcomes[0]?.problem, "FAILED");
	assert.match(sent.outcomes[0]?.detail ?? "", /another transfer is writing it/);
	assert.deepEqual(await readFile(await thePart(to)), had);
});

test("resume: two receivers in one directory, in effect two processes: one of them gets the file", async (t) => {
	const { from, to } = await folders(t);
	const content = await randomFile(from, "big");
	const both = await Promise.all([1, 2].map(() => resumed([join(from, "big")], to, { keeping: keeping() })));
	const problems = both.map(({ sent }) => sent.outcomes[0]?.problem ?? (sent.outcomes[0]?.identical === true ? "IDENTICAL" : undefined));
	assert.ok(problems.includes(undefined), problems.join());
	assert.ok(await isWhole(to, "big", content));
});

test("resume: a sender that does not ask is served as always, in the same receiver", async (t) => {
	const { from, to } = await folders(t);
	const content = await randomFile(from, "big");
	await transfer([join(from, "big")], to, { keeping: keeping() });
	assert.ok(await isWhole(to, "big", content));
});
