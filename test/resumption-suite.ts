/**
 * Streams that survive the loss of their connection, between whole Clients and a Coordinator, and what a hostile one tries with them.
 */

import assert from "node:assert/strict";
import { type Client, censusOfClient } from "../packages/conec/src/client/client.ts";
import { moveStream } from "../packages/conec/src/session/resumption/index.ts";
import type { FramedStream } from "../packages/conec/src/stream/framed-stream.ts";
import type { MessageStream } from "../packages/conec/src/stream/message-stream.ts";
import type { TransportConnection } from "../packages/conec/src/transport/transport.ts";
import { FRAME } from "../packages/conec/src/wire/frames.ts";
import { decodeOpenFromCoordinator, decodeReject, encodeOpen, type OpenFromCoordinator } from "../packages/conec/src/wire/open.ts";
import { encodeResumable } from "../packages/conec/src/wire/stream-frames.ts";
import { declare, type Fabric, handler, next, pair, text, until, World } from "./entities-world.ts";

const TOKEN = "00112233445566778899aabbccddeeff";
const NEW = { limit: 262_144, messageBytes: 1_048_576, token: TOKEN, forMs: 60_000 };
const LEG = { token: TOKEN, generation: 1, received: 0, limit: 262_144 };
const SURVIVES = { resumable: true } as const;

