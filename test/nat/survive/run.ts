/**
 * `npm run demo:survive`: a file, a talk and a broadcast go on while the Coordinator is killed and the networks change. Everything is a real
 * `conec` process in a network namespace of this machine, behind a router with NAT. Needs root: `scripts/demo-survive.mjs` looks after that.
 * Ends with status 0 if all that is promised was verified.
 */

import { createHash, randomBytes } from "node:crypto";
import { createReadStream, watch } from "node:fs";
import { mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COORDINATOR_ADDRESS, Lab } from "../lab.ts";
import { Player, type Tell } from "./cast.ts";
import { everyLineOnce, longestPauseMs, missingOnlyWhereTold, numbered, numberOf, type Verdict } from "./verdict.ts";

/** Enough for all that happens, at the rate of the line. */
const FILE_MIB = 32;
const LINE_MBIT = 20;
/** Between two lines that somebody says, in milliseconds. */
const SAYS_EVERY_MS = 100;
/** A pause after which nothing comes is no pause. */
const DEADLINE_MS = 120_000;

const startedAtMs = performance.now();
const color = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined;
const style = (code: number, text: string): string => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
const say = (text: string): void => void process.stdout.write(`${seconds(performance.now() - startedAtMs).padStart(7)}  ${text}\n`);
const tell: Tell = (who, line) => say(`${style(36, `${who}:`.padEnd(22))} ${line}`);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What happens to them, in this order: so long after the one before. */
interface Strike {
	readonly afterMs: number;
	readonly text: string;
	readonly strike: () => Promise<unknown>;
}

