import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "../../packages/conec/src/client/client.ts";
import type { ClientOptions } from "../../packages/conec/src/client/options.ts";
import { Coordinator } from "../../packages/conec/src/coordinator/coordinator.ts";
import type { CoordinatorOptions } from "../../packages/conec/src/coordinator/options.ts";
import { readValidity } from "../../packages/conec/src/tls/validity.ts";
import { type Forged, forge, pemOf, shown } from "./forge.ts";

const root: Forged = forge({ subject: "root", authority: true });
const ca = pemOf(root);
/** A certificate ends at a full second, so up to one second earlier. */
const SOON_S = 4;
/** How late the end may be noticed, on a busy machine too. */
const LATE_MS = 15_000;

/** What is left of that must do for what comes then; where it is less, all begin again with certificates that last twice as long. */
const SPARE_MS = 1_500;

/** Connects "alice", whose certificate or whose Coordinator's ends in a moment, and "bob", whose does not. */
async function meet(
	ends: { readonly alice?: number; readonly coordinator?: number },
	options: { readonly coordinator?: CoordinatorOptions; readonly client?: Partial<ClientOptions> },
): Promise<Met> {
	for (let times = 1; ; times *= 2) {
		const later = (seconds: number | undefined): number | undefined => seconds && seconds * times;
		const met = await tryToMeet({ alice: later(ends.alice), coordinator: later(ends.coordinator) }, options);
		if (met !== undefined && (met.endMs - Date.now() >= SPARE_MS || times > 16)) return met;
		for (const one of [met?.alice, met?.bob, met?.coordinator]) one?.destroy();
	}
}

interface Met {
	readonly coordinator: Coordinator;
	readonly alice: Client;
	readonly bob: Client;
	readonly again: () => Promise<Client>;
	readonly endMs: number;
}

/** `undefined`: a certificate has ended before all were connected. */
async function tryToMeet(
	ends: { readonly alice: number | undefined; readonly coordinator: number | undefined },
	options: { readonly coordinator?: CoordinatorOptions; readonly client?: Partial<ClientOptions> },
): Promise<Met | undefined> {
	const short = (names: readonly string[], endsInSeconds: number | undefined): Forged =>
		forge({ names, issuer: root, ...(endsInSeconds === undefined ? {} : { endsInSeconds }) });
	const [ofAlice, ofCoordinator] = [short(["alice"], ends.alice), short(["localhost"], ends.coordinator)];
	const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0, ...shown(ofCoordinator), clientCa: ca, ...options.coordinator });
	const where = { coordinator: `localhost:${coordinator.address.port}`, address: `127.0.0.1:${coordinator.address.port}`, ca };
	const again = (): Promise<Client> => Client.connect({ id: "alice", ...where, ...shown(ofAlice), ...options.client });
	const bob = await Client.connect({ id: "bob", ...where, ...shown(forge({ names: ["bob"], issuer: root })) }).catch(expired);
	const alice = bob === undefined ? undefined : await again().catch(expired);
	if (alice === undefined || bob === undefined) {
		bob?.destroy();
		coordinator.destroy();
		return undefined;
	}
	return { coordinator, alice, bob, again, endMs: readValidity((ends.alice === undefined ? ofCoordinator : ofAlice).der).toMs };
}

function expired(error: unknown): undefined {
	if ((error as { code?: unknown }).code !== "CERTIFICATE_EXPIRED") throw error;
}

async function leave(...all: readonly { close(): Promise<void> }[]): Promise<void> {
	await Promise.all(all.map((one) => one.close()));
}

test("expiry: with endAtExpiry a Coordinator ends a Client's connection when its certificate expires, and no other", async () => {
	const { coordinator, alice, bob, again, endMs } = await meet({ alice: SOON_S }, { coordinator: { endAtExpiry: true } });
	const stream = await bob.openStream("alice", { path: "proxied" });
	const info = await alice.closed;
	assert.deepEqual([info.by, info.code], ["peer", "CERTIFICATE_EXPIRED"]);
	assert.match(info.reason ?? "", /the Client's certificate has expired/);
	assert.ok(Date.now() >= endMs && Date.now() < endMs + LATE_MS, `${Date.now() - endMs} ms after its end`);
	await assert.rejects(stream.receive(), { code: "PEER_LOST" });
	assert.deepEqual(
		coordinator.clients().map(({ id }) => id),
		["bob"],
	);
	// Nothing is resumed: the certificate is looked at again.
	await assert.rejects(again(), { code: "CERTIFICATE_EXPIRED", message: /expired/ });
	assert.equal((await bob.openStream("bob")).peer, "bob");
	await leave(bob);
	await coordinator.close();
});

test("expiry: with endAtExpiry a Client ends its connection when the Coordinator's certificate expires, if it looks at dates at all", async () => {
	const { coordinator, alice, bob, endMs } = await meet({ coordinator: SOON_S }, { client: { endAtExpiry: true } });
	const { port } = coordinator.address;
	const pin = coordinator.fingerprint;
	const carol = await Client.connect({
		id: "carol",
		coordinator: `localhost:${port}`,
		pin,
		endAtExpiry: true,
		...shown(forge({ names: ["carol"], issuer: root })),
	});
	const info = await alice.closed;
	assert.deepEqual([info.by, info.code], ["local", "CERTIFICATE_EXPIRED"]);
	assert.ok(Date.now() >= endMs && Date.now() < endMs + LATE_MS, `${Date.now() - endMs} ms after its end`);
	await assert.rejects(alice.openStream("bob"), { code: "COORDINATOR_LOST" });
	assert.equal((await carol.openStream("bob")).peer, "bob");
	await leave(bob, carol);
	await coordinator.close();
});

test("expiry: without the option, and in open mode, a connection outlives its certificate", async () => {
	const open = await Coordinator.listen({ host: "127.0.0.1", port: 0, endAtExpiry: true });
	const short = shown(forge({ names: ["dave"], endsInSeconds: SOON_S }));
	const dave = await Client.connect({ id: "dave", coordinator: `localhost:${open.address.port}`, pin: open.fingerprint, ...short });
	const { coordinator, alice, bob, endMs } = await meet({ alice: SOON_S }, {});
	await new Promise((resolve) => setTimeout(resolve, endMs + 300 - Date.now()));
	assert.equal((await alice.openStream("bob")).peer, "bob");
	assert.equal((await dave.openStream("dave")).peer, "dave");
	await leave(alice, bob, dave);
	await leave(coordinator, open);
});
