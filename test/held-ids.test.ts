/**
 * Ids that others ask for while somebody holds them: nobody loses one who lives, and nobody keeps one who does not. On virtual time.
 */

import assert from "node:assert/strict";
import type { Client } from "../packages/conec/src/client/client.ts";
import type { ConecError } from "../packages/conec/src/errors.ts";
import { isConecError } from "../packages/conec/src/errors.ts";
import { CLOSE_CODES } from "../packages/conec/src/wire/codes.ts";
import { Speaker } from "./control-table-world.ts";
import { declare, disconnects, hello, nowOf, pair, pass, text, until, World } from "./entities-world.ts";
import { type VirtualFabric, virtualFabric } from "./virtual-fabric.ts";

const fabric: VirtualFabric = virtualFabric("memory");
const it = declare(fabric);

/** Asks for an id: the Client, or why not, and how long that took. */
async function claim(world: World, id: string): Promise<{ readonly client?: Client; readonly error?: ConecError; readonly tookMs: number }> {
	const sinceMs = nowOf(fabric);
	const outcome = await world.connect(id).then(
		(client) => ({ client }),
		(error: unknown) => {
			assert.ok(isConecError(error), String(error));
			return { error };
		},
	);
	return { ...outcome, tookMs: nowOf(fabric) - sinceMs };
}

/** A connection that speaks only when the test says so, and holds an id. */
async function mute(world: World, id: string): Promise<Speaker> {
	const speaker = new Speaker((await world.dial()).connection).say(hello(id));
	await speaker.hears("welcome");
	return speaker;
}

it("held ids: whoever asks for the id of a process that hangs is told within 2.5 s when it is free, and has it then", async (t) => {
	const world = await World.create(t, fabric);
	const told = disconnects(world.coordinator);
	const holder = await mute(world, "victim");
	const first = await claim(world, "victim");
	assert.equal(first.error?.code, "ID_TAKEN");
	assert.ok(first.tookMs <= 2_600, `${first.tookMs} ms`);
	const { retryAfterMs = 0 } = first.error as ConecError;
	assert.ok(retryAfterMs > 3_000 && retryAfterMs <= 3_500, `${retryAfterMs} ms`);
	await pass(fabric, retryAfterMs - 50);
	assert.equal(told.size, 0, "it has the whole time");
	await pass(fabric, 50);
	assert.equal((await holder.end()).closeCode, CLOSE_CODES.PATH_LOST);
	assert.equal((await claim(world, "victim")).client?.id, "victim");
	assert.equal(holder.heard.filter((word) => word === "ping").length, 6);
});

it("held ids: of two that wait one has the id, and one that has left in between changes nothing", async (t) => {
	const world = await World.create(t, fabric, { limits: { holderPingMs: 2_000 } });
	await mute(world, "victim");
	const leaver = new Speaker((await world.dial()).connection).say(hello("victim"));
	await pass(fabric, 500);
	leaver.connection.close(CLOSE_CODES.CLIENT_CLOSED, "");
	const both = await Promise.all([claim(world, "victim"), claim(world, "victim")]);
	assert.deepEqual(both.map(({ client, error }) => client?.id ?? error?.code).sort(), ["ID_TAKEN", "victim"]);
	assert.ok(
		both.every(({ tookMs }) => tookMs <= 1_600),
		"they share the trial that the one who left began",
	);
	assert.equal(world.coordinator.clientCount, 1);
});

it("held ids: all who asked have left, and the trial goes on to its end and leaves nothing", async (t) => {
	const world = await World.create(t, fabric);
	const holder = await mute(world, "victim");
	const leaver = new Speaker((await world.dial()).connection).say(hello("victim"));
	await until(() => holder.heard.includes("ping"));
	leaver.connection.close(CLOSE_CODES.CLIENT_CLOSED, "");
	assert.equal((await holder.end()).closeCode, CLOSE_CODES.PATH_LOST);
	assert.equal(world.coordinator.clientCount, 0);
});

it("held ids: a Coordinator that closes during a trial says so to who waits, and is not kept from closing", async (t) => {
	const world = await World.create(t, fabric);
	await mute(world, "victim");
	const waiting = new Speaker((await world.dial()).connection).say(hello("victim"));
	await pass(fabric, 500);
	const sinceMs = nowOf(fabric);
	await world.coordinator.close();
	assert.ok(nowOf(fabric) - sinceMs <= 3_100, `${nowOf(fabric) - sinceMs} ms`);
	const { closeCode } = await waiting.end();
	assert.ok(closeCode === CLOSE_CODES.COORDINATOR_CLOSED || waiting.heard.includes("refused COORDINATOR_CLOSED"), `${closeCode} ${waiting.heard}`);
});

