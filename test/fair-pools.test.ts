/**
 * Attacks on what Clients share at a Coordinator, in worlds of memory and on virtual time: however many keys, ids and addresses of one
 * network take all that they get, an honest Client from elsewhere has its place.
 */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Client, connectOn } from "../packages/conec/src/client/client.ts";
import type { ClientOptions } from "../packages/conec/src/client/options.ts";
import { isConecError } from "../packages/conec/src/errors.ts";
import type { CoordinatorStatus } from "../packages/conec/src/index.ts";
import type { CoordinatorLimits } from "../packages/conec/src/limits.ts";
import type { Runtime } from "../packages/conec/src/session/runtime.ts";
import type { MessageStream } from "../packages/conec/src/stream/message-stream.ts";
import { createCertificateAuthority, issueCertificate } from "../packages/conec/src/tls/certificate-authority.ts";
import { testIdentity } from "../packages/conec/testing/identities.ts";
import { echo, pass, text, until, World, withoutPin } from "./entities-world.ts";
import { type VirtualFabric, virtualFabric } from "./virtual-fabric.ts";

interface Scene {
	readonly fabric: VirtualFabric;
	readonly world: World;
	readonly told: CoordinatorStatus[];
	/** A Client at that address. `key`: one of the table, and not one of its own. */
	readonly connect: (id: string, address: string, options?: Partial<ClientOptions>, key?: string) => Promise<Client>;
}

async function scene(t: TestContext, limits: Partial<CoordinatorLimits>): Promise<Scene> {
	const fabric = virtualFabric("memory");
	const world = await World.create(t, fabric, { limits });
	const told: CoordinatorStatus[] = [];
	void (async () => {
		for await (const status of world.coordinator.status()) if (status.type === "defence") told.push(status);
	})();
	const connect: Scene["connect"] = async (id, address, options = {}, key = undefined) => {
		if (key === undefined) return await world.connect(id, { localAddress: address, ...options });
		const runtime: Runtime = { ...(fabric.runtime as Runtime), identity: testIdentity(key) };
		const client = await connectOn(runtime, world.clientOptions(id, { localAddress: address, ...options }));
		t.after(() => client.destroy());
		return client;
	};
	return { fabric, world, told, connect };
}

/** How each ends: the value, or the code of its error. */
async function outcomes<T>(all: readonly Promise<T>[]): Promise<(T | string)[]> {
	return await Promise.all(all.map((one) => one.catch((error: unknown) => (isConecError(error) ? error.code : String(error)))));
}

function count(all: readonly unknown[], what: unknown): number {
	return all.filter((one) => one === what).length;
}

/** How much was refused in all, as the Coordinator tells; only things of that kind. */
async function refused({ fabric, told }: Scene, subject: string): Promise<number | undefined> {
	await pass(fabric, 11_000);
	let total: number | undefined;
	for (const status of told) {
		if (status.type !== "defence") continue;
		total = status.totals.refused;
		for (const one of status.counts) assert.equal(one.subject, subject);
	}
	return total;
}

test("fair pools: eight keys of one network that fill a peer with silent streams leave room for a stream from elsewhere, whatever the peer takes", async (t) => {
	const limits = { streamsPerConnection: 512, streamsPerPair: 128 };
	const stage = await scene(t, limits);
	const victim = await stage.connect("victim", "127.0.0.1");
	echo(victim);
	const flood = await Promise.all(Array.from({ length: 8 }, (_, i) => stage.connect(`mallory-${i}`, `192.0.2.${i}`)));
	const silent: Promise<MessageStream>[] = [];
	for (const mallory of flood) for (let i = 0; i < 128; i++) silent.push(mallory.openStream("victim", { path: "proxied" }));
	const ended = outcomes(silent);
	const proxied = (): number => stage.world.coordinator.clients().find(({ id }) => id === "victim")?.streams ?? 0;
	await pass(stage.fabric, 1_000);
	assert.ok(proxied() >= 0.8 * 512 && proxied() < 512, `${proxied()} are open`);
	const ann = await stage.connect("ann", "198.51.100.1");
	for (let i = 0; i < 20; i++) {
		const stream = await ann.openStream("victim", { path: "proxied" });
		await stream.send(`hello ${i}`);
		assert.equal(text(await stream.receive()), `hello ${i}`);
	}
	const kinds = new Set((await ended).map((one) => (typeof one === "string" ? one : "open")));
	assert.deepEqual([...kinds].sort(), ["PEER_BUSY", "PEER_TIMEOUT", "open"].filter((kind) => kinds.has(kind)).sort());
	assert.ok(kinds.has("open") && kinds.size > 1, "who has much waits for more in vain");
});

