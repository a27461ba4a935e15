/**
 * A denied key loses its direct channels, whatever it has said, done or left undone before, and gets none that was on its way; nobody
 * else loses any.
 */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Client } from "../packages/conec/src/client/client.ts";
import type { ClientOptions } from "../packages/conec/src/client/options.ts";
import type { CoordinatorOptions } from "../packages/conec/src/coordinator/options.ts";
import { createCertificateAuthority, issueCertificate } from "../packages/conec/src/index.ts";
import { type LocalIdentity, parseIdentity } from "../packages/conec/src/tls/identity.ts";
import { createQuicTransport } from "../packages/conec/src/transport/quic/transport.ts";
import type { ChannelGo } from "../packages/conec/src/wire/channel-messages.ts";
import { CLOSE_CODES } from "../packages/conec/src/wire/codes.ts";
import type { Speaker } from "./control-table-world.ts";
import { knock, Rogue } from "./denied-world.ts";
import { declare, type Fabric, hello, next, until, World } from "./entities-world.ts";
import { virtualFabric } from "./virtual-fabric.ts";

const FABRICS: readonly Fabric[] = [virtualFabric("memory"), { name: "quic", createTransport: createQuicTransport }];

/** Where an attack takes place: bob is honest, mallory will be denied, a channel between them is up. */
interface Scene {
	readonly t: TestContext;
	readonly world: World;
	readonly mallory: Rogue;
	readonly bob: Client;
	readonly go: ChannelGo;
	readonly channel: Speaker;
}

/** What a key may do about its channel before it is denied. */
const BEFORE: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
	"says the truth": async ({ mallory, go }) => await mallory.report(go, "up").settled(),
	"says nothing": async () => undefined,
	"says that the channel is down, and stays": async ({ mallory, go }) => await mallory.report(go, "up").report(go, "down").settled(),
	"says that the channel is down without ever having said up": async ({ mallory, go }) => await mallory.report(go, "down").settled(),
	"says that the attempt has failed": async ({ mallory, go }) => await mallory.report(go, "failed").report(go, "down").settled(),
	"gives its request up": async ({ mallory, go }) => await mallory.say({ type: "channel-cancel", request: go.request }).settled(),
	"leaves first": async ({ mallory, go }) => await mallory.report(go, "up").leave(),
	"leaves first without a word": async ({ mallory }) => await mallory.leave(),
	"says down and leaves": async ({ mallory, go }) => await mallory.report(go, "up").report(go, "down").leave(),
	"leaves and comes back as another session": async ({ mallory, go }) => {
		await mallory.report(go, "up").leave();
		await mallory.enter();
	},
	"is superseded by a session of its own": async ({ mallory }) => void (await mallory.enter()),
	"the application has disconnected": async ({ world, mallory }) => {
		world.coordinator.disconnect(mallory.id, "enough");
		await until(() => mallory.session?.over !== undefined);
	},
	"leaves, and another key takes its id": async ({ t, world, mallory }) => {
		await mallory.leave();
		await (await Rogue.create(t, world, mallory.id)).enter();
	},
	"comes back under another id": async ({ t, world, mallory }) => {
		await mallory.leave();
		await (await Rogue.create(t, world, "innocent", mallory.identity)).enter();
	},
	"says that a newer channel to the same peer is up": async ({ mallory, bob, go }) => {
		mallory.report(go, "up");
		const newer = await mallory.begin(bob.id);
		await mallory.report(newer, "up").report(newer, "down").settled();
	},
	"says of a newer attempt that it has failed": async ({ mallory, bob, go }) => {
		mallory.report(go, "failed");
		await mallory.report(await mallory.begin(bob.id), "failed").settled();
	},
	"claims to have other channels": async ({ mallory, bob, go }) => {
		const token = "f".repeat(32);
		const lie = (changes: object) => ({ token, peer: bob.id, fingerprint: bob.fingerprint, ...changes });
		mallory.say({ type: "channel-list", channels: [lie({}), lie({ token: go.token, peer: "nobody", fingerprint: `sha256:${"0".repeat(64)}` })] });
		await mallory.report(go, "down").settled();
	},
	"has accomplices fill what is kept of paths": async ({ t, world, mallory, go }) => {
		mallory.report(go, "up");
		const crowd = await Promise.all(Array.from({ length: 5 }, (_, i) => Rogue.create(t, world, `accomplice-${i}`)));
		for (const one of crowd) await one.enter();
		for (const from of crowd) {
			for (const to of crowd) {
				if (from.id >= to.id) continue;
				const [dial] = await Promise.all([from.begin(to.id), to.consent(from.id)]);
				from.report(dial, "up");
				to.report(dial, "up");
			}
		}
		for (const one of crowd) await one.settled();
	},
};