const after: (() => Promise<void> | void)[] = [];
const folder = await mkdtemp(join(tmpdir(), "conec-survive-"));
after.push(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
const late = setTimeout(() => {
	say(style(31, `nothing more has happened for ${DEADLINE_MS / 1_000} s: it has failed`));
	process.exit(1);
}, DEADLINE_MS);
try {
	const verdicts = await play();
	const failed = verdicts.filter(({ problem }) => problem !== null);
	process.stdout.write(`\n${style(1, failed.length === 0 ? "Verified:" : "What was found:")}\n`);
	for (const { what, problem } of verdicts)
		process.stdout.write(`  ${problem === null ? style(32, "ok") : style(31, "NOT")} ${what}${problem === null ? "" : `: ${problem}`}\n`);
	process.exitCode = failed.length === 0 ? 0 : 1;
} finally {
	clearTimeout(late);
	for (const end of after.reverse()) await end();
}

async function play(): Promise<Verdict[]> {
	say("three homes behind NATs, an internet and a Coordinator, in network namespaces of this machine");
	say(
		`alice and bob can reach each other directly; carol is behind a symmetric NAT, so alice talks with her through the Coordinator. Lines of ${LINE_MBIT} Mbit/s, 40 ms there and back`,
	);
	const wire = { delayMs: 10, rateMbit: LINE_MBIT, queueFrames: 150, seed: 7 };
	const lab = await Lab.up({ after: (end) => void after.push(end) }, { a: "port", b: "port", more: ["sym"], wire });
	const file = await randomFile(join(folder, "film"), FILE_MIB);
	const incoming = join(folder, "incoming");
	await mkdir(incoming);

	const coordinator = (): Player => new Player("coordinator", lab, "coord", ["coordinator", "--state", join(folder, "coordinator")], () => undefined);
	let running = coordinator();
	await running.shows(/^ {2}link /);
	const pin = running.lines.map(({ text }) => /^ {2}pin +(\S+)$/.exec(text)?.[1]).find((found) => found !== undefined) ?? "";
	const common = (id: string): string[] => ["--id", id, "--coordinator", COORDINATOR_ADDRESS, "--pin", pin, "--state", join(folder, id)];

	const receive = new Player("bob, receive", lab, "b", ["receive", "--any", "--once", "--dir", incoming, ...common("bob")], tell, false);
	const carolTalks = new Player("carol, chat", lab, "c", ["chat", ...common("carol")], tell);
	const bobReads = new Player("bob, broadcast", lab, "b", ["broadcast", "news", "--mode", "receive", ...common("bob-news")], tell);
	const carolReads = new Player("carol, broadcast", lab, "c", ["broadcast", "news", "--mode", "receive", ...common("carol-news")], tell);
	await Promise.all([
		receive.shows(/waiting for files/),
		carolTalks.shows(/waiting for a caller/),
		bobReads.shows(/in broadcast/),
		carolReads.shows(/in broadcast/),
	]);
	const send = new Player("alice, send", lab, "a", ["send", join(folder, "film"), "--to", "bob", ...common("alice")], tell, false);
	const aliceTalks = new Player("alice, chat", lab, "a", ["chat", "--to", "carol", ...common("alice-chat")], tell);
	const aliceSends = new Player("alice, broadcast", lab, "a", ["broadcast", "news", "--mode", "send", ...common("alice-news")], tell);
	await Promise.all([send.shows(/sending to bob/), aliceTalks.shows(/talking with/), carolTalks.shows(/talking with/), aliceSends.shows(/in broadcast/)]);

	const arrivals: number[] = [];
	const watcher = watch(incoming, () => void arrivals.push(performance.now()));
	after.push(() => watcher.close());
	const said = new Map<Player, { readonly speaker: string; count: number }>([
		[aliceTalks, { speaker: "alice", count: 0 }],
		[carolTalks, { speaker: "carol", count: 0 }],
		[aliceSends, { speaker: "alice", count: 0 }],
	]);
	const speaking = setInterval(() => {
		for (const [player, words] of said) player.types(numbered(words.speaker, ++words.count));
	}, SAYS_EVERY_MS);
	after.push(() => clearInterval(speaking));

	const strikes: Strike[] = [
		{ afterMs: 2_000, text: "kill -9 of the Coordinator", strike: () => running.kill() },
		{
			afterMs: 2_000,
			text: "the Coordinator is started again",
			strike: async () => {
				running = coordinator();
			},
		},
		{ afterMs: 5_500, text: "alice's router gets another public address", strike: () => lab.roam("A") },
		{ afterMs: 2_500, text: "bob's line is cut", strike: () => lab.cut("b") },
		{ afterMs: 2_500, text: "bob's line is whole again", strike: () => lab.heal("b") },
		{ afterMs: 2_000, text: "carol gets another address in her network", strike: () => lab.readdr("c") },
	];
	const count = (player: Player): number => said.get(player)?.count ?? 0;
	let killedAt = 0;
	/** The last line that was sent when a reader was in the broadcast again. */
	const backAt = new Map<Player, number>();
	for (const reader of [bobReads, carolReads])
		void reader.shows(/^in the broadcast again/).then(
			() => backAt.set(reader, count(aliceSends)),
			() => undefined,
		);
	const struckAtMs: number[] = [];
	for (const { afterMs, text, strike } of strikes) {
		await pause(afterMs);
		struckAtMs.push(performance.now());
		say(style(33, `*** ${text}`));
		// What is said from now on may be under way to a Coordinator that is no more.
		if (struckAtMs.length === 1) killedAt = count(aliceSends);
		await strike();
	}
	const [sendStatus, receiveStatus] = await Promise.all([send.exit(), receive.exit()]);
	await pause(1_000);
	const endMs = performance.now();

	clearInterval(speaking);
	say(style(33, "*** everybody says good-bye"));
	for (const player of said.keys()) player.endsInput();
	const ends = await Promise.all([aliceTalks.exit(), carolTalks.exit(), bobReads.exit(), carolReads.exit()]);
	await aliceSends.exit();
	await running.kill("SIGTERM");

	const heard = (player: Player, speaker: string) =>
		player.lines.flatMap(({ text, atMs }) => (text.startsWith(`${speaker}: `) ? [{ text: text.slice(speaker.length + 2), atMs }] : []));
	const plain = (player: Player, id: string, speaker: string) => heard(player, id).filter(({ text }) => numberOf(text, speaker) !== undefined);
	const mayMiss = (reader: Player) => [killedAt, (backAt.get(reader) ?? 0) + 1] as const;
	const missing = /messages may be missing here/;
	const arrived = await hashOf(join(incoming, "film")).catch(() => "nothing");
	const talk = { alice: plain(carolTalks, "alice-chat", "alice"), carol: plain(aliceTalks, "carol", "carol") };
	const news = { bob: plain(bobReads, "alice-news", "alice"), carol: plain(carolReads, "alice-news", "alice") };
	const pauses = struckAtMs.map((fromMs, i) => {
		const toMs = struckAtMs[i + 1] ?? endMs;
		const of = (times: readonly number[]): string => seconds(longestPauseMs(times, fromMs, toMs));
		const times = (lines: readonly { readonly atMs: number }[]): number[] => lines.map(({ atMs }) => atMs);
		return `after "${strikes[i]?.text}": file ${of(arrivals)}, talk ${of(times(talk.alice))}, broadcast ${of(times(news.carol))}`;
	});
	process.stdout.write(`\n${style(1, "Longest pauses, until the next thing happened:")}\n${pauses.map((line) => `  ${line}\n`).join("")}`);
	return [
		{ what: `file: ${FILE_MIB} MiB from alice to bob, SHA-256 equal`, problem: arrived === file ? null : `it is ${arrived}` },
		{ what: "send and receive ended with status 0", problem: sendStatus === 0 && receiveStatus === 0 ? null : `${sendStatus} and ${receiveStatus}` },
		everyLineOnce("talk", "alice", { lines: talk.alice, sent: count(aliceTalks) }),
		everyLineOnce("talk", "carol", { lines: talk.carol, sent: count(carolTalks) }),
		missingOnlyWhereTold("broadcast at bob", "alice", { lines: news.bob, sent: count(aliceSends) }, bobReads.count(missing) > 0, mayMiss(bobReads)),
		missingOnlyWhereTold("broadcast at carol", "alice", { lines: news.carol, sent: count(aliceSends) }, carolReads.count(missing) > 0, mayMiss(carolReads)),
		{ what: "everybody who talked or read ended with status 0", problem: ends.every((status) => status === 0) ? null : ends.join(", ") },
		{
			what: "everybody said once that the Coordinator was lost, and once that it was back",
			problem:
				[send, aliceTalks, carolTalks, bobReads, carolReads, aliceSends]
					.filter((player) => player.count(/^lost the Coordinator at /) !== 1 || player.count(/^connected to .* again, after/) !== 1)
					.map(({ who }) => who)
					.join(", ") || null,
		},
	];
}

async function randomFile(path: string, mib: number): Promise<string> {
	const hash = createHash("sha256");
	const handle = await open(path, "wx", 0o600);
	for (let i = 0; i < mib; i += 1) {
		const block = randomBytes(1_048_576);
		hash.update(block);
		await handle.writeFile(block);
	}
	await handle.close();
	return hash.digest("hex");
}

async function hashOf(path: string): Promise<string> {
	const hash = createHash("sha256");
	for await (const chunk of createReadStream(path, { highWaterMark: 1_048_576 })) hash.update(chunk as Uint8Array);
	return hash.digest("hex");
}
