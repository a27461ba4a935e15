import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Client } from "../packages/conec/src/client/client.ts";
import type { DefenceStatus } from "../packages/conec/src/coordinator/defence/index.ts";
import type { CoordinatorLimits } from "../packages/conec/src/limits.ts";
import type { MessageStream } from "../packages/conec/src/stream/message-stream.ts";
import { makeSelfSigned } from "../packages/conec/src/tls/self-signed.ts";
import { nowOf, pass, until, World } from "./entities-world.ts";
import { virtualFabric } from "./virtual-fabric.ts";

const KIB = 1_024;
const fabric = virtualFabric("memory");

interface Scene {
	readonly world: World;
	/** Bytes that have been read of each Client. */
	readonly read: Map<string, number>;
	readonly told: DefenceStatus[];
	/** Writes as much as goes, until the test ends. */
	write(stream: { send(message: Uint8Array): Promise<void> }, size?: number): void;
	join(id: string): Promise<Client>;
	/** What the others have read of these between 2 s and 7 s from now. */
	rates(...ids: string[]): Promise<number[]>;
}

/** A Coordinator with a bound, and Clients that read all that comes. */
async function scene(t: TestContext, limits: Partial<CoordinatorLimits>): Promise<Scene> {
	const world = await World.create(t, fabric, { limits });
	const read = new Map<string, number>();
	const told: DefenceStatus[] = [];
	let over = false;
	t.after(() => {
		over = true;
	});
	void (async () => {
		for await (const status of world.coordinator.status()) if (status.type === "defence") told.push(status);
	})();
	const count = (id: string, bytes: number): void => void read.set(id, (read.get(id) ?? 0) + bytes);
	const handlers = {
		sink: async (stream: MessageStream) => {
			for await (const message of stream) count(stream.peer ?? "", message.length);
		},
	};
	const bytes = (id: string): number => read.get(id) ?? 0;
	return {
		world,
		read,
		told,
		join: (id) => world.connect(id, { handlers }),
		write(stream, size = 8 * KIB) {
			void (async () => {
				while (!over) await stream.send(new Uint8Array(size));
			})().catch(() => undefined);
		},
		async rates(...ids) {
			await pass(fabric, 2_000);
			const before = ids.map(bytes);
			await pass(fabric, 5_000);
			return ids.map((id, i) => (bytes(id) - (before[i] ?? 0)) / 5);
		},
	};
}

const near = (rate: number | undefined, wanted: number): void =>
	assert.ok(rate !== undefined && Math.abs(rate - wanted) <= wanted * 0.1, `${rate} bytes a second, and not ${wanted}`);

test("bandwidth: what a Client sends keeps to its bound, whatever the number of its streams, and another Client has its own", async (t) => {
	const { join, write, rates, told } = await scene(t, { proxiedBytesPerSecond: 100_000 });
	const [alice, bob] = [await join("alice"), await join("bob")];
	await join("carol");
	for (let i = 0; i < 8; i++) write(await alice.openStream("carol", { protocol: "sink" }));
	write(await bob.openStream("carol", { protocol: "sink" }));
	const [fromAlice, fromBob] = await rates("alice", "bob");
	near(fromAlice, 100_000);
	near(fromBob, 100_000);
	const slowed = told.flatMap(({ counts }) => counts).filter(({ action, subject }) => action === "slowed" && subject === "bytes");
	assert.deepEqual([...new Set(slowed.map(({ whom }) => whom?.id))].sort(), ["alice", "bob"]);
	const times = slowed.filter(({ whom }) => whom?.id === "alice").reduce((sum, count) => sum + count.times, 0);
	assert.ok(times >= 1 && times <= 8, `${times} times in 7 s`);
});

test("bandwidth: proxied streams and broadcasts of a Client have one bound", async (t) => {
	const { world, read, join, write, rates } = await scene(t, { proxiedBytesPerSecond: 200_000 });
	const [alice, carol] = [await join("alice"), await join("carol")];
	const heard = await carol.joinBroadcast("news", { mode: "receive" });
	void (async () => {
		for await (const event of heard) if (event.type === "message") read.set("news", (read.get("news") ?? 0) + event.data.length);
	})().catch(() => undefined);
	const membership = await alice.joinBroadcast("news", { mode: "send" });
	write(membership, 4 * KIB);
	write(await alice.openStream("carol", { protocol: "sink" }));
	const [streams = 0, broadcast = 0] = await rates("alice", "news");
	near(streams + broadcast, 200_000);
	assert.ok(Math.min(streams, broadcast) >= 20_000, `${streams} and ${broadcast}`);
	assert.ok(world.coordinator.clientCount === 2);
});

test("bandwidth: two ids of one key share one bound", async (t) => {
	const { join, write, rates, world } = await scene(t, { proxiedBytesPerSecond: 100_000 });
	const { certificates, privateKey } = await makeSelfSigned({ names: ["one"] }, "kept");
	const certificate = certificates[0] as Uint8Array;
	const [one, two] = [await world.connect("one", { certificate, privateKey }), await world.connect("two", { certificate, privateKey })];
	await join("carol");
	for (const client of [one, two]) write(await client.openStream("carol", { protocol: "sink" }));
	const [first = 0, second = 0] = await rates("one", "two");
	near(first + second, 100_000);
	assert.ok(Math.min(first, second) >= 25_000, `${first} and ${second}`);
});

test("bandwidth: by default there is no bound", async (t) => {
	const { join, read, told } = await scene(t, {});
	const alice = await join("alice");
	await join("carol");
	const stream = await alice.openStream("carol", { protocol: "sink" });
	const before = nowOf(fabric);
	// On this network nothing takes time.
	for (let i = 0; i < 400; i++) await stream.send(new Uint8Array(16 * KIB));
	await stream.close();
	assert.ok(nowOf(fabric) - before < 100);
	await until(() => read.get("alice") === 400 * 16 * KIB);
	assert.deepEqual(told, []);
});