test("fair pools: a peer's handlers are not all taken by silent streams of eight keys", async (t) => {
	const stage = await scene(t, {});
	const victim = await stage.connect("victim", "127.0.0.1", {
		limits: { runningHandlers: 100, waitingOpens: 100 },
		handlers: {
			"echo/1": async (stream) => {
				for await (const message of stream) await stream.send(message);
			},
		},
	});
	const flood = await Promise.all(Array.from({ length: 8 }, (_, i) => stage.connect(`mallory-${i}`, "127.0.0.1")));
	const ended = outcomes(flood.flatMap((mallory) => Array.from({ length: 40 }, () => mallory.openStream(victim.id, { path: "proxied", protocol: "echo/1" }))));
	await pass(stage.fabric, 1_000);
	const ann = await stage.connect("ann", "127.0.0.1");
	const stream = await ann.openStream("victim", { path: "proxied", protocol: "echo/1" });
	await stream.send("hello");
	assert.equal(text(await stream.receive()), "hello");
	assert.ok(count(await ended, "PEER_TIMEOUT") > 0);
});

test("fair pools: one key under any number of ids, and any number of keys of one network, leave places for Clients from elsewhere", async (t) => {
	for (const key of ["ann", undefined]) {
		const stage = await scene(t, { clients: 60 });
		const attempts: (Client | string)[] = [];
		for (let i = 0; i < 90; i++)
			attempts.push(...(await outcomes([stage.connect(`mallory-${i}`, key === undefined ? `192.0.2.${i}` : `198.18.${i}.1`, {}, key)])));
		assert.deepEqual([stage.world.coordinator.clientCount, count(attempts, "LIMIT_EXCEEDED")], [57, 33]);
		const again = await stage.connect("mallory-x", "192.0.2.200", {}, key).catch((error: unknown) => error);
		assert.ok(isConecError(again) && again.retryAfterMs === 5_000 && /limits\.clients/.test(again.message) && /network/.test(again.message));
		const honest = await Promise.all(Array.from({ length: 3 }, (_, i) => stage.connect(`ann-${i}`, `198.51.${i}.1`)));
		assert.ok(honest.every(({ closed }) => closed instanceof Promise));
		assert.equal(stage.world.coordinator.clientCount, 60);
		assert.equal(await refused(stage, "connection"), 34);
	}
});

test("fair pools: a company behind one address is refused only when nearly everything is its own, and nobody who is connected is put out", async (t) => {
	const stage = await scene(t, { clients: 200 });
	const outside = await stage.connect("outside", "198.51.100.1");
	const company = await Promise.all(Array.from({ length: 160 }, (_, i) => stage.connect(`employee-${i}`, "192.0.2.1")));
	const others = await Promise.all(Array.from({ length: 20 }, (_, i) => stage.connect(`other-${i}`, `203.0.${i}.1`)));
	assert.equal(stage.world.coordinator.clientCount, 181);
	assert.equal((await outcomes([stage.connect("one-more", "192.0.2.1")]))[0], "LIMIT_EXCEEDED");
	const stream = await company[159]?.openStream("outside", { path: "proxied" });
	assert.equal(stream?.peer, "outside");
	for (const client of [outside, ...others]) assert.equal(await Promise.race([client.closed.then(() => "over"), pass(stage.fabric, 0).then(() => "up")]), "up");
});

