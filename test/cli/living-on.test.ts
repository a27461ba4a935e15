/** Commands that live through a Coordinator that crashes and comes back, on virtual time. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { CoordinatorOptions } from "../../packages/conec/src/index.ts";
import { type Playing, VirtualSite } from "./virtual-site.ts";

const LOST = /^lost the Coordinator at localhost.*; trying to come back/;
const BACK = /^connected to localhost again, after /;

/** Each says once that the Coordinator is lost, and once that it is back, and nothing of the way to its peer. */
function saidOnce(...all: Playing[]): void {
	for (const one of all) {
		assert.deepEqual([one.count(LOST), one.count(BACK), one.count(/the way to/)], [1, 1, 0], one.remarks);
		assert.ok(one.remarks.search(/lost the C/) < one.remarks.search(/again, after/));
	}
}

function numbers(from: number, to: number): string[] {
	return Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}`);
}

const heardFrom = (speaker: string, lines: readonly string[]): string => lines.map((line) => `${speaker}: ${line}\n`).join("");

/** A site whose Coordinator listens. */
async function running(t: TestContext, options: Partial<CoordinatorOptions> = {}): Promise<VirtualSite> {
	const site = await VirtualSite.open(t);
	await site.starts(options);
	return site;
}

/** Ben waits for a call, and ann calls through the Coordinator. */
async function talking(t: TestContext, command: "chat" | "pipe", ...more: string[]): Promise<{ site: VirtualSite; ann: Playing; ben: Playing }> {
	const site = await running(t);
	const ben = site.client("ben", command);
	await ben.says(/waiting for a/);
	const ann = site.client("ann", command, "--to", "ben", "--path", "proxied", ...more);
	await Promise.all([ann, ben].map((one) => one.says(/through the Coordinator/)));
	return { site, ann, ben };
}

test("chat: a talk through the Coordinator pauses while that is gone; every line arrives once", async (t) => {
	const { site, ann, ben } = await talking(t, "chat");
	ann.types(...numbers(1, 3));
	await ben.prints(/line 3/);
	site.crashes();
	ann.types(...numbers(4, 6));
	ben.types(...numbers(1, 3));
	await Promise.all([ann.says(LOST_ANYWHERE), ben.says(LOST_ANYWHERE)]);
	ann.types(...numbers(7, 9));
	await site.starts();
	await Promise.all([ben.prints(/line 9/), ann.prints(/line 3/)]);
	ann.types("bye");
	ann.surroundings.stdin.end();
	await Promise.all([ann.exits(0), ben.exits(0)]);
	assert.equal(ben.out, heardFrom("ann", [...numbers(1, 9), "bye"]));
	assert.equal(ann.out, heardFrom("ben", numbers(1, 3)));
	saidOnce(ann, ben);
});

const LOST_ANYWHERE = /trying to come back/;

test("chat: a peer that does not come back is told of when the Coordinator is there again, and --give-up-after ends the wait with status 4", async (t) => {
	const { site, ann, ben } = await talking(t, "chat", "--give-up-after", "60");
	site.crashes();
	site.kills(ben);
	await ann.says(LOST_ANYWHERE);
	await site.starts();
	await ann.says(/^lost the way to "ben"; trying to go on for up to 60 s$/m);
	await ann.exits(4);
	assert.match(ann.remarks, /No way to the peer was found in time \(--give-up-after\)/);
});

test("chat: a peer whose command was started again is no longer the same; both sides say what to do", async (t) => {
	const { site, ann, ben } = await talking(t, "chat");
	site.kills(ben);
	site.client("ben", "chat");
	await ann.exits(4);
	assert.match(ann.remarks, /The peer's command was started again\. What was sent last may not have arrived\. Start this command again, too\./);
});

test("chat, pipe: who was called hears that the caller was started again, and need not wait for the old one", async (t) => {
	for (const command of ["chat", "pipe"] as const) {
		const { site, ann, ben } = await talking(t, command);
		site.kills(ann);
		site.client("ann", command, "--to", "ben", "--path", "proxied");
		await ben.exits(4);
		assert.match(ben.remarks, /Cannot go on with "ann": its command was started again/);
	}
});

test("pipe: what goes through the Coordinator goes on, byte for byte", async (t) => {
	const { site, ann, ben } = await talking(t, "pipe");
	const data = Buffer.from(Array.from({ length: 900_000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
	ann.surroundings.stdin.write(data.subarray(0, 300_000));
	await site.until(
		() => ben.surroundings.stdout.data.length >= 300_000,
		() => "a third",
	);
	site.crashes();
	ann.surroundings.stdin.write(data.subarray(300_000, 600_000));
	await ben.says(LOST_ANYWHERE);
	await site.starts();
	ann.surroundings.stdin.end(data.subarray(600_000));
	ben.surroundings.stdin.end();
	await Promise.all([ann.exits(0), ben.exits(0)]);
	assert.ok(ben.surroundings.stdout.data.equals(data));
	saidOnce(ann, ben);
});

test("chat --room: everybody is in the room again, and what is said then is heard", async (t) => {
	const site = await running(t);
	const rooms = [site.client("ann", "chat", "--room", "tea"), site.client("ben", "chat", "--room", "tea")] as const;
	const [ann, ben] = rooms;
	await Promise.all([ann.says(/"ben" has come|here: ben/), ben.says(/"ann" has come|here: ann/)]);
	ann.types("before");
	await ben.prints(/ann: before/);
	site.crashes();
	await Promise.all(rooms.map((room) => room.says(LOST_ANYWHERE)));
	ann.types("meanwhile");
	await site.starts();
	await Promise.all(rooms.map((room) => room.says(/in the room again; messages may be missing here/)));
	await ben.says(/here: ann|"ann" has come/);
	ann.types("after");
	await ben.prints(/after/);
	saidOnce(ann, ben);
	ben.surroundings.stdin.end();
	await ben.exits(0);
	ann.surroundings.stdin.end();
	await ann.exits(0);
});

test("broadcast: a sender that loses the Coordinator says at the end that lines may not have arrived, with status 5", async (t) => {
	const site = await running(t, { broadcasts: { news: { history: { messages: 100 } } } });
	const ben = site.client("ben", "broadcast", "news", "--mode", "receive", "--keep-open", "--json");
	await ben.prints(/"joined"/);
	const ann = site.client("ann", "broadcast", "news", "--mode", "send");
	await ann.says(/in broadcast/);
	ann.types("one");
	await ben.prints(/"text":"one"/);
	site.crashes();
	await ann.says(LOST_ANYWHERE);
	ann.types("two");
	await site.starts();
	await ben.prints(/"rejoined","time":"[^"]*","recovered":false/);
	await ben.prints(/"text":"two"/);
	ann.surroundings.stdin.end();
	await ann.exits(5);
	assert.match(ann.remarks, /lines that this side sent may not have arrived: the Coordinator was lost at that moment/);
});

test("broadcast: a member that hears itself knows that all of its lines have arrived, and ends with 0", async (t) => {
	const site = await running(t);
	const ann = site.client("ann", "broadcast", "news", "--echo");
	await ann.says(/in broadcast/);
	ann.types("one");
	await ann.prints(/one/);
	site.crashes();
	await ann.says(LOST_ANYWHERE);
	ann.types("two");
	ann.surroundings.stdin.end();
	await site.passes(20_000);
	assert.equal(ann.status, undefined, "it waits for the Coordinator");
	await site.starts();
	await ann.exits(0);
	assert.equal(ann.out, "ann: one\nann: two\n");
});

test("broadcast: a member that hears itself says how many of its lines may not have arrived", async (t) => {
	const site = await running(t);
	const ann = site.client("ann", "broadcast", "news", "--echo");
	await ann.says(/in broadcast/);
	ann.types("one");
	await ann.prints(/one/);
	site.crashes();
	ann.types("two");
	await ann.says(LOST_ANYWHERE);
	await site.starts();
	ann.types("three");
	await ann.prints(/three/);
	ann.surroundings.stdin.end();
	await ann.exits(5);
	assert.match(ann.remarks, /1 line that this side sent may not have arrived/);
});

test("broadcast, peers: --give-up-after ends the command with status 3 when the Coordinator stays away; with 0 at once", async (t) => {
	for (const [command, ...more] of [
		["broadcast", "news"],
		["chat", "--room", "tea"],
		["peers", "--watch"],
	] as const) {
		for (const give of ["30", "0"]) {
			const site = await running(t);
			const ann = site.client("ann", command, ...more, "--give-up-after", give);
			await ann.says(/in broadcast|in room|1 connected/);
			site.crashes();
			await ann.exits(3);
			assert.equal(ann.count(LOST), give === "0" ? 0 : 1, ann.remarks);
		}
	}
});

test("ping: goes on when the Coordinator is back, and says which messages were not answered", async (t) => {
	const site = await running(t);
	const ben = site.client("ben", "peers", "--watch");
	await ben.says(/connected/);
	const ann = site.client("ann", "ping", "ben", "--path", "proxied", "--count", "40", "--interval-ms", "1000", "--timeout-ms", "3000");
	await ann.prints(/64 bytes/);
	site.crashes();
	await ann.prints(/no answer within 3 s/);
	await site.passes(20_000);
	await site.starts();
	await ann.says(BACK_ANYWHERE);
	await ann.prints(/again through the Coordinator/);
	await ann.exits(0);
	assert.match(ann.out, /\d+ round trips to ben \(proxied\): .*\n\d+ not answered\n$/);
	assert.deepEqual([ann.count(LOST), ann.count(BACK)], [1, 1], ann.remarks);
});

const BACK_ANYWHERE = /again, after/;

test("--wait: a command that is started before its Coordinator waits for it, says so once, and then does its work", async (t) => {
	const site = await VirtualSite.open(t);
	const ben = site.client("ben", "peers", "--watch", "--wait");
	const ann = site.client("ann", "ping", "ben", "--wait", "--count", "1");
	await Promise.all([ben, ann].map((one) => one.says(/^waiting for the Coordinator at localhost: Cannot reach/m)));
	await site.passes(60_000);
	await site.starts();
	await ben.says(/^connected to localhost as "ben"$/m);
	await ann.exits(0);
	for (const one of [ben, ann]) assert.equal(one.count(/waiting for the Coordinator/), 1);
});

test("--wait: --give-up-after bounds the wait for a Coordinator that never comes, and with 0 there is none", async (t) => {
	const site = await VirtualSite.open(t);
	const ann = site.client("ann", "peers", "--wait", "--give-up-after", "60");
	const ben = site.client("ben", "receive", "--wait", "--give-up-after", "0");
	await Promise.all([ann.exits(3), ben.exits(3)]);
	assert.deepEqual([ann.count(/waiting for the Coordinator/), ben.count(/waiting for the Coordinator/)], [1, 0]);
	assert.ok(site.world.clock.now() >= 60_000 && site.world.clock.now() < 120_000, String(site.world.clock.now()));
});

test("coordinator: on SIGTERM it tells its Clients to come back, says so in one line, and they do", async (t) => {
	const site = await VirtualSite.open(t);
	const first = site.coordinator();
	await first.prints(/listening/);
	const watchers = ["ann", "ben"].map((id) => site.client(id, "peers", "--watch"));
	await Promise.all(watchers.map((watcher) => watcher.says(/connected to/)));
	await site.passes(1_000);
	first.surroundings.signals.raise("SIGTERM");
	await first.exits(0);
	assert.match(first.remarks, /closing: 2 Clients are told to come back, one after another within 0\.02 s; Ctrl-C again ends at once/);
	const second = site.coordinator("--drain", "0");
	await second.prints(/listening/);
	await Promise.all(watchers.map((watcher) => watcher.says(BACK_ANYWHERE)));
	for (const watcher of watchers) assert.match(watcher.remarks, /lost the Coordinator at localhost: .*; trying to come back/);
	second.surroundings.signals.raise("SIGINT");
	await second.exits(130);
	assert.match(second.remarks, /closing; Ctrl-C again ends at once/);
});
