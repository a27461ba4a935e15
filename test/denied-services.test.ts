/** What else a denied key had at the Coordinator ends with it: streams, broadcasts, presence, watches, attempts; and nothing of it comes through afterwards. */

import assert from "node:assert/strict";
import { createQuicTransport } from "../packages/conec/src/transport/quic/transport.ts";
import { FRAME } from "../packages/conec/src/wire/frames.ts";
import { Rogue } from "./denied-world.ts";
import { declare, type Fabric, handler, next, text, until, utf8, World } from "./entities-world.ts";
import { virtualFabric } from "./virtual-fabric.ts";

const FABRICS: readonly Fabric[] = [virtualFabric("memory"), { name: "quic", createTransport: createQuicTransport }];

const BROADCAST = { name: "news", mode: "both", slowReader: "drop-oldest", bufferBytes: 65_536, presence: true } as const;
const RESUME = { limit: 65_536, messageBytes: 65_536 } as const;

for (const fabric of FABRICS) {
	const it = declare(fabric);

	it("denied: its streams, broadcasts, presence and requests end with its session, and what it says after that comes to nobody", async (t) => {
		const world = await World.create(t, fabric);
		const { coordinator } = world;
		const [bob, ann] = [await world.connect("bob", { listen: true }), await world.connect("ann")];
		const mallory = await Rogue.create(t, world, "mallory");
		const session = await mallory.enter(["direct", "presence", "broadcast"]);
		const open = (header: object) =>
			session.connection.openStream({ kind: FRAME.OPEN, payload: utf8(JSON.stringify({ ...header, resume: RESUME })) }, handler());
		const told: string[] = [];
		void (async () => {
			for await (const event of ann.watchPeers()) if (event.type !== "members") told.push(`${event.type} ${event.peer.id}`);
		})().catch(() => undefined);
		const news = await bob.joinBroadcast("news");
		const heard: string[] = [];
		void (async () => {
			for await (const event of news) if (event.type === "message") heard.push(`${event.sender}: ${text(event.data)}`);
		})().catch(() => undefined);

		const member = open({ broadcast: BROADCAST, id: 1 });
		const proxied = open({ to: "bob", id: 2 });
		const own = open({ id: 3 });
		open({ watch: "peers", id: 4 });
		const request = mallory.ask("bob");
		const [atBob, atCoordinator] = [await next(bob.incomingStreams), await next(coordinator.incomingStreams)];
		for (const stream of [member, proxied, own]) stream.write(FRAME.DATA, utf8("before"));
		assert.deepEqual([text(await atBob.receive()), text(await atCoordinator.receive())], ["before", "before"]);
		await until(() => heard.length === 1 && session.messages.some((message) => message["request"] === request));
		assert.deepEqual(await ann.countBroadcast("news"), { senders: 2, receivers: 2 });

		coordinator.reload({ deny: [mallory.fingerprint] });
		// At once, before the connection has ended.
		assert.deepEqual(
			coordinator.clients().map(({ id }) => id),
			["bob", "ann"],
		);
		const late = (): void => {
			for (const stream of [member, proxied, own]) stream.write(FRAME.DATA, utf8("after"));
			open({ broadcast: BROADCAST, id: 5 }).write(FRAME.DATA, utf8("after"));
			open({ to: "bob", id: 6 }).write(FRAME.DATA, utf8("after"));
			open({ id: 7 }).write(FRAME.DATA, utf8("after"));
			mallory.say({ type: "metadata", request: 1, metadata: "after" }).ask("bob");
		};
		try {
			late();
		} catch {
			// Its connection is over.
		}
		assert.deepEqual(await ann.countBroadcast("news"), { senders: 1, receivers: 1 });
		await assert.rejects(atBob.receive(), { code: "PEER_LOST" });
		await assert.rejects(atCoordinator.receive(), { code: "PEER_LOST" });
		await until(() => session.over !== undefined && told.includes("leave mallory"));
		// What follows it on every way is the next that is heard there.
		const [last] = await Promise.all([ann.openStream("bob", { path: "proxied" }), (await ann.joinBroadcast("news")).send("last")]);
		assert.equal((await next(bob.incomingStreams)).peer, "ann");
		await until(() => heard.length === 2);
		assert.deepEqual(heard, ["mallory: before", "ann: last"]);
		assert.deepEqual(
			told.filter((line) => line.endsWith("mallory")),
			["leave mallory"],
		);
		assert.deepEqual([coordinator.clientCount, coordinator.clients().find(({ id }) => id === "bob")?.streams], [2, 2]);
		last.reset();
	});
}
