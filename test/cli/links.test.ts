/** A Coordinator named by a link, peers that are not there, one id for one command, and what is sent that is no file. */

import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { formatLink } from "../../packages/conec/src/index.ts";
import { folder, outcome, type Site, site } from "./harness.ts";

const PIN = `sha256:${"0".repeat(64)}`;

function linkOf(place: Site, ...before: string[]): string {
	return formatLink({ coordinators: [...before, place.address], pins: [place.pin] });
}

test("link: the Coordinator's own is taken as an option, as an argument, from the environment, a file and standard input", async (t) => {
	const place = await site(t);
	const { link } = await place.coordinator.event("listening");
	assert.equal(link, linkOf(place));
	const file = join(place.folder, "link.txt");
	await writeFile(file, `\ufeff# our Coordinator\r\n\r\n  ${link}  \r\n`);
	const state = ["--state", join(place.folder, "state"), "--json"];
	for (const [args, env, input] of [
		[["--link", String(link)], {}, ""],
		[[`--link=${link}`], { CONEC_COORDINATOR: "nowhere.invalid", CONEC_PIN: PIN }, ""],
		[[String(link)], { CONEC_LINK: "conec://nowhere.invalid" }, ""],
		[[], { CONEC_LINK: String(link), CONEC_COORDINATOR: "nowhere.invalid" }, ""],
		[["--link-file", file], {}, ""],
		[["--link", "-"], {}, `${link}\r\nmore`],
		[["--link", "-"], {}, String(link)],
		[["--coordinator", place.address, "--pin", place.pin], { CONEC_LINK: "conec://nowhere.invalid" }, ""],
	] as const) {
		const running = place.run(["peers", ...args, ...state], env);
		running.stdin.end(input);
		await running.exits(0);
		assert.equal((await running.event("connected"))["coordinator"], place.address, args.join(" "));
	}
});

test("link: a host that does not answer costs a moment, and the next one is taken", async (t) => {
	const place = await site(t);
	// TEST-NET-1 (RFC 5737): nobody has it.
	for (const before of ["192.0.2.200:9", "no-such-host.invalid"]) {
		const running = place.run(["peers", "--json", "--link", linkOf(place, before), "--state", join(place.folder, "state")]);
		await running.exits(0);
		assert.equal((await running.event("connected"))["coordinator"], place.address);
	}
});

const WRONG: readonly (readonly [args: readonly string[], said: RegExp])[] = [
	[["--link", "conec://a?x"], /Cannot use "conec:\/\/a\?x" as a link.*\n.*Check --link\. A link is what `conec coordinator` prints/],
	[["--link", "conec://a#pin=1"], /64 hexadecimal digits/],
	[["--link", "conec://a\u001b[2J"], /Cannot use "conec:\/\/a\\u001b\[2J" as a link/],
	[["conec://a#id=b"], /unknown key "id"/],
	[["conec://a", "conec://b"], /a link is given twice/],
	[["--link", "conec://a", "conec://b"], /a link is given twice/],
	[["--link", "conec://a", "--coordinator", "b"], /--link and --coordinator exclude each other/],
	[["--link-file", "nowhere"], /Cannot read "nowhere": no such file.*\n.*--link-file/],
	[["--link-file", "/dev/null"], /there must be one line with a link in it, not 0/],
	[["--link", "-"], /first line is no link/],
	[["--link"], /--link needs a value/],
	[["--link", `conec://a#pin=${PIN}`, "--pin", PIN], /--pin cannot be given with a link that has a pin/],
	[[], /--link LINK or --coordinator HOST\[:PORT\] is missing/],
];
for (const [args, said] of WRONG) {
	test(`link: \`conec peers ${args.join(" ").slice(0, 40)}\` is refused with a reason`, async (t) => {
		const { status, stderr } = await outcome(["peers", ...args, "--state", await folder(t)]);
		assert.equal(status, 2, stderr);
		assert.match(stderr, said);
	});
}

test("link: the two commands that a Coordinator shows are two sides of one talk", async (t) => {
	const place = await site(t);
	const { commands } = await place.coordinator.event("listening");
	const [here, there] = (commands as string[]).map((command) => command.split(" "));
	assert.deepEqual(here?.slice(0, 2), ["conec", "chat"]);
	assert.ok(here?.includes(join(place.folder, "coordinator")), "it finds the state");
	const waits = place.run([...(here ?? []).slice(1), "--json"]);
	await waits.event("waiting");
	const calls = place.run([...(there ?? []).slice(1), "--json", "--state", join(place.folder, "elsewhere")]);
	await Promise.all([waits.event("joined"), calls.event("joined")]);
	calls.stdin.end("hello\n");
	assert.equal((await waits.event("message"))["text"], "hello");
	waits.stdin.end();
	await Promise.all([waits.exits(0), calls.exits(0)]);
});