/** Declares the tests. */
export function resumptionSuite(fabric: Fabric): void {
	const it = declare(fabric);

	/** Two Clients that take direct channels. */
	const both = async (world: World): Promise<[Client, Client]> => [await world.connect("ann", { listen: true }), await world.connect("ben", { listen: true })];

	it("resumption: a stream goes from the Coordinator to a channel by itself, the channel ends under it, it goes back, and each message comes once", async (t) => {
		const world = await World.create(t, fabric);
		const [ann, ben] = await both(world);
		const [near, far] = await pair(ann, ben, SURVIVES);
		assert.deepEqual([near.path, far.path], ["proxied", "proxied"], "it waits for no channel");
		const [atNear, atFar, atAnn] = [changes(near.status()), changes(far.status()), changes(ann.status())];
		let number = 0;
		const exchange = async (path: string): Promise<void> => {
			await until(() => near.path === path && far.path === path && !near.suspended && !far.suspended);
			for (let count = 0; count < 5; count++) {
				const what = `message ${number++}`;
				await Promise.all([near.send(what), far.send(what)]);
				assert.deepEqual([text(await near.receive()), text(await far.receive())], [what, what]);
			}
		};
		assert.deepEqual([near.resumable, far.resumable], [true, true]);
		await exchange("direct");
		for (const end of [() => ann.channels()[0]?.close(), () => ben.channels()[0]?.close()]) {
			// Messages that are on their way when it ends.
			const on = [near.send("on its way"), far.send("on its way")];
			await end();
			await Promise.all(on);
			assert.deepEqual([text(await near.receive()), text(await far.receive())], ["on its way", "on its way"]);
			await exchange("proxied");
			await ann.openChannel("ben");
			await exchange("direct");
		}
		await until(() => [atNear, atFar, atAnn].every((told) => told.length >= 5));
		const way = ["proxied direct", "direct proxied", "proxied direct", "direct proxied", "proxied direct"];
		assert.deepEqual([atNear, atFar, atAnn], [way, way, way]);
		await Promise.all([near.close(), far.close()]);
		assert.deepEqual([await near.receive(), await far.receive(), await near.closed], [null, null, { by: "local" }]);
		await until(() => [ann, ben].every((one) => censusOfClient(one).survivors === 0));
	});

	it("resumption: a stream that was to go directly only never goes on through the Coordinator", async (t) => {
		const world = await World.create(t, fabric);
		const [ann, ben] = await both(world);
		const [near, far] = await pair(ann, ben, { ...SURVIVES, path: "direct" });
		await ann.channels()[0]?.close();
		await until(() => near.suspended && far.suspended);
		const sent = near.send("for later");
		assert.equal(move(near, "proxied"), false);
		await ann.openChannel("ben");
		await sent;
		assert.deepEqual([text(await far.receive()), near.path], ["for later", "direct"]);
	});

	it("resumption: the Coordinator goes, and the stream goes on over a channel that there is", async (t) => {
		const world = await World.create(t, fabric);
		const [ann, ben] = await both(world);
		const [near, far] = await pair(ann, ben, SURVIVES);
		await until(() => near.path === "direct" && far.path === "direct");
		await until(() => move(near, "proxied"));
		await until(() => near.path === "proxied" && far.path === "proxied");
		const [plain] = await pair(ann, ben, { path: "proxied" });
		world.coordinator.destroy();
		assert.match((await plain.closed).code ?? "", /COORDINATOR/, "an ordinary stream ends");
		await far.send("still here");
		assert.deepEqual([text(await near.receive()), near.path, far.path], ["still here", "direct", "direct"]);
		await Promise.all([near.close(), far.close()]);
	});

	it("resumption: a Client that closes fails its streams with CLIENT_CLOSED, those without a connection too, and their peers hear it where they can", async (t) => {
		const world = await World.create(t, fabric);
		const [ann, ben] = await both(world);
		const [live, atBen] = await pair(ann, ben, { ...SURVIVES, path: "proxied" });
		const [suspended] = await pair(ann, ben, { ...SURVIVES, path: "direct" });
		await ann.channels()[0]?.close();
		await until(() => suspended.suspended);
		await ann.close();
		assert.deepEqual([(await live.closed).code, (await suspended.closed).code], ["CLIENT_CLOSED", "CLIENT_CLOSED"]);
		assert.deepEqual([await atBen.closed, atBen.suspended], [{ by: "peer", code: "CLIENT_CLOSED" }, false]);
		assert.equal(censusOfClient(ann).survivors, 0);
		ben.destroy();
		assert.equal(censusOfClient(ben).survivors, 0);
	});

	it("resumption: a stream to the Coordinator survives at its application too, and ends with it", async (t) => {
		const world = await World.create(t, fabric);
		const ann = await world.connect("ann");
		const [near, far] = await Promise.all([ann.openCoordinatorStream(SURVIVES), next(world.coordinator.incomingStreams)]);
		assert.deepEqual([near.resumable, far.resumable, near.path, far.path], [true, true, "direct", "direct"]);
		assert.equal(move(near, "direct"), true);
		await near.send("over the second one");
		assert.equal(text(await far.receive()), "over the second one");
		world.coordinator.disconnect("ann");
		await until(() => far.suspended);
		assert.equal((await near.closed).code, "COORDINATOR_LOST");
		await world.coordinator.close();
		assert.equal((await far.closed).code, "COORDINATOR_CLOSED");
	});

	it("resumption: streams that the Coordinator opens are never resumable, and an ordinary stream tells nothing of its connection", async (t) => {
		const world = await World.create(t, fabric);
		const [ann, ben] = await both(world);
		await assert.rejects(world.coordinator.openStream("ann", SURVIVES), { code: "OPTION_INVALID", message: /"resumable" must be false/ });
		const [plain, far] = await pair(ann, ben, { resumable: false });
		const told: unknown[] = [];
		const over = (async () => {
			for await (const change of plain.status()) told.push(change);
		})();
		await Promise.all([plain.close(), far.close()]);
		await over;
		assert.deepEqual([told, plain.resumable], [[], false]);
	});

	it("resumption: an ordinary stream is lost with its connection, as ever", async (t) => {
		const world = await World.create(t, fabric);
		const [ann, ben] = await both(world);
		const [near, far] = await pair(ann, ben, { path: "direct" });
		await ann.channels()[0]?.close();
		assert.deepEqual([(await near.closed).code, (await far.closed).code], ["CHANNEL_CLOSED", "CHANNEL_CLOSED"]);
		assert.deepEqual([near.resumable, near.suspended, near.path], [false, false, "direct"]);
	});

	it("resumption, hostile: a peer that knows the token of somebody else's stream gets no leg of it, whatever key it writes", async (t) => {
		const world = await World.create(t, fabric);
		const ben = await world.connect("ben");
		const [ann, mallory] = [await world.enter("ann"), await world.enter("mallory")];
		const annsKey = world.coordinator.clients().find(({ id }) => id === "ann")?.fingerprint;
		const accepted = next(ben.incomingStreams);
		assert.equal(await answerTo(ann.connection, { to: "ben", id: 7, resume: NEW }), "accepted");
		const stream = await accepted;
		for (const more of [{}, { fromKey: annsKey }, { from: "ann", fromKey: annsKey }])
			assert.equal(await answerTo(mallory.connection, { to: "ben", id: 7, resume: LEG, ...more }), "RESUME_UNKNOWN");
		assert.equal(
			await answerTo(ann.connection, { to: "ben", id: 7, resume: LEG, fromKey: `sha256:${"0".repeat(64)}` }),
			"accepted",
			"what a Client writes there is not looked at",
		);
		assert.deepEqual([stream.suspended, (stream as FramedStream).over], [false, false]);
	});

	it("resumption, hostile: two legs of a stream go through the Coordinator and a third is refused; so are legs to a Client that takes none", async (t) => {
		const world = await World.create(t, fabric);
		const ann = await world.enter("ann");
		const opens: OpenFromCoordinator[] = [];
		const [cleo, old] = [await world.enter("cleo", "ephemeral", ["resume"]), await world.enter("old")];
		for (const { connection } of [cleo, old]) {
			connection.onStream = (incoming) => {
				const open = decodeOpenFromCoordinator(incoming.header.payload);
				assert.ok(open.ok);
				opens.push(open.value);
				incoming.accept(handler()).write(FRAME.RESUMABLE, encodeResumable({ received: 0, limit: 262_144, forMs: 60_000, messageBytes: 1_048_576 }));
			};
		}
		assert.equal(await answerTo(ann.connection, { to: "cleo", id: 7, resume: NEW, fromKey: `sha256:${"0".repeat(64)}` }), "accepted");
		assert.equal(await answerTo(ann.connection, { to: "cleo", id: 7, resume: LEG }), "accepted");
		assert.equal(await answerTo(ann.connection, { to: "cleo", id: 7, resume: { ...LEG, generation: 2 } }), "PEER_BUSY");
		const fingerprint = world.coordinator.clients().find(({ id }) => id === "ann")?.fingerprint;
		assert.deepEqual(opens, [
			{ from: "ann", fromKey: fingerprint, id: 7, resume: NEW },
			{ from: "ann", fromKey: fingerprint, id: 7, resume: LEG },
		]);
		assert.equal(await answerTo(ann.connection, { to: "cleo", id: 8, resume: { limit: 262_144, messageBytes: 9 } }), "accepted");
		assert.equal(opens[2]?.fromKey, undefined, "only where there is a token");
		assert.equal(await answerTo(ann.connection, { to: "old", id: 7, resume: NEW }), "accepted");
		assert.equal(await answerTo(ann.connection, { to: "old", id: 7, resume: LEG }), "RESUME_UNKNOWN");
	});

	it("resumption, hostile: a flood of legs is refused and disturbs nobody", async (t) => {
		const world = await World.create(t, fabric);
		const [ben, cleo] = [await world.connect("ben"), await world.connect("cleo")];
		const ann = await world.enter("ann");
		const [plain, atBen] = await pair(cleo, ben);
		const accepted = next(ben.incomingStreams);
		assert.equal(await answerTo(ann.connection, { to: "ben", id: 7, resume: NEW }), "accepted");
		const stream = await accepted;
		const answers: string[] = [];
		for (let generation = 1; generation <= 40; generation++) {
			// At most two at once.
			answers.push(await answerTo(ann.connection, { to: "ben", id: 7, resume: { ...LEG, generation } }, true));
		}
		assert.ok(answers.includes("LIMIT_EXCEEDED"), answers.join(", "));
		assert.equal((stream as FramedStream).over, false);
		await plain.send("undisturbed");
		assert.equal(text(await atBen.receive()), "undisturbed");
		const strangers = await Promise.all(
			Array.from({ length: 200 }, (_, number) => answerTo(ann.connection, { to: "ben", id: 9, resume: { ...LEG, token: `${number}`.padStart(32, "0") } })),
		);
		assert.deepEqual([...new Set(strangers)], ["RESUME_UNKNOWN"]);
		assert.equal(censusOfClient(ben).survivors, 1);
	});
}