/** An attempt in the course of which its key is denied. */
interface Attempt extends Omit<Scene, "go" | "channel"> {
	/** What the application is asked, each with its answer. */
	readonly thinking: ((yes: boolean) => void)[];
	readonly deny: () => void;
}

/** How far an attempt has come when its key is denied; all go on as if nothing had happened. Whether a channel comes about. */
const UNDER_WAY: Readonly<Record<string, (attempt: Attempt) => Promise<boolean>>> = {
	"has asked, while the application thinks it over,": async ({ mallory, bob, thinking, deny }) => {
		mallory.ask(bob.id);
		await until(() => thinking.length > 0);
		deny();
		thinking[0]?.(true);
		await until(() => mallory.session?.over !== undefined);
		return mallory.session?.heard.includes("channel-go") ?? true;
	},
	"has been told to begin": async ({ mallory, bob, deny }) => {
		const go = await mallory.begin(bob.id);
		deny();
		return await mallory.gets(go);
	},
	"has shaken hands and not said hello": async ({ mallory, bob, deny }) => {
		const go = await mallory.begin(bob.id);
		const channel = await mallory.reach(go);
		deny();
		// What the Client has been told comes before what is said now.
		await until(() => mallory.session?.over !== undefined);
		try {
			channel.say({
				type: "hello",
				versions: [2],
				token: go.token,
				capabilities: [],
				limits: { messageBytes: 1_048_576, metadataBytes: 1_024, connectionWindowBytes: 1_048_576 },
			});
			await until(() => channel.heard.length > 0 || channel.over !== undefined);
		} catch {
			// The connection is over.
		}
		return channel.heard.includes("welcome");
	},
	"has said up already": async ({ mallory, bob, deny }) => {
		const go = await mallory.begin(bob.id);
		await mallory.report(go, "up").settled();
		deny();
		return await mallory.gets(go);
	},
	"has said up and down already": async ({ mallory, bob, deny }) => {
		const go = await mallory.begin(bob.id);
		await mallory.report(go, "up").report(go, "down").settled();
		deny();
		return await mallory.gets(go);
	},
	"has said up already and left": async ({ mallory, bob, deny }) => {
		const go = await mallory.begin(bob.id);
		await mallory.report(go, "up").leave();
		deny();
		return await mallory.gets(go);
	},
	"has left": async ({ mallory, bob, deny }) => {
		const go = await mallory.begin(bob.id);
		await mallory.leave();
		deny();
		return await mallory.gets(go);
	},
	"has given up": async ({ mallory, bob, deny }) => {
		const go = await mallory.begin(bob.id);
		await mallory.say({ type: "channel-cancel", request: go.request }).settled();
		deny();
		return await mallory.gets(go);
	},
	"has said that it failed, and is in the next": async ({ mallory, bob, deny }) => {
		const first = await mallory.begin(bob.id);
		await mallory.report(first, "failed").settled();
		const second = await mallory.begin(bob.id);
		await mallory.report(second, "failed").settled();
		deny();
		const got = await Promise.all([mallory.gets(first), mallory.gets(second)]);
		return got.includes(true);
	},
};

