import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { ManualClock } from "../../../testing/cli-surroundings.ts";
import { nameConsent } from "../commands/receive/name-consent.ts";
import { isForegroundIn } from "../surroundings/foreground.ts";
import type { LineBelow } from "./output.ts";
import { type Answer, TerminalQuestions } from "./questions.ts";

const clock = new ManualClock();

interface Terminal {
	readonly questions: TerminalQuestions;
	readonly input: PassThrough;
	readonly shown: string[];
}

function terminal(timeoutMs?: number): Terminal {
	const input = new PassThrough();
	const shown: string[] = [];
	let below: LineBelow | undefined;
	const output = {
		keepBelow: (line: LineBelow | undefined) => {
			below = line;
		},
		ask: (text: string) => {
			shown.push(text);
			below?.show();
		},
	};
	return { input, shown, questions: new TerminalQuestions({ output, clock, input, write: (text) => shown.push(text), timeoutMs }) };
}

const NEVER: AbortSignal = new AbortController().signal;

for (const [typed, expected] of [
	["y", "yes"],
	["YES", "yes"],
	[" yes ", "yes"],
	["a", "all"],
	["all", "all"],
	["none", "none"],
	["n", "no"],
	["no", "no"],
	["", "no"],
	["yess", "no"],
	["sure", "no"],
] as const) {
	test(`questions: ${JSON.stringify(typed)} is ${expected}`, async () => {
		const { questions, input, shown } = terminal();
		const answer = questions.ask("Take it?", NEVER);
		input.write(`${typed}\n`);
		assert.equal(await answer, expected);
		assert.deepEqual(shown.slice(0, 2), ["Take it?", "yes, no, all or none? (no in 60 s) "]);
	});
}

test("questions: one after another, each with its own answer", async () => {
	const { questions, input, shown } = terminal();
	const answers = [questions.ask("first", NEVER), questions.ask("second", NEVER)];
	input.write("y\n");
	assert.equal(await answers[0], "yes");
	assert.ok(!shown.includes("second") || shown.indexOf("second") > shown.indexOf("first"));
	await new Promise((resolve) => setImmediate(resolve));
	input.write("n\n");
	assert.equal(await answers[1], "no");
});

test("questions: silence, the end of input and an abort are no", async () => {
	const silent = terminal(10);
	const silence = silent.questions.ask("q", NEVER);
	await new Promise((resolve) => setImmediate(resolve));
	clock.pass(10);
	assert.equal(await silence, "no");
	const ended = terminal();
	ended.input.end();
	assert.equal(await ended.questions.ask("q", NEVER), "no");
	assert.equal(await ended.questions.ask("again", NEVER), "no");
	const aborted = terminal();
	const controller = new AbortController();
	const answers = [aborted.questions.ask("q", controller.signal), aborted.questions.ask("waiting", controller.signal)];
	controller.abort();
	assert.deepEqual(await Promise.all(answers), ["no", "no"]);
	assert.ok(!aborted.shown.includes("waiting"));
});

test("questions: a process in the background does not touch the terminal: no", async () => {
	const shown: string[] = [];
	const output = { ask: (text: string) => shown.push(text), keepBelow: () => undefined };
	const input = new PassThrough();
	const questions = new TerminalQuestions({ output, clock, input, write: (text) => shown.push(text), isForeground: () => false });
	assert.equal(await questions.ask("q", NEVER), "no");
	assert.deepEqual(shown, []);
});

test("questions: who has the terminal, by /proc/PID/stat, also with brackets and spaces in the name", () => {
	assert.equal(isForegroundIn("12 (node) S 1 12 10 34816 12 4194304 0"), true);
	assert.equal(isForegroundIn("12 (node) S 1 12 10 34816 10 4194304 0"), false);
	assert.equal(isForegroundIn("12 (a) S 9 9 (b c) S 1 12 10 34816 12 4194304 0"), true);
	assert.equal(isForegroundIn("12 (MainThread) R 1 12 10 34816 99 4194304 0"), false);
});

test("consent: --allow-hidden takes everything and asks nothing; without a terminal nothing is taken", async () => {
	const ask = (): Promise<Answer> => assert.fail("asked");
	assert.equal(await nameConsent({ allowHidden: true, ask, peer: "bob" })(".a", "dot"), true);
	assert.equal(await nameConsent({ allowHidden: false, ask: undefined, peer: "bob" })(".a", "dot"), false);
});

test("consent: yes and no hold for one name, all and none for the rest of the transfer", async () => {
	const answers: Answer[] = ["yes", "no", "all"];
	const asked: string[] = [];
	const ask = async (question: string): Promise<Answer> => {
		asked.push(question);
		return answers.shift() ?? "none";
	};
	const first = nameConsent({ allowHidden: false, ask, peer: "bob" });
	const taken: boolean[] = [];
	for (const name of [".a", ".b", ".c", ".d"]) taken.push(await first(name, "begins with a dot"));
	assert.deepEqual(taken, [true, false, true, true]);
	assert.equal(asked.length, 3);
	const second = nameConsent({ allowHidden: false, ask, peer: "bob" });
	assert.deepEqual([await second(".a", "dot"), await second(".b", "dot")], [false, false]);
	assert.equal(asked.length, 4);
});

test("consent: a name cannot speak to the terminal", async () => {
	let asked = "";
	const ask = async (question: string): Promise<Answer> => {
		asked = question;
		return "no";
	};
	await nameConsent({ allowHidden: false, ask, peer: "bob" })(".\u001b[2J\u202eexe", "begins with a dot");
	assert.equal(asked, 'bob sends ".\\x1b[2J\\u202eexe": its name begins with a dot. Take it?');
});