test("fair pools: seven Clients of one network that are in 32 broadcasts each leave names for others", async (t) => {
	const stage = await scene(t, { broadcasts: 200 });
	const flood = await Promise.all(Array.from({ length: 7 }, (_, i) => stage.connect(`mallory-${i}`, `192.0.2.${i}`)));
	const joined = await outcomes(flood.flatMap((mallory) => Array.from({ length: 32 }, (_, i) => mallory.joinBroadcast(`${mallory.id}-${i}`))));
	assert.deepEqual([stage.world.coordinator.broadcastCount, count(joined, "LIMIT_EXCEEDED")], [190, 34]);
	const ann = await stage.connect("ann", "198.51.100.1");
	await ann.joinBroadcast("anns");
	assert.equal(await refused(stage, "broadcast"), 34);
	await flood[0]?.close();
	await until(() => stage.world.coordinator.broadcastCount < 191);
	await flood[6]?.joinBroadcast("again");
});

test("fair pools: watches of one network leave some for others", async (t) => {
	const stage = await scene(t, { watches: 60 });
	const flood = await Promise.all(Array.from({ length: 10 }, (_, i) => stage.connect(`mallory-${i}`, `192.0.2.${i}`)));
	const watches = flood.flatMap((mallory) => Array.from({ length: 8 }, () => mallory.watchPeers()[Symbol.asyncIterator]()));
	const first = await outcomes(watches.map(async (watch) => (await watch.next()).value?.type as string));
	assert.deepEqual([count(first, "members"), count(first, "LIMIT_EXCEEDED")], [57, 23]);
	const ann = await stage.connect("ann", "198.51.100.1");
	assert.equal((await ann.peers()).length, 11);
	assert.equal(await refused(stage, "watch"), 23);
	for (const watch of watches) await watch.return?.();
	await until(() => stage.world.coordinator.clientCount === 11);
	assert.equal((await flood[9]?.peers())?.length, 11, "places that were left are free again");
});

test("fair pools: leases of one key from 200 IPv6 networks leave leases for others", async (t) => {
	const stage = await scene(t, { leases: 100 });
	for (let i = 0; i < 200; i++) await (await stage.connect(`mallory-${i}`, `2001:db8:${i.toString(16)}::1`, {}, "ann")).close();
	const holder = await stage.connect("honest", "198.51.100.1", {}, "ben");
	await holder.close();
	const other = await stage.connect("honest", "203.0.113.1").catch((error: unknown) => error);
	assert.equal(isConecError(other) && other.code, "ID_TAKEN", "it has a lease");
	const free = await stage.connect("mallory-199", "203.0.113.1");
	assert.equal(free.id, "mallory-199", "the last ones of the flood got none");
});

/** In CA mode each id needs a certificate. Those of `mallory` have one key, and each of its Clients comes from another network. */
async function oneKey(
	t: TestContext,
	ids: number,
	limits: Partial<CoordinatorLimits>,
): Promise<{ readonly stage: Scene; readonly mallory: Client[]; readonly refused: unknown[]; readonly ann: Client }> {
	const fabric = virtualFabric("memory");
	const authority = await createCertificateAuthority({ name: "ours" });
	const world = await World.create(t, fabric, { ...(await issueCertificate(authority, "localhost")), clientCa: authority.certificate, limits });
	const told: CoordinatorStatus[] = [];
	const connect: Scene["connect"] = async (id, address, options = {}) => {
		const trust = { ca: authority.certificate, localAddress: address };
		const identity = options.certificate === undefined ? await issueCertificate(authority, id) : {};
		return await connectOn(fabric.runtime as Runtime, withoutPin(world.clientOptions(id, { ...identity, ...trust, ...options })));
	};
	const { privateKey } = await issueCertificate(authority, "mallory");
	const mallory: Client[] = [];
	const refused: unknown[] = [];
	t.after(() => {
		for (const client of mallory) client.destroy();
	});
	const ann = await connect("ann", "198.51.100.1");
	for (let i = 0; i < ids; i++) {
		const id = `mallory-${i}`;
		const client = await connect(id, `198.18.${i}.1`, await issueCertificate(authority, id, { privateKey })).catch((error: unknown) => error);
		if (typeof client === "object" && client !== null && "openStream" in client) mallory.push(client as Client);
		else refused.push(isConecError(client) ? client.code : client);
	}
	t.after(() => ann.destroy());
	return { stage: { fabric, world, told, connect }, mallory, refused, ann };
}

