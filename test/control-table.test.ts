/**
 * Every control message in every state, from a Client and from a Coordinator, also twice, late, and for others' ids; every
 * field of every message and stream header missing, of the wrong type, too long, negative, huge and given twice. Whoever breaks the
 * rules is answered or closed with a code, and two bystanders' echo loses nothing. On memory and on QUIC; what is wrong with the
 * bytes below is in `hostile/`.
 */

import assert from "node:assert/strict";
import { createQuicTransport } from "../packages/conec/src/transport/quic/transport.ts";
import { CLOSE_CODES } from "../packages/conec/src/wire/codes.ts";
import { FRAME } from "../packages/conec/src/wire/frames.ts";
import { WELCOME } from "../packages/conec/testing/odd-coordinator.ts";
import { ANSWER, RESUME } from "../packages/conec/testing/stream-fixture.ts";
import {
	broken,
	CHANNEL_MESSAGES_OF_CLIENT,
	CHANNEL_MESSAGES_OF_COORDINATOR,
	closeSlowly,
	impostor,
	NOT_IDS,
	SLOW_CLOSE,
	type Speaker,
	scene,
} from "./control-table-world.ts";
import { declare, type Fabric, handler, hello, text, until, utf8 } from "./entities-world.ts";
import { orForgotten, unlessForgotten } from "./forgotten.ts";
import { virtualFabric } from "./virtual-fabric.ts";

const FABRICS: readonly Fabric[] = [virtualFabric("memory"), { name: "quic", createTransport: createQuicTransport }];

/** What is no count. */
const COUNTS = ["1", null, [], {}, true, -1, 0.5, 2 ** 53, 1e300];

/** One of each, well formed. */
const MESSAGES = {
	hello: hello("other"),
	"hello for another's id": hello("ann"),
	welcome: WELCOME,
	refused: { type: "refused", code: "ID_TAKEN", message: "no", retryAfterMs: 5 },
	ping: { type: "ping", nonce: 77 },
	pong: { type: "pong", nonce: 77 },
	close: { type: "close", reason: "enough" },
	"peer-check": { type: "peer-check", request: 5, peer: "ann" },
	"peer-checked": { type: "peer-checked", request: 5, silentMs: 7 },
	unknown: { type: "join", name: "x" },
	...CHANNEL_MESSAGES_OF_CLIENT,
	...CHANNEL_MESSAGES_OF_COORDINATOR,
} as const;
type Name = keyof typeof MESSAGES;

/** "closed": the speaker's connection ends with PROTOCOL_ERROR. Else what it hears; nothing: it is passed over. */
type Outcome = "closed" | "pong" | "peer-checked" | "nothing";

/** About direct channels, without the capability of both (`control-table-direct.test.ts`: with it). */
const CHANNEL_MESSAGES = Object.fromEntries(
	[...Object.keys(CHANNEL_MESSAGES_OF_CLIENT), ...Object.keys(CHANNEL_MESSAGES_OF_COORDINATOR)].map((name) => [name, "closed"]),
) as Record<keyof typeof CHANNEL_MESSAGES_OF_CLIENT | keyof typeof CHANNEL_MESSAGES_OF_COORDINATOR, "closed">;

const AFTER_WELCOME: Record<Name, Outcome> = {
	...CHANNEL_MESSAGES,
	hello: "closed",
	"hello for another's id": "closed",
	welcome: "closed",
	refused: "closed",
	ping: "pong",
	pong: "nothing",
	close: "nothing",
	"peer-check": "closed",
	"peer-checked": "nothing",
	unknown: "closed",
};

/** Only a Coordinator answers it, and only a Client takes its answer. */
const TO_COORDINATOR = { ...AFTER_WELCOME, "peer-check": "peer-checked", "peer-checked": "closed" } as const;

/** What a Client says, by the state that its connection is in at the Coordinator. */
const FROM_CLIENT: Record<string, Record<Name, Outcome>> = {
	"waiting for the answer to hello": { ...AFTER_WELCOME, close: "closed", "peer-checked": "closed" },
	connected: TO_COORDINATOR,
	"after its own close": TO_COORDINATOR,
	"after the Coordinator's close": TO_COORDINATOR,
};

/** The same the other way round. */
const FROM_COORDINATOR: Record<string, Record<Name, Outcome>> = {
	connected: AFTER_WELCOME,
	"after its own close": AFTER_WELCOME,
	"after the Client's close": AFTER_WELCOME,
};

