import assert from "node:assert/strict";
import { test } from "node:test";
import { CapturedStream, ManualClock } from "../../../testing/cli-surroundings.ts";
import { type ClientStatus, ConecError, type ConecErrorCode } from "../../index.ts";
import { Output } from "../terminal/index.ts";
import { LinkNews } from "./link-news.ts";

function newsOf({ json = false, channels = 0 } = {}) {
	const clock = new ManualClock();
	const said: string[] = [];
	const sink = { write: (text: string) => void said.push(text) } as never;
	const output = new Output({ json, linesTo: "stdout", env: {}, clock, stdout: json ? sink : (new CapturedStream() as never), stderr: sink });
	const nameOf = ({ address, port }: { address: string; port: number }): string => `${address}:${port}`;
	const news = new LinkNews("a.example", { id: "bob", fingerprint: "sha256:00", nameOf, channels: () => channels }, output, clock);
	const events = (): object[] => said.map((line) => ({ ...JSON.parse(line), time: undefined }));
	return { clock, said, events, take: (status: ClientStatus) => news.take(status) };
}

const lost = (code: ConecErrorCode = "COORDINATOR_LOST", reason?: string): ClientStatus => ({
	type: "disconnected",
	info: { by: "error", code, ...(reason === undefined ? {} : { reason }) },
});
const trying = (code: ConecErrorCode, message = "not there", attempt = 1, inMs = 100): ClientStatus => ({
	type: "reconnecting",
	attempt,
	inMs,
	why: new ConecError(code, message),
});
const connected = (again: boolean): ClientStatus => ({
	type: "connected",
	again,
	sameCoordinator: true,
	observedAddress: { address: "192.0.2.1", port: 4 },
	coordinatorAddress: { address: "192.0.2.9", port: 1719 },
});

test("link news: one line for a loss and one for the return, however many attempts there are between", () => {
	const { clock, said, take } = newsOf();
	take(connected(false));
	take(lost("COORDINATOR_LOST", "the process ended"));
	take(trying("COORDINATOR_LOST"));
	for (let attempt = 2; attempt < 40; attempt += 1) {
		clock.pass(500);
		take(trying("COORDINATOR_UNREACHABLE", "nobody", attempt));
	}
	take(connected(true));
	assert.deepEqual(said, ["lost the Coordinator at a.example: the process ended; trying to come back\n", "connected to 192.0.2.9:1719 again, after 19 s\n"]);
});

test("link news: who is told to come back later says in how long, and that is no refusal", () => {
	const { clock, said, take } = newsOf();
	take({ type: "draining", reason: "we repair your shelf", comeBack: { retryAfterMs: 61_000 } });
	take(lost("DISCONNECTED", "we repair your shelf"));
	take(trying("DISCONNECTED", "Lost the Coordinator: we repair your shelf", 1, 61_500));
	clock.pass(62_000);
	take(connected(true));
	assert.deepEqual(said, [
		"lost the Coordinator at a.example: we repair your shelf; trying to come back in 61.5 s\n",
		"connected to 192.0.2.9:1719 again, after 62 s\n",
	]);
});

test("link news: programs get an event for each", () => {
	const { clock, events, take } = newsOf({ json: true });
	take(lost());
	take(trying("COORDINATOR_LOST"));
	clock.pass(2_000);
	take(connected(true));
	assert.deepEqual(events(), [
		{ event: "disconnected", time: undefined, code: "COORDINATOR_LOST", by: "error", again: true },
		{ event: "connected", time: undefined, id: "bob", fingerprint: "sha256:00", coordinator: "192.0.2.9:1719", again: true, durationMs: 2_000 },
	]);
});

test("link news: a loss after which nothing is tried is left to the command, and an own end is no loss", () => {
	const { said, take } = newsOf();
	take(lost("SUPERSEDED"));
	take({ type: "disconnected", info: { by: "local" } });
	assert.deepEqual(said, []);
});

test("link news: direct channels that go on are told of", () => {
	const { said, take } = newsOf({ channels: 1 });
	take(lost());
	take(trying("COORDINATOR_LOST"));
	assert.deepEqual(said, ["lost the Coordinator at a.example; trying to come back; direct channels go on\n"]);
});

test("link news: a refusal is told once after each loss, and cannot move the cursor", () => {
	const { said, take } = newsOf();
	for (let loss = 0; loss < 2; loss += 1) {
		take(lost());
		take(trying("COORDINATOR_LOST"));
		for (let attempt = 2; attempt < 20; attempt += 1) take(trying("ID_TAKEN", "taken\u001b[2J", attempt));
		take(connected(true));
	}
	assert.equal(said.filter((line) => line === "cannot come back yet: taken\\x1b[2J\n").length, 2);
	assert.equal(said.length, 6);
});

test("link news: a second loss names the Coordinator where it was last", () => {
	const { said, take } = newsOf();
	for (const _ of [1, 2]) {
		take(lost());
		take(trying("COORDINATOR_LOST"));
		take(connected(true));
	}
	assert.match(said[2] ?? "", /^lost the Coordinator at 192\.0\.2\.9:1719;/);
});