test("fair pools in CA mode: one key with a certificate for each of many ids counts as one holder of places for Clients", async (t) => {
	const { stage, mallory, refused: turnedAway } = await oneKey(t, 90, { clients: 60 });
	assert.deepEqual([new Set(stage.world.coordinator.clients().map(({ fingerprint }) => fingerprint)).size, stage.world.coordinator.clientCount], [2, 49]);
	assert.deepEqual([mallory.length, new Set(turnedAway)], [48, new Set(["LIMIT_EXCEEDED"])]);
	const honest = await Promise.all(Array.from({ length: 5 }, (_, i) => stage.connect(`ben-${i}`, `203.0.${i}.1`)));
	assert.equal(stage.world.coordinator.clientCount, 54);
	for (const client of honest) client.destroy();
});

for (const [what, waitingOpens, ended] of [
	["streams to a peer", 1_024, "PEER_TIMEOUT"],
	["places to wait for one", 64, "PEER_BUSY"],
] as const) {
	test(`fair pools in CA mode: one key under twelve ids counts as one holder of ${what}`, async (t) => {
		const { stage, mallory, ann } = await oneKey(t, 12, { streamsPerConnection: 256, streamsPerPair: 64, waitingOpens });
		const victim = await stage.connect("victim", "127.0.0.1");
		t.after(() => victim.destroy());
		echo(victim);
		const silent = outcomes(mallory.flatMap((client) => Array.from({ length: 64 }, () => client.openStream("victim", { path: "proxied" }))));
		await pass(stage.fabric, 1_000);
		const places = stage.world.coordinator.clients().find(({ id }) => id === "victim")?.streams ?? 0;
		if (waitingOpens > 256) assert.ok(places >= 0.8 * 256 && places <= 0.95 * 256 + 1, `${places} are open`);
		for (let i = 0; i < 10; i++) {
			const stream = await ann.openStream("victim", { path: "proxied" });
			await stream.send(`hello ${i}`);
			assert.equal(text(await stream.receive()), `hello ${i}`);
		}
		const ends = await silent;
		assert.ok(count(ends, ended) > 0, "beyond its share it gets nothing");
	});
}

test("fair pools in CA mode: one key under twelve ids counts as one holder of names of broadcasts and of watches", async (t) => {
	const { stage, mallory, ann } = await oneKey(t, 12, { broadcasts: 200, watches: 60 });
	const joined = await outcomes(mallory.flatMap((client) => Array.from({ length: 32 }, (_, i) => client.joinBroadcast(`${client.id}-${i}`))));
	assert.deepEqual([stage.world.coordinator.broadcastCount, count(joined, "LIMIT_EXCEEDED")], [190, 12 * 32 - 190]);
	await ann.joinBroadcast("anns");
	const watches = mallory.flatMap((client) => Array.from({ length: 8 }, () => client.watchPeers()[Symbol.asyncIterator]()));
	const first = await outcomes(watches.map(async (watch) => (await watch.next()).value?.type as string));
	assert.deepEqual([count(first, "members"), count(first, "LIMIT_EXCEEDED")], [57, 96 - 57]);
	assert.equal((await ann.peers()).length, 13);
});