async function shows(speaker: Speaker, name: Name, times: number, outcome: Outcome, about: string): Promise<void> {
	const before = speaker.heard.filter((word) => word === "pong").length;
	for (let i = 0; i < times; i++) speaker.say(MESSAGES[name]);
	if (outcome === "closed") {
		const info = await speaker.end().catch(orForgotten);
		if (info !== undefined) assert.deepEqual([info.closeCode, info.reason === ""], [CLOSE_CODES.PROTOCOL_ERROR, false], `${about}: ${info.reason}`);
		return;
	}
	await speaker.isAnswered(1_000 + times);
	assert.equal(speaker.heard.filter((word) => word === "pong").length - before - 1, outcome === "pong" ? times : 0, about);
	assert.equal(speaker.heard.filter((word) => word === "peer-checked").length, outcome === "peer-checked" ? times : 0, about);
}

for (const fabric of FABRICS) {
	const it = declare(fabric);

	it("control table: whatever comes first and is no hello ends the connection", async (t) => {
		const { world, dial } = await scene(t, fabric);
		for (const [name, message] of Object.entries(MESSAGES)) {
			if (name.startsWith("hello")) continue;
			const info = await unlessForgotten(async () => await (await dial()).say(message).end());
			assert.equal(info.closeCode, CLOSE_CODES.PROTOCOL_ERROR, name);
		}
		const taken = (await dial()).say(MESSAGES["hello for another's id"]);
		await taken.hears("refused ID_TAKEN");
		assert.equal((await taken.end()).closeCode, CLOSE_CODES.REFUSED);
		const good = (await dial()).say(MESSAGES.hello);
		await good.hears("welcome");
		assert.equal(world.coordinator.clientCount, 3);
	});

	for (const [state, outcomes] of Object.entries(FROM_CLIENT)) {
		it(`control table: each message of a Client ${state}, once and twice`, async (t) => {
			const waits = state.startsWith("waiting");
			const { world, dial, rest } = await scene(t, fabric, { limits: { holderPingMs: 2_000, ...SLOW_CLOSE } });
			const cells = (Object.entries(outcomes) as [Name, Outcome][]).flatMap(([name, outcome]) => [1, 2].map((times) => ({ name, outcome, times })));
			const speakers = await Promise.all(
				cells.map(async (_, i) => {
					const id = `cell-${i}`;
					// A silent holder of the id: the Coordinator asks it before it answers.
					if (waits) await (await dial()).say(hello(id)).hears("welcome");
					const speaker = await dial();
					if (waits) return speaker;
					await speaker.say(hello(id)).hears("welcome");
					if (state.includes("its own")) speaker.say(MESSAGES.close);
					return speaker;
				}),
			);
			// All at once, when nothing else is left to be done, and each has its message right behind: meanwhile the Coordinator waits.
			if (waits) for (const [i, speaker] of speakers.entries()) speaker.say(hello(`cell-${i}`));
			const closing = state.includes("Coordinator's") ? await closeSlowly(world, dial) : undefined;
			if (closing !== undefined) await Promise.all(speakers.map((speaker) => speaker.hears("close")));
			await Promise.all(
				cells.map(async ({ name, outcome, times }, i) => {
					const about = `${state}: ${name} x ${times}`;
					await shows(speakers[i] as Speaker, name, times, outcome, about);
				}),
			);
			if (waits) {
				for (const [i, { outcome }] of cells.entries()) if (outcome !== "closed") await speakers[i]?.hears("welcome");
			}
			// Those that were closed are not there any more, and nobody else is missing.
			const left = cells.flatMap(({ outcome }, i) => (outcome === "closed" ? [] : [`cell-${i}`]));
			if (closing === undefined) {
				const ids = (): string[] => world.coordinator.clients().map(({ id }) => id);
				await until(() => ids().length === left.length + 2);
				assert.deepEqual(ids().sort(), ["ann", "ben", ...left].sort());
			}
			await rest();
			await closing?.end();
		});
	}

	it("control table: what a holder says too late is nothing, and anything that it says in time keeps its id", async (t) => {
		const { world, dial } = await scene(t, fabric, { limits: { holderPingMs: 1_500 } });
		const holder = (await dial()).say(hello("held"));
		await holder.hears("welcome");
		const newcomer = await world.connect("held");
		assert.ok(holder.heard.filter((word) => word === "ping").length >= 3, `${holder.heard}`);
		assert.equal((await holder.end()).closeCode, CLOSE_CODES.PATH_LOST);
		holder.say({ type: "pong", nonce: holder.messages.find((message) => message["type"] === "ping")?.["nonce"] });
		assert.equal((await newcomer.openStream("held")).peer, "held");
		// Who says something keeps the id, and the one who asked has been told: the answer, one to another question, or anything else.
		const words = [(nonce: unknown) => ({ type: "pong", nonce }), () => ({ type: "pong", nonce: 2 ** 53 - 1 }), () => ({ type: "ping", nonce: 1 })];
		for (const [i, word] of words.entries()) {
			const lively = (await dial()).say(hello(`lively-${i}`));
			await lively.hears("welcome");
			const answered = until(() => lively.heard.includes("ping")).then(() =>
				lively.say(word(lively.messages.find((message) => message["type"] === "ping")?.["nonce"])),
			);
			await assert.rejects(world.connect(`lively-${i}`), { code: "ID_TAKEN" });
			await answered;
			await lively.isAnswered(5);
		}
	});

	it("control table: each field of hello, wrong in each way", async (t) => {
		const { world, dial } = await scene(t, fabric);
		const good = { ...hello("mallory"), limits: { connectionWindowBytes: 65_536 }, metadata: { a: 1 } };
		const cases = [
			...broken(good, "type", true, [7, null, [], {}, "x".repeat(65), ""]),
			...broken(good, "versions", true, [1, "1", null, [], {}, [0], [-1], [65_536], [1.5], ["1"], [null], new Array(17).fill(1)]),
			...broken(good, "id", true, [7, null, [], {}, true, ...NOT_IDS.filter((id) => id.length < 1_000)]),
			...broken(good, "key", true, [7, null, [], {}, "", "Kept", "kept ", "x".repeat(1_000)]),
			...broken(good, "limits", false, [7, null, [], "x", {}]),
			...broken(good, "limits.connectionWindowBytes", true, [...COUNTS, 0, 65_535]),
			...broken(good, "capabilities", false, ["a", 7, null, {}, [7], [""], ["A"], ["a".repeat(65)], new Array(33).fill("a")]),
			...broken(good, "metadata", false, ["x".repeat(1_024), JSON.parse(`${"[".repeat(33)}${"]".repeat(33)}`)]),
		];
		await each(cases, async ([what, json]) => {
			const speaker = (await dial()).say(json);
			const info = await speaker.end();
			assert.deepEqual([info.closeCode, speaker.heard], [CLOSE_CODES.PROTOCOL_ERROR, []], `${what}: ${info.reason}`);
			assert.notEqual(info.reason, "", what);
		});
		const twice = await (await dial()).say(JSON.stringify(good).replace('"id"', '"id":"mallory","id"')).end();
		assert.deepEqual([twice.closeCode, twice.reason], [CLOSE_CODES.PROTOCOL_ERROR, 'Control message has the key "id" twice in one object']);
		await (await dial()).say(JSON.stringify(good).replace('"id"', '"future":{"id":7},"id"')).hears("welcome");
		assert.equal(world.coordinator.clientCount, 3);
	});

	it("control table: each field of ping, pong and close, wrong in each way", async (t) => {
		const { world, dial } = await scene(t, fabric);
		const nonces = ["1", null, [], {}, true, -1, 0.5, 2 ** 53, 1e300, "9".repeat(1_000)];
		const cases = [
			...broken({ type: "ping", nonce: 1 }, "nonce", true, nonces),
			...broken({ type: "pong", nonce: 1 }, "nonce", true, nonces),
			...broken({ type: "close", reason: "" }, "reason", false, [7, null, [], {}, true]),
			...broken({ type: "ping", nonce: 1 }, "type", true, [7, null, [], {}, "PING", "ping ", "x".repeat(65), "__proto__", "constructor"]),
		];
		await each(cases, async ([what, json], i) => {
			const speaker = (await dial()).say(hello(`field-${i}`));
			await speaker.hears("welcome");
			const info = await speaker.say(json).end();
			assert.equal(info.closeCode, CLOSE_CODES.PROTOCOL_ERROR, `${what}: ${info.reason}`);
		});
		await until(() => world.coordinator.clientCount === 2);
		const speaker = (await dial()).say(hello("fine"));
		await speaker.hears("welcome");
		speaker
			.say({ type: "close", reason: "x".repeat(10_000) })
			.say({ type: "close" })
			.say(`{"type":"ping","nonce":3,"more":{"nonce":-1}}`);
		await speaker.hears("pong");
	});

	it("control table: each field of a stream's header, wrong in each way, and every spelling of an id that is none", async (t) => {
		const { world, dial } = await scene(t, fabric);
		const speaker = (await dial()).say(hello("mallory"));
		await speaker.hears("welcome");
		const ask = (payload: string): Promise<string> =>
			new Promise((resolve) => {
				speaker.connection.openStream(
					{ kind: FRAME.OPEN, payload: utf8(payload) },
					handler({
						frame: (kind, answer) => resolve(kind === FRAME.REJECT ? (JSON.parse(text(answer) ?? "") as { code: string }).code : `kind ${kind}`),
						reset: (code) => resolve(`reset ${code}`),
						lost: ({ code }) => resolve(code),
					}),
				);
			});
		const good = { to: "nobody", id: 1, metadata: { a: 1 }, resume: RESUME };
		const cases = [
			...broken(good, "to", false, [7, null, [], {}, true, ...NOT_IDS]),
			...broken(good, "id", true, ["1", null, [], {}, true, -1, 0.5, 2 ** 53, 1e300]),
			...broken(good, "metadata", false, ["x".repeat(1_024), JSON.parse(`${"[".repeat(33)}${"]".repeat(33)}`)]),
		];
		await each(cases, async ([what, json]) => assert.equal(await ask(json), "PROTOCOL_ERROR", what));
		for (const json of ["", "null", "[]", "7", '"ben"', "{", '{"id":1}{"id":1}']) assert.equal(await ask(json), "PROTOCOL_ERROR", json);
		assert.equal(await ask(JSON.stringify(good)), "PEER_UNKNOWN");
		assert.equal(await ask(JSON.stringify({ ...good, to: "ben.ben" })), "PEER_UNKNOWN", "an id, but nobody's");
		assert.equal(
			await ask(`{"id":2,"to":"ben","from":"ann","resume":${JSON.stringify(RESUME)}}`),
			`kind ${FRAME.RESUMABLE}`,
			"whom it claims to be is not looked at",
		);
		assert.equal(await ask(JSON.stringify({ id: 2, to: "ben", resume: RESUME })), `kind ${FRAME.RESUMABLE}`, "numbers are the opener's own business");
		await speaker.isAnswered(9);
		assert.equal(world.coordinator.clientCount, 3);
	});

	for (const [state, outcomes] of Object.entries(FROM_COORDINATOR)) {
		it(`control table: each message of a Coordinator ${state}, once and twice`, async (t) => {
			const { connect } = await impostor(t, fabric);
			const cells = (Object.entries(outcomes) as [Name, Outcome][]).flatMap(([name, outcome]) => [1, 2].map((times) => ({ name, outcome, times })));
			await each(cells, async ({ name, outcome, times }, i) => {
				const about = `${state}: ${name} x ${times}`;
				const { client: connecting, speaker: reached } = connect(`cell-${i}`, { limits: { lingerMs: 4_000, closeTimeoutMs: 5_000 } });
				const speaker = (await reached).say(WELCOME);
				const client = await connecting;
				const seen: string[] = [];
				const watching = (async () => {
					for await (const event of client.status()) seen.push(event.type);
				})();
				if (state.includes("its own")) speaker.say(MESSAGES.close);
				let closing: Promise<void> | undefined;
				if (state.includes("Client's")) {
					// A stream that is closed and never acknowledged: the Client lingers.
					speaker.connection.onStream = (incoming) => incoming.accept(handler()).write(FRAME.RESUMABLE, ANSWER);
					const stream = await client.openCoordinatorStream();
					stream.close().catch(() => undefined);
					closing = client.close();
					await speaker.hears("close");
				}
				await shows(speaker, name, times, outcome, about);
				if (closing !== undefined) {
					await closing;
					assert.equal((await client.closed).by, "local", about);
				} else if (outcome === "closed") {
					assert.equal((await client.closed).code, "PROTOCOL_ERROR", about);
					await watching;
					assert.deepEqual(seen, state.includes("its own") ? ["connected", "draining", "disconnected"] : ["connected", "disconnected"], about);
				} else {
					const draining = state.includes("its own") || name === "close";
					assert.deepEqual(seen, draining ? ["connected", "draining"] : ["connected"], about);
				}
				client.destroy();
			});
		});
	}

	it("control table: each answer to hello, and each field of welcome and refused, wrong in each way", async (t) => {
		const { connect } = await impostor(t, fabric);
		const words = [7, null, [], {}, true, "", "x".repeat(65)];
		const refused = { type: "refused", code: "ID_CONTENDED", message: "m", versions: [2], retryAfterMs: 5 };
		const cases: [string, string][] = [
			...broken(WELCOME, "version", true, [...COUNTS, 0, 65_536, 1]),
			...broken(WELCOME, "session", true, words),
			...broken(WELCOME, "epoch", true, words),
			...broken(WELCOME, "limits", true, [7, null, [], "x", {}]),
			...broken(WELCOME, "limits.messageBytes", true, [...COUNTS, 0, 2 ** 24]),
			...broken(WELCOME, "limits.metadataBytes", true, [...COUNTS, 2 ** 24]),
			...broken(WELCOME, "limits.streamsPerPair", true, [...COUNTS, 0]),
			...broken(WELCOME, "limits.connectionWindowBytes", true, [...COUNTS, 0, 65_535]),
			...broken(WELCOME, "capabilities", false, ["a", 7, null, {}, [7], ["A"], new Array(33).fill("a")]),
			...broken(WELCOME, "observedAddress", true, [7, null, [], "127.0.0.1:1", {}]),
			...broken(WELCOME, "observedAddress.address", true, words),
			...broken(WELCOME, "observedAddress.port", true, [...COUNTS, 65_536]),
			...broken({ ...WELCOME, natTest: { port: 1_720, key: "00112233445566778899aabbccddeeff" } }, "natTest", false, [7, null, [], {}]),
			...broken({ ...WELCOME, natTest: { port: 1_720, key: "00112233445566778899aabbccddeeff" } }, "natTest.port", true, [...COUNTS, 0, 65_536]),
			...broken({ ...WELCOME, natTest: { port: 1_720, key: "00112233445566778899aabbccddeeff" } }, "natTest.key", true, words),
			...broken(refused, "code", true, [7, null, [], {}, "", "id taken", "X".repeat(65), "TOO_TALL"]),
			...broken(refused, "message", false, [7, null, [], {}]),
			...broken(refused, "versions", false, [1, null, [], {}, [0], [1.5], new Array(17).fill(1)]),
			...broken(refused, "retryAfterMs", false, COUNTS),
			["close", JSON.stringify(MESSAGES.close)],
			["hello", JSON.stringify(MESSAGES.hello)],
			["unknown", JSON.stringify(MESSAGES.unknown)],
		];
		await each(cases, async ([what, json], i) => {
			const { client, speaker } = connect(`field-${i}`);
			(await speaker).say(json);
			await assert.rejects(client, { name: "ConecError", code: "PROTOCOL_ERROR" }, what);
			assert.notEqual((await (await speaker).end()).by, "local", what);
		});
		const asked = connect("asked");
		const speaker = (await asked.speaker).say(MESSAGES.ping).say(MESSAGES.pong);
		await speaker.hears("pong");
		speaker.say(WELCOME);
		assert.equal((await asked.client).id, "asked");
		const told = connect("told");
		(await told.speaker).say(refused);
		await assert.rejects(told.client, { code: "ID_CONTENDED", retryAfterMs: 5 });
	});

	it("control table: each field of the header of a Coordinator's stream, wrong in each way", async (t) => {
		const { connect } = await impostor(t, fabric);
		const { client: connecting, speaker: reached } = connect("cleo");
		const speaker = (await reached).say(WELCOME);
		const client = await connecting;
		const ask = (payload: string): Promise<string> =>
			new Promise((resolve) => {
				speaker.connection.openStream(
					{ kind: FRAME.OPEN, payload: utf8(payload) },
					handler({ frame: (kind, answer) => resolve(kind === FRAME.REJECT ? (JSON.parse(text(answer) ?? "") as { code: string }).code : `kind ${kind}`) }),
				);
			});
		const good = { from: "ben", id: 1, metadata: { a: 1 }, resume: RESUME };
		const cases = [
			...broken(good, "from", false, [7, null, [], {}, true, ...NOT_IDS]),
			...broken(good, "id", true, ["1", null, [], {}, true, -1, 0.5, 2 ** 53, 1e300]),
			...broken(good, "metadata", false, ["x".repeat(1_024)]),
		];
		await each(cases, async ([what, json]) => assert.equal(await ask(json), "PROTOCOL_ERROR", what));
		assert.equal(await ask(JSON.stringify(good)), `kind ${FRAME.RESUMABLE}`);
		for await (const stream of client.incomingStreams) {
			assert.deepEqual([stream.peer, stream.id, stream.metadata], ["ben", 1, { a: 1 }]);
			break;
		}
		await speaker.isAnswered(9);
	});
}

/** A few at a time, so that neither limits nor sockets run out. */
async function each<T>(cases: readonly T[], run: (one: T, index: number) => Promise<void>): Promise<void> {
	const entries = cases.entries();
	await Promise.all(
		Array.from({ length: 12 }, async () => {
			for (const [index, one] of entries) await unlessForgotten(() => run(one, index));
		}),
	);
}