test("unknown peer: those who are here are listed, the nearest is named, and programs get the list", async (t) => {
	const place = await site(t);
	const alone = place.client("alone", "ping", "bob");
	await alone.exits(4);
	assert.match(alone.stderr, /Cannot open stream to "bob": .*\n {7}Nobody else is here\. --wait waits for it\.\n/);
	for (const id of ["bob", "carol"]) await place.client(id, "chat", "--json").event("waiting");
	const args = [
		["ping", "bbo"],
		["send", join(place.folder, "from"), "--to", "bbo"],
		["pipe", "--to", "bbo"],
		["chat", "--to", "bbo"],
	];
	await Promise.all(
		args.map(async ([command = "", ...rest], index) => {
			const running = place.client(`alice-${index}`, command, ...rest);
			await running.exits(4);
			assert.match(running.stderr, /Did you mean bob\? Here are: .*bob.*--wait waits for it\./, command);
		}),
	);
	const json = place.client("dave", "ping", "bbo", "--json");
	await json.exits(4);
	assert.deepEqual(await json.event("unknown-peer"), { event: "unknown-peer", peer: "bbo", here: ["bob", "carol"] });
	assert.equal((await json.event("error"))["code"], "PEER_UNKNOWN");
});

test("unknown peer: --wait waits until it is here, and Ctrl-C ends the wait", async (t) => {
	const place = await site(t);
	const waiting = ["ping", "chat", "pipe"].map((command) => place.client(`of-${command}`, command, "--to", command, "--wait"));
	await Promise.all(waiting.map((one) => one.says(/waiting for "(ping|chat|pipe)"; (here (is|are): .*of-|nobody else)/)));
	const gone = place.client("gone", "ping", "nobody", "--wait");
	await gone.says(/waiting for "nobody"/);
	gone.signal("SIGINT");
	await gone.exits(130);
	for (const command of ["ping", "chat", "pipe"]) {
		const callee = place.client(command, command === "ping" ? "chat" : command);
		await callee.says(/connected to/);
	}
	const [ping, chat, pipe] = waiting;
	await ping?.exits(0);
	await chat?.says(/"chat" is here/);
	await pipe?.says(/connected with "pipe"/);
});

test("own id: a second command is told who has it and is offered another name, and the first goes on", async (t) => {
	const place = await site(t);
	const first = place.client("bob", "chat", "--json");
	await first.event("waiting");
	const second = place.client("bob", "peers", "--json");
	await second.exits(3);
	const error = await second.event("error");
	assert.equal(error["code"], "ID_TAKEN");
	assert.match(String(error["message"]), /^Cannot use the id "bob": process \d+.* has it here, with the same key$/);
	assert.equal(error["hint"], "Choose another name for this one: --id bob-2");
	const third = place.run(["peers", "--json", ...place.options("bob").map((option) => (option === "bob" ? "bob-2" : option))]);
	await third.exits(0);
	assert.equal(first.hasEnded, false);
	first.signal("SIGINT");
	await first.exits(130);
	await place.client("bob", "peers").exits(0);
});

test("send: a text is shown and no file, standard input is a file, both at the same receiver", async (t) => {
	const place = await site(t);
	const into = join(place.folder, "in");
	const bob = place.client("bob", "receive", "--any", "--dir", into);
	await bob.says(/waiting for files/);
	await place.client("alice", "send", "--text", "the code\u001b[2J is 4711\nsecond line", "--to", "bob").exits(0);
	await bob.outputs(1);
	await bob.says(/receiving from alice/);
	assert.match(bob.stdout.toString(), /^alice: the code\\x1b\[2J is 4711\nalice: second line\n/);
	const content = Buffer.alloc(700_001, "x");
	const piped = place.client("alice", "send", "-", "--name", "x.bin", "--to", "bob");
	piped.stdin.end(content);
	await piped.exits(0);
	assert.deepEqual(await readFile(join(into, "x.bin")), content);
	assert.equal((await stat(join(into, "x.bin"))).mode & 0o777, 0o600);
	const empty = place.client("alice", "send", "-", "--to", "bob");
	empty.stdin.end();
	await empty.exits(0);
	assert.equal((await readFile(join(into, "stdin"))).length, 0);
	// The first line is the link, and the rest is what is sent.
	const both = place.run(["send", "-", "--link", "-", "--name", "rest", "--to", "bob", "--id", "carol", "--state", join(place.folder, "state-carol")]);
	both.stdin.end(`${linkOf(place)}\nfirst\nsecond\n`);
	await both.exits(0);
	assert.equal(await readFile(join(into, "rest"), "utf8"), "first\nsecond\n");
	const long = place.client("alice", "send", "--text", "y".repeat(70_000), "--to", "bob");
	await long.exits(0);
	assert.equal((await readFile(join(into, "text"))).length, 70_000, "a text that is too long to be shown is a file");
	const json = place.client("json", "receive", "--any", "--json", "--dir", into);
	await json.event("waiting");
	await place.client("alice", "send", "--text", "hi", "--to", "json").exits(0);
	assert.deepEqual(await json.event("text"), { event: "text", peer: "alice", text: "hi" });
});

for (const [args, said] of [
	[["send", "--to", "x"], /FILE is missing/],
	[["send", "-", "-", "--to", "x"], /standard input \(-\) can be sent once/],
	[["send", "--text", "a", "b", "--to", "x"], /--text and FILE exclude each other/],
	[["send", "--text", "", "--to", "x"], /--text is empty/],
	[["send", "b", "--name", "x", "--to", "y"], /--name goes with -/],
	[["receive", "--from", "a", "--any"], /--from and --any exclude each other/],
] as const) {
	test(`usage: \`conec ${args.join(" ")}\` is refused with a reason`, async (t) => {
		const { status, stderr } = await outcome([...args, "--state", await folder(t)]);
		assert.equal(status, 2, stderr);
		assert.match(stderr, said);
	});
}
