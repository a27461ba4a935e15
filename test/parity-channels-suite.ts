/**
 * What the tests of conec (the Rust crate) show of direct channels, shown of ours. See parity.test.ts.
 */

import assert from "node:assert/strict";
import type { Client } from "../packages/conec/src/client/client.ts";
import { createCertificateAuthority, issueCertificate } from "../packages/conec/src/tls/certificate-authority.ts";
import { declare, type Fabric, pair, text, until, World, withoutPin } from "./entities-world.ts";

/** A Client that takes direct channels, as every Client does by default. */
const join = (world: World, id: string, options: Parameters<World["connect"]>[1] = {}): Promise<Client> => world.connect(id, { listen: true, ...options });

/** Declares the tests. */
export function channelsParity(fabric: Fabric): void {
	const it = declare(fabric);

	it("parity, channel_errors: no channel to oneself, to nobody, or where none is; a second call gets the one that there is", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = [await join(world, "alice"), await join(world, "bob")];
		await assert.rejects(alice.openChannel("alice"), { code: "DIRECT_UNAVAILABLE" });
		await assert.rejects(alice.openChannel("nobody"), { code: "PEER_UNKNOWN" });
		await assert.rejects(alice.openStream("alice", { path: "direct" }), { code: "DIRECT_UNAVAILABLE" });
		const channel = await alice.openChannel("bob");
		assert.equal(await alice.openChannel("bob"), channel);
		await channel.close();
		await channel.close();
		await assert.rejects(channel.openStream(), { code: "CHANNEL_CLOSED" });
		assert.deepEqual(alice.channels(), []);
		await until(() => bob.channels().length === 0);
	});

	it("parity, channel_simple: messages over a direct channel, both ways, from either side, to the end", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = [await join(world, "alice"), await join(world, "bob")];
		await alice.openChannel("bob");
		await until(() => bob.channels().length === 1);
		for (const [from, to] of [
			[alice, bob],
			[bob, alice],
		] as const) {
			const [near, far] = await pair(from, to, { path: "direct" });
			assert.deepEqual([near.path, far.path, far.peer], ["direct", "direct", from.id]);
			for (let i = 0; i < 10; i++) {
				await near.send(`there ${i}`);
				assert.equal(text(await far.receive()), `there ${i}`);
				await far.send(`back ${i}`);
				assert.equal(text(await near.receive()), `back ${i}`);
			}
			await Promise.all([near.close(), far.close()]);
			assert.deepEqual([await near.receive(), await far.receive()], [null, null]);
		}
	});

	it("parity, channel_close: closing a channel ends all its streams at both sides, no other stream, and another channel can be opened", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = [await join(world, "alice"), await join(world, "bob")];
		const channel = await alice.openChannel("bob");
		const streams: Awaited<ReturnType<typeof pair>>[] = [];
		for (let i = 0; i < 5; i++) streams.push(await pair(alice, bob, { path: "direct" }));
		const [proxied, atBob] = await pair(alice, bob, { path: "proxied" });
		await channel.close();
		for (const [near, far] of streams) {
			await assert.rejects(near.receive(), { code: "CHANNEL_CLOSED" });
			await assert.rejects(far.receive(), { code: "CHANNEL_CLOSED" });
		}
		await proxied.send("still here");
		assert.equal(text(await atBob.receive()), "still here");
		await until(() => bob.channels().length === 0);
		const again = await bob.openChannel("alice");
		assert.notEqual(again, channel);
		assert.equal((await pair(bob, alice, { path: "direct" }))[0].path, "direct");
	});

	it("parity, channel_oneway: a Client that does not listen is not dialled, but dials others, and both then open streams", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = [await join(world, "alice", { listen: false }), await join(world, "bob")];
		await assert.rejects(bob.openChannel("alice"), { code: "DIRECT_UNAVAILABLE" });
		const [proxied, far] = await pair(bob, alice);
		assert.equal(proxied.path, "proxied");
		await proxied.send("through the Coordinator");
		assert.equal(text(await far.receive()), "through the Coordinator");
		await alice.openChannel("bob");
		await until(() => bob.channels().length === 1);
		for (const [from, to] of [
			[alice, bob],
			[bob, alice],
		] as const)
			assert.equal((await pair(from, to, { path: "direct" }))[1].path, "direct");
	});

	it("parity, client_cert_channel: with an authority for peers, certificates of it get a channel, those of another do not", async (t) => {
		const [ours, theirs] = await Promise.all([createCertificateAuthority({ name: "ours" }), createCertificateAuthority({ name: "theirs" })]);
		const world = await World.create(t, fabric, { ...(await issueCertificate(ours, "localhost")), clientCa: [ours.certificate, theirs.certificate] });
		const certified = async (id: string, ca: typeof ours): Promise<Client> => {
			const options = world.clientOptions(id, { listen: true, ca: ours.certificate, ...(await issueCertificate(ca, id)), clientCa: ours.certificate });
			return await join(world, id, withoutPin(options));
		};
		const [alice, bob, mallory] = [await certified("alice", ours), await certified("bob", ours), await certified("mallory", theirs)];
		await alice.openChannel("bob");
		const [near, far] = await pair(alice, bob, { path: "direct" });
		await near.send("certified");
		assert.equal(text(await far.receive()), "certified");
		await assert.rejects(alice.openChannel("mallory"), { code: "DIRECT_UNAVAILABLE" });
		await assert.rejects(mallory.openChannel("bob"), { code: "DIRECT_UNAVAILABLE" });
		assert.deepEqual(mallory.channels(), []);
	});
}