it("held ids: a holder whose connection ends during its trial frees the id at once", async (t) => {
	const world = await World.create(t, fabric);
	const holder = await mute(world, "victim");
	const sinceMs = nowOf(fabric);
	const asking = claim(world, "victim");
	await until(() => holder.heard.includes("ping"));
	holder.connection.close(CLOSE_CODES.PROCESS_ENDED, "");
	assert.equal((await asking).client?.id, "victim");
	assert.ok(nowOf(fabric) - sinceMs < 1_000);
});

it("held ids: a holder whose machine has vanished loses its id sooner than one that hangs", async (t) => {
	const world = await World.create(t, fabric);
	const { transport, connection } = await world.dial();
	await new Speaker(connection).say(hello("victim")).hears("welcome");
	fabric.transports.find((one) => one.address.port === transport.address.port)?.vanish();
	await pass(fabric, 4_000);
	const { error } = await claim(world, "victim");
	assert.equal(error?.code, "ID_TAKEN");
	await pass(fabric, 600);
	assert.equal((await claim(world, "victim")).client?.id, "victim", "3 s after the first question, and not 6");
});

for (const [how, answer] of [
	["answers 4 s late each time", (ping: Record<string, unknown>) => ({ type: "pong", nonce: ping["nonce"] })],
	["says something else 4 s late", () => ({ type: "peer-check", request: 1, peer: "nobody" })],
] as const) {
	it(`held ids: one that ${how} keeps its id for a minute in which others ask all the time`, async (t) => {
		const world = await World.create(t, fabric);
		const holder = await mute(world, "victim");
		let seen = 0;
		const done = { yes: false };
		const answering = (async () => {
			while (!done.yes) {
				await pass(fabric, 100);
				const pings = holder.messages.filter(({ type }) => type === "ping");
				if (pings.length === seen) continue;
				seen = pings.length;
				await pass(fabric, 4_000);
				holder.say(answer(pings.at(-1) as Record<string, unknown>));
			}
		})();
		const untilMs = nowOf(fabric) + 60_000;
		while (nowOf(fabric) < untilMs) {
			const claims = await Promise.all([claim(world, "victim"), claim(world, "victim")]);
			assert.deepEqual(
				claims.map(({ error }) => error?.code),
				["ID_TAKEN", "ID_TAKEN"],
			);
			await pass(fabric, 1_500);
		}
		done.yes = true;
		await answering;
		assert.equal(holder.over, undefined);
	});
}

it("held ids: 8 keys flood a Client with empty messages and another asks for its id: it keeps the id and its streams", async (t) => {
	const world = await World.create(t, fabric);
	const told = disconnects(world.coordinator);
	const [victim, friend] = await Promise.all([world.connect("victim"), world.connect("friend")]);
	const [near, far] = await pair(friend, victim);
	void (async () => {
		for await (const message of far) await far.send(message);
	})().catch(() => undefined);
	const taken = (async () => {
		for await (const stream of victim.incomingStreams)
			void (async () => {
				for await (const _ of stream);
			})().catch(() => undefined);
	})().catch(() => undefined);
	const over = { yes: false };
	const empty = new Uint8Array(0);
	const floods = Array.from({ length: 8 }, async (_, i) => {
		const flooder = await world.connect(`flooder-${i}`);
		const streams = await Promise.all(Array.from({ length: 16 }, () => flooder.openStream("victim")));
		while (!over.yes) {
			for (const stream of streams) for (let k = 0; k < 4; k++) stream.trySend(empty);
			await pass(fabric, 500);
		}
	});
	const untilMs = nowOf(fabric) + 20_000;
	while (nowOf(fabric) < untilMs) {
		const { error, tookMs } = await claim(world, "victim");
		assert.equal(error?.code, "ID_TAKEN");
		assert.ok(tookMs <= 2_600);
		await pass(fabric, 1_000);
	}
	over.yes = true;
	await Promise.all(floods);
	await near.send("still here");
	assert.equal(text(await near.receive()), "still here");
	assert.deepEqual([...told], []);
	await victim.close();
	await taken;
});

it("held ids: of an id that is leased to a connected key no time is known, and of one whose key has left it is", async (t) => {
	const world = await World.create(t, fabric);
	const { connection } = await world.enter("alice", "kept");
	const { error, tookMs } = await claim(world, "alice");
	assert.deepEqual([error?.code, error?.retryAfterMs], ["ID_TAKEN", undefined]);
	assert.ok(tookMs < 1_000, "nobody is asked");
	connection.close(CLOSE_CODES.CLIENT_CLOSED, "");
	await until(() => world.coordinator.clientCount === 0);
	assert.ok(((await claim(world, "alice")).error?.retryAfterMs ?? 0) > 80_000_000);
});
