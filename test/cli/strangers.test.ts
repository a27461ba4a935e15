/** `conec receive` and peers whose key was never accepted: asked about on a terminal, refused without one, and what --yes, --from and --any change. */

import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type Site, site } from "./harness.ts";
import { RunningHere } from "./running.ts";

async function sending(place: Site, id: string, name: string, ...options: string[]): Promise<RunningHere> {
	const file = join(place.folder, "from", name);
	await writeFile(file, `content of ${name}`);
	return place.client(id, "send", file, "--to", "bob", ...options);
}

/** A receiver at a terminal. */
function atTerminal(place: Site, ...options: string[]): RunningHere {
	return place.keep(new RunningHere(["receive", "--dir", join(place.folder, "in"), ...place.options("bob"), ...options], {}, { isTerminal: true }));
}

test("strangers: without a terminal one is refused, and both sides are told why", async (t) => {
	const place = await site(t);
	const bob = place.client("bob", "receive", "--dir", join(place.folder, "in"));
	await bob.says(/waiting for files/);
	const alice = await sending(place, "alice", "a.txt");
	await alice.exits(4);
	assert.match(alice.stderr, /conec: Cannot .*\n {7}The peer has never accepted your key, and has nobody to ask: .*--yes or --any\.\n/);
	await bob.says(/refused "alice" \(sha256:[0-9a-f]{64}\): its key was never accepted here, and there is no terminal to ask\. --from alice takes its files/);
	const again = await sending(place, "alice", "b.txt");
	await again.exits(4);
	assert.equal(bob.stderr.match(/refused "alice"/g)?.length, 1, "one stranger does not fill the log");
	assert.deepEqual(await readdir(join(place.folder, "in")), []);
});

test("strangers: --from, --any and --yes take them; only --yes remembers the key, and none of them takes hidden names", async (t) => {
	const place = await site(t);
	for (const options of [["--from", "alice"], ["--any"], ["--yes"], []]) {
		const bob = place.client("bob", "receive", "--dir", join(place.folder, `in${options.join("")}`), "--once", ...options);
		await bob.says(/waiting for files/);
		const shown = await sending(place, "alice", ".hidden");
		await shown.exits(5);
		assert.match(shown.stderr + shown.stdout.toString(), /--allow-hidden/, options.join(" "));
		await bob.exits(5);
	}
	const kept = await readFile(join(place.folder, "state-bob", "known-peers.txt"), "utf8");
	assert.match(kept, /^# .*\nsha256:[0-9a-f]{64} alice\n$/);
});

test("strangers: with --once, one that is refused is not the transfer that is waited for", async (t) => {
	const place = await site(t);
	const bob = place.client("bob", "receive", "--json", "--dir", join(place.folder, "in"), "--once", "--from", "alice");
	await bob.event("waiting");
	await (await sending(place, "eve", "e.txt")).exits(4);
	await (await sending(place, "alice", "a.txt")).exits(0);
	await bob.exits(0);
	assert.deepEqual(await readdir(join(place.folder, "in")), ["a.txt"]);
});

test("strangers: a terminal is asked; yes holds from then on, once for one transfer, no and never for none", async (t) => {
	const place = await site(t);
	const bob = atTerminal(place);
	await bob.says(/waiting for files/);
	let asked = 0;
	const ask = async (id: string, name: string, answer: string): Promise<RunningHere> => {
		const sender = await sending(place, id, name);
		await sender.says(/bob is asked whether to take it/);
		asked += 1;
		while ((bob.stderr.match(/Take it\?/g)?.length ?? 0) < asked) await bob.says(new RegExp(`(Take it\\?[^]*){${asked}}`));
		bob.stdin.write(`${answer}\n`);
		return sender;
	};
	const no = await ask("alice", "no.txt", "no");
	await no.exits(4);
	assert.match(no.stderr, /The peer said no/);
	await (await ask("alice", "once.txt", "once")).exits(0);
	await (await ask("alice", "yes.txt", "yes")).exits(0);
	await (await sending(place, "alice", "known.txt")).exits(0);
	await (await ask("eve", "never.txt", "never")).exits(4);
	await (await sending(place, "eve", "again.txt")).exits(4);
	assert.equal(bob.stderr.match(/Take it\?/g)?.length, asked);
	assert.match(bob.stderr, /"alice" wants to send 1 file, 17 B\. Its key is new here: sha256:[0-9a-f]{64}\. Take it\?/);
	assert.deepEqual((await readdir(join(place.folder, "in"))).sort(), ["known.txt", "once.txt", "yes.txt"]);
	bob.signal("SIGINT");
	await bob.exits(130);
	const later = place.client("bob", "receive", "--dir", join(place.folder, "in"));
	await later.says(/waiting for files/);
	await (await sending(place, "alice", "later.txt")).exits(0);
});

test("strangers: a known id with another key is a stranger, and the question says so", async (t) => {
	const place = await site(t);
	const key = `sha256:${"ab".repeat(32)}`;
	const bob = atTerminal(place);
	await bob.says(/waiting for files/);
	await writeFile(join(place.folder, "state-bob", "known-peers.txt"), `${key} alice\nnonsense\nsha256:0 eve\n`);
	const alice = await sending(place, "alice", "a.txt");
	await bob.says(new RegExp(`WARNING: files of "alice" were accepted with another key before, ${key}: this may be somebody else\\. Take it\\?`));
	// The sender gives up: nobody waits for an answer any more.
	alice.signal("SIGINT");
	await alice.exits(130);
	await bob.says(/never\? \(no in 60 s\) no\n/);
});

test("strangers: in the background nobody is asked", async (t) => {
	const place = await site(t);
	const bob = place.keep(
		new RunningHere(["receive", "--dir", join(place.folder, "in"), ...place.options("bob")], {}, { isTerminal: true, isForeground: () => false }),
	);
	await bob.says(/waiting for files/);
	const alice = await sending(place, "alice", "a.txt");
	await alice.exits(4);
	assert.match(alice.stderr, /has nobody to ask/);
});
