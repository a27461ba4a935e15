import assert from "node:assert/strict";
import { test } from "node:test";
import { grantOf, runPair } from "../../../testing/holepunch-pair-suite.ts";
import { seededRandom } from "../../../testing/nat-model-suite.ts";
import { BIRTHDAY_PROBES, BIRTHDAY_SOCKETS, BirthdayPorts, BirthdayRounds } from "./birthday.ts";

test("birthday ports: 400 a second, all different, 2,048 at most", () => {
	const ports = new BirthdayPorts(300, seededRandom(3));
	assert.deepEqual(ports.due(299), []);
	const found: number[] = [];
	let second = 0;
	for (let at = ports.nextAt; at !== undefined && at < 20_000; at = ports.nextAt) {
		const due = ports.due(at);
		assert.ok(due.length >= 1);
		found.push(...due);
		if (at < 1300) second += due.length;
	}
	assert.equal(second, 400);
	assert.equal(found.length, BIRTHDAY_PROBES);
	assert.equal(new Set(found).size, BIRTHDAY_PROBES);
	assert.ok(found.every((port) => port >= 1024 && port <= 65_535));
	assert.deepEqual(ports.due(1e9), []);
});

test("birthday ports: a pause is not made up for, and a stuck random still gives different ports", () => {
	const ports = new BirthdayPorts(0, () => 0.999_999_999);
	const found = [...ports.due(60_000), ...ports.due(60_010)];
	assert.ok(found.length <= 14, `${found.length} at once`);
	assert.deepEqual(found.slice(0, 3), [65_535, 1024, 1025]);
	assert.equal(new Set(found).size, found.length);
});

test("birthday rounds: every socket at once, and once more after 2 s", () => {
	const rounds = new BirthdayRounds();
	assert.deepEqual([rounds.nextAt, rounds.due(5)], [undefined, []]);
	rounds.begin(10, 1000);
	assert.equal(rounds.due(10).length, BIRTHDAY_SOCKETS);
	assert.deepEqual([rounds.nextAt, rounds.due(2009)], [2010, []]);
	let sent = BIRTHDAY_SOCKETS;
	for (let at = rounds.nextAt; at !== undefined; at = rounds.nextAt) sent += rounds.due(at).length;
	assert.equal(sent, 2 * BIRTHDAY_SOCKETS);
	const none = new BirthdayRounds();
	none.begin(10, 0);
	assert.equal(none.nextAt, undefined);
});

test("birthday: sym with port or fw in either role, >= 95 % in 8 s, on the socket that met", () => {
	for (const easy of ["port", "fw"] as const) {
		for (const hard of ["dialler", "acceptor"] as const) {
			let up = 0;
			for (let seed = 1; seed <= 20; seed++) {
				const sides = { [hard]: { nat: "sym", birthday: "hard" }, [hard === "dialler" ? "acceptor" : "dialler"]: { nat: easy, birthday: "easy" } };
				const result = runPair({ ...(sides as unknown as Parameters<typeof runPair>[0]), deadlineMs: 8000, seed });
				if (!result.up || (result.upMs as number) > 8000) continue;
				up++;
				const socket = result[hard].upOn as number;
				assert.ok(socket > 0);
				const actions = result[hard].actions;
				assert.ok(actions.some((action) => (action.type === "dial" || action.type === "accept") && action.socket === socket));
				for (const client of [result.dialler, result.acceptor]) assert.ok(Math.max(...client.sentTo.values()) <= grantOf(client.options));
			}
			assert.ok(up >= 19, `${hard} sym with ${easy}: ${up} of 20`);
		}
	}
});

test("birthday: two symmetric NATs do not meet; the costs are bounded", () => {
	const { up, dialler, acceptor } = runPair({ dialler: { nat: "sym", birthday: "hard" }, acceptor: { nat: "sym", birthday: "easy" }, deadlineMs: 8000 });
	assert.equal(up, false);
	assert.equal(dialler.actions.at(-1)?.type, "failed");
	assert.match(dialler.reason ?? "", /random ports \(512 probes\)/);
	assert.ok(dialler.site.mappings <= 2 + BIRTHDAY_SOCKETS + 2);
	assert.ok(acceptor.site.mappings <= 2 + BIRTHDAY_PROBES + 2);
});
