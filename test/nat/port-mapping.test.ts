/** Ports that a router maps for a Client: between two symmetric NATs there is no other way. With miniupnpd. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { eventually, type Peer, story, World } from "./world.ts";

const SECONDS_20 = 20_000;
const world = await World.up({ after }, { a: "sym", b: "sym" });

interface Told {
	readonly type: string;
	readonly state?: string;
	readonly protocol?: string;
	readonly reason?: string;
	readonly address?: { readonly address: string; readonly port: number };
}

async function told(peer: Peer, state: string): Promise<Told | undefined> {
	return await eventually(SECONDS_20, async () => {
		const events = (await peer.events()).map(({ event }) => event as Told);
		return events.find((event) => event.type === "port-mapping" && event.state === state);
	});
}

/** Whether streams with path `auto` become direct. The first may be faster than the channel. */
async function isDirect(from: Peer, to: Peer): Promise<boolean> {
	return (await eventually(SECONDS_20, async () => (await from.openStream(to)).path === "direct")) === true;
}

/** What miniupnpd has set up on router A: the ports outside. */
async function mappedPorts(): Promise<string> {
	return await world.lab.exec("ra", "nft", "list", "chain", "inet", "igd", "igd_prerouting").catch(() => "");
}

test("port mapping: without a router that maps ports, two symmetric NATs have no way, and the status says why", async () => {
	const [a, b] = await world.pair(["sym", "sym"]);
	const mapping = await world.connect("a", { portMapping: true });
	assert.equal((await a.openStream(b)).path, "proxied");
	assert.equal((await mapping.openStream(b)).path, "proxied", "connecting does not fail, and nothing else does");
	assert.match((await told(mapping, "failed"))?.reason ?? "", /PCP at 10\.0\.1\.1.*NAT-PMP.*UPnP: no router has answered/);
});

for (const [way, protocol] of [
	["pcp", "pcp"],
	["nat-pmp", "nat-pmp"],
	["upnp", "upnp"],
] as const) {
	test(`port mapping: two symmetric NATs are direct when one router maps a port by ${way}, whoever calls, and the mapping is removed at the end`, async (t) => {
		await world.renew(["sym", "sym"]);
		const outside = await world.lab.portMapping("A", way);
		const [plain, b] = await Promise.all([world.connect("a"), world.connect("b")]);
		assert.equal((await plain.openStream(b)).path, "proxied", "the router alone makes no difference");
		const a = await world.connect("a", { portMapping: true });
		const up = await told(a, "up");
		assert.deepEqual([up?.protocol, up?.address?.address], [protocol, outside], JSON.stringify(await a.events()));
		t.diagnostic(`${way}: ${JSON.stringify(up?.address)}`);
		assert.match(await mappedPorts(), new RegExp(`dport ${up?.address?.port} `));
		assert.ok(await isDirect(a, b), await story(a, b));
		const caller = await world.connect("b");
		assert.ok(await isDirect(caller, a), await story(caller, a));
		await a.close();
		assert.ok(await eventually(SECONDS_20, async () => !(await mappedPorts()).includes("dport")), await mappedPorts());
	});
}

test("port mapping: a port of one's own choice is the one that is mapped", async () => {
	await world.renew(["sym", "sym"]);
	await world.lab.portMapping("A", "pcp");
	const a = await world.connect("a", { portMapping: true, localPort: 40_123 });
	assert.equal((await told(a, "up"))?.address?.port, 40_123);
	await a.close();
});