for (const fabric of FABRICS) {
	const it = declare(fabric);

	async function prepare(
		t: TestContext,
		options: { readonly coordinator?: CoordinatorOptions; readonly bob?: Partial<ClientOptions>; readonly mallory?: LocalIdentity } = {},
	): Promise<Omit<Scene, "go" | "channel"> & { readonly up: string[] }> {
		const world = await World.create(t, fabric, options.coordinator);
		const bob = await world.connect("bob", { listen: true, ...options.bob });
		const up: string[] = [];
		void (async () => {
			for await (const status of bob.status()) if (status.type === "channel" && status.state === "up") up.push(status.peer);
		})();
		const mallory = await Rogue.create(t, world, "mallory", options.mallory);
		await mallory.enter();
		return { t, world, bob, mallory, up };
	}

	const deny = (world: World, ...keys: readonly { readonly fingerprint: string }[]): void =>
		world.coordinator.reload({ deny: keys.map(({ fingerprint }) => fingerprint) });

	for (const [what, before] of Object.entries(BEFORE)) {
		it(`denied: a key that ${what} loses its channel`, async (t) => {
			const { world, bob, mallory } = await prepare(t, { coordinator: { limits: { pathReports: 4 } } });
			const friend = await world.connect("friend", { listen: true });
			const kept = await bob.openChannel("friend");
			const { go, channel } = await mallory.connect("bob");
			await until(() => bob.channels().length === 2 && world.coordinator.explain("bob", "mallory")?.path === "direct");
			const lost = bob.channels().find(({ peer }) => peer === "mallory");
			await before({ t, world, mallory, bob, go, channel });
			assert.equal(channel.over, undefined, "the channel is up");
			deny(world, mallory);
			const started = performance.now();
			await until(() => channel.over !== undefined);
			t.diagnostic(`ended after ${Math.round(performance.now() - started)} ms`);
			const info = await lost?.closed;
			assert.deepEqual([info?.by, info?.code, info?.reason], ["local", "DISCONNECTED", "its key is on the deny list"]);
			assert.deepEqual([bob.channels(), friend.channels().length], [[kept], 1], "nobody else loses any");
			// What comes after it comes to nobody.
			knock(channel, 7);
			const near = await friend.openStream("bob", { path: "direct" });
			assert.equal((await next(bob.incomingStreams)).peer, "friend");
			near.reset();
		});
	}

	for (const what of ["says nothing", "says that the channel is down, and stays", "leaves first"]) {
		it(`denied: a key that was dialled and ${what} loses its channel`, async (t) => {
			const { world, bob, mallory } = await prepare(t, { bob: { holePunching: false } });
			const [open, { go, channel, welcome }] = [bob.openChannel("mallory"), await mallory.isDialled("bob")];
			welcome();
			const lost = await open;
			await BEFORE[what]?.({ t, world, mallory, bob, go, channel });
			assert.equal(channel.over, undefined, "the channel is up");
			deny(world, mallory);
			const info = await soon(lost.closed);
			assert.deepEqual([info.by, info.code], ["local", "DISCONNECTED"]);
		});
	}

	it("denied: a channel that is on its way does not come about, however far it has come, and one that is asked for when the key is allowed again does", async (t) => {
		// All at once, as each waits in vain for a handshake.
		const stages = Object.entries(UNDER_WAY).map(async ([when, attempt]) => {
			const thinking: ((yes: boolean) => void)[] = [];
			const slow = when.includes("thinks it over");
			const acceptChannel = (): Promise<boolean> | boolean => (slow && thinking.length === 0 ? new Promise((resolve) => thinking.push(resolve)) : true);
			const { world, bob, mallory, up } = await prepare(t, { bob: { acceptChannel } });
			const comesAbout = await attempt({ t, world, bob, mallory, thinking, deny: () => deny(world, mallory) });
			if (fabric.name === "memory") {
				assert.equal(comesAbout, false, when);
				assert.deepEqual([bob.channels(), up], [[], []], `${when}: not for a moment`);
			}
			// Two connections of a busy machine have no order: the channel can be there just before the denial is, which ends it then.
			await until(() => bob.channels().length === 0);
			const before = up.length;
			world.coordinator.reload({ deny: [] });
			await mallory.enter();
			const { channel } = await mallory.connect("bob");
			await until(() => up.length === before + 1);
			assert.equal(channel.over, undefined, when);
		});
		await Promise.all(stages);
	});

	it("denied: a channel that an honest Client is dialling does not come about, and its caller is told", async (t) => {
		const { world, bob, mallory, up } = await prepare(t, { bob: { holePunching: false } });
		const rejected = assert.rejects(bob.openChannel("mallory"), { code: "PEER_UNKNOWN" });
		const { channel, welcome } = await mallory.isDialled("bob");
		deny(world, mallory);
		await rejected;
		welcome();
		await until(() => channel.over !== undefined);
		assert.deepEqual([bob.channels(), up], [[], []]);
	});

	it("denied: of one id that two certificates have had, only the channel of the denied key ends", async (t) => {
		const ca = await createCertificateAuthority({ name: "ours" });
		const certified = async (id: string) => await issueCertificate(ca, id);
		const identity = async (): Promise<LocalIdentity> => {
			const { certificate, privateKey } = await certified("mallory");
			return parseIdentity(certificate, privateKey);
		};
		for (const denied of ["the older", "the newer"] as const) {
			const { world, bob, mallory } = await prepare(t, {
				coordinator: { clientCa: ca.certificate },
				bob: { ...(await certified("bob")), clientCa: ca.certificate },
				mallory: await identity(),
			});
			const friend = await world.connect("friend", { ...(await certified("friend")), clientCa: ca.certificate, listen: true });
			const { channel } = await mallory.connect("bob");
			const newer = await Rogue.create(t, world, "mallory", await identity());
			await newer.enter();
			assert.equal((await mallory.session?.end())?.closeCode, CLOSE_CODES.SUPERSEDED);
			const other = await newer.connect("friend");
			await until(() => bob.channels().length === 1 && friend.channels().length === 1);
			deny(world, denied === "the older" ? mallory : newer);
			const [lost, kept] = denied === "the older" ? [channel, other.channel] : [other.channel, channel];
			await until(() => lost.over !== undefined);
			assert.equal(kept.over, undefined);
			deny(world, mallory, newer);
			await until(() => kept.over !== undefined);
			assert.deepEqual([bob.channels(), friend.channels()], [[], []]);
		}
	});

	it("denied: a channel beyond those that the Coordinator keeps of one Client ends all the same", async (t) => {
		const { world, bob, mallory } = await prepare(t, { coordinator: { limits: { channels: 1 } } });
		const friend = await world.connect("friend", { listen: true });
		const kept = await bob.openChannel("friend");
		await until(() => friend.channels().length === 1);
		const { channel } = await mallory.connect("bob");
		await until(() => bob.channels().length === 2);
		await mallory.leave();
		deny(world, mallory);
		await until(() => channel.over !== undefined);
		assert.deepEqual(bob.channels(), [kept]);
	});

	it("denied: who comes back with channels, also to another Coordinator, is told of the keys that have been denied meanwhile", async (t) => {
		const key = `sha256:${"ab".repeat(32)}`;
		const other = `sha256:${"cd".repeat(32)}`;
		const list = (...keys: string[]) => ({
			type: "channel-list",
			channels: keys.map((fingerprint, i) => ({ token: `${i}`.repeat(32), peer: "mallory", fingerprint })),
		});
		const world = await World.create(t, fabric, { deny: [key] });
		const honest = await Rogue.create(t, world, "honest");
		const session = await honest.enter();
		honest.say(list(other, key, key));
		await session.hears("peer-denied");
		await honest.settled();
		const named = (): unknown[] => session.messages.filter(({ type }) => type === "peer-denied").map(({ fingerprint }) => fingerprint);
		assert.deepEqual(named(), [key], "once, and no other");
		world.coordinator.reload({ deny: [other] });
		await session.hears("peer-denied", "peer-denied");
		assert.deepEqual(named(), [key, other]);
		// Who has not the capability is not to say this.
		const old = (await (await Rogue.create(t, world, "old")).enter([])).say(list(key));
		assert.equal((await old.end()).closeCode, CLOSE_CODES.PROTOCOL_ERROR);
	});

	it("denied: two honest Clients that are both denied end their channel and themselves", async (t) => {
		const { world, bob } = await prepare(t);
		const alice = await world.connect("alice", { listen: true });
		const channel = await alice.openChannel("bob");
		deny(world, alice, bob);
		const infos = await soon(Promise.all([alice.closed, bob.closed, channel.closed]));
		assert.deepEqual(
			infos.slice(0, 2).map(({ by, code }) => [by, code]),
			[
				["peer", "CERTIFICATE_REFUSED"],
				["peer", "CERTIFICATE_REFUSED"],
			],
		);
		await assert.rejects(alice.openStream("bob"), { code: "COORDINATOR_LOST" });
	});

	it("denied: an honest Client that is denied ends its channels also with peers that nobody can tell", async (t) => {
		const { world, bob } = await prepare(t);
		const alice = await world.connect("alice", { listen: true });
		const channel = await bob.openChannel("alice");
		world.coordinator.disconnect("bob");
		await until(() => !world.coordinator.clients().some(({ id }) => id === "bob"));
		deny(world, alice);
		assert.equal((await soon(channel.closed)).by, "peer");
		assert.equal((await soon(bob.closed)).code, "DISCONNECTED", "nothing is left");
	});

	it("denied: a key that is denied while it waits for an id is not let in", async (t) => {
		const world = await World.create(t, fabric, { limits: { holderPingMs: 1_500 } });
		// It answers no ping, so the id is free when it has been silent long enough.
		const holder = await (await Rogue.create(t, world, "mallory")).enter();
		const second = await Rogue.create(t, world, "mallory");
		const waiting = (await second.dial()).say(hello("mallory"));
		const refused = refusals(world);
		await holder.hears("ping");
		deny(world, second);
		await waiting.hears("refused CERTIFICATE_REFUSED");
		assert.deepEqual(refused, ["CERTIFICATE_REFUSED"]);
		assert.equal(world.coordinator.clients().filter(({ fingerprint }) => fingerprint === second.fingerprint).length, 0);
	});
}

/** The same promise, which has not for ever. */
async function soon<T>(promise: Promise<T>): Promise<T> {
	const settled: T[] = [];
	promise.then(
		(value) => settled.push(value),
		() => undefined,
	);
	await until(() => settled.length > 0);
	return await promise;
}

/** Codes with which Clients have been refused since. */
function refusals({ coordinator }: World): string[] {
	const codes: string[] = [];
	void (async () => {
		for await (const status of coordinator.status()) if (status.type === "refused") codes.push(status.code);
	})();
	return codes;
}