function move(stream: MessageStream, path: "direct" | "proxied"): boolean {
	return moveStream((stream as FramedStream).keeper, path);
}

/** From where to where streams go, as they tell. */
function changes(told: ReturnType<MessageStream["status"]> | ReturnType<Client["status"]>): string[] {
	const all: string[] = [];
	void (async () => {
		for await (const event of told) {
			const change = event.type === "stream" ? event.change : event;
			if (change.type !== "moved" && change.type !== "resumed") continue;
			assert.ok("pauseMs" in change && change.pauseMs >= 0);
			all.push(`${change.from} ${change.to}`);
		}
	})();
	return all;
}

/** Opens a stream by hand, and gives what comes of it: "accepted", the code of the REJECT, or how it was reset. */
function answerTo(connection: TransportConnection, open: object, givesUp: boolean = false): Promise<string> {
	return new Promise((resolve) => {
		const stream = connection.openStream(
			{ kind: FRAME.OPEN, payload: encodeOpen(open as Parameters<typeof encodeOpen>[0]) },
			handler({
				frame: (kind, payload) => {
					if (kind === FRAME.RESUMABLE) resolve("accepted");
					if (kind === FRAME.REJECT) {
						const reject = decodeReject(payload);
						resolve(reject.ok ? reject.value.code : reject.error);
					}
					if (!givesUp) return;
					stream.reset(0x0e);
					stream.stop(0x0e);
				},
				reset: (code) => resolve(`reset ${code}`),
				lost: ({ code }) => resolve(code),
			}),
		);
	});
}
