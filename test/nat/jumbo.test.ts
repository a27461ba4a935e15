/** Two machines of a home whose network cards take jumbo frames. Its switch takes them, or not, or only for a while. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { nowMs, sleep } from "./actors/actions.ts";
import { Flow } from "./survival/flow.ts";
import { eventually, story, World } from "./world.ts";

const JUMBO_BYTES = 9_000;
const ORDINARY_BYTES = 1_500;
/** Of all packets that a machine sends, among them acknowledgements, the mean is more than this where they are long. */
const BETWEEN_BYTES = 2_500;
/** Some packets that are long, and some time to find out what passes. */
const LOAD = { messageBytes: 65_536, everyMs: 20, silenceMs: 50 };
/** Beside other tests, on a machine that may be busy. */
const MOST_MS = 2_500;
const FOUND_MS = 10_000;
const SEEN_MS = 4_000;
const LOOK_MS = 500;

test("jumbo: packets grow where the network takes them, and streams go on when it does no more", async (t) => {
	const world = await World.up(t, { a: "port", mtuBytes: JUMBO_BYTES, wire: { delayMs: 1 } }, ["a", "a2"]);
	const [a, b] = await Promise.all([world.connect("a"), world.connect("a2")]);
	// As its card sends them: else several packets are one until they leave the lab, and pass whatever their length is.
	for (const machine of ["a", "a2"] as const) await world.lab.exec(machine, "ip", "link", "set", "eth0", "gso_max_segs", "1");
	const sent = async (machine: "a" | "a2"): Promise<{ readonly bytes: number; readonly packets: number }> => {
		const [card] = JSON.parse(await world.lab.exec(machine, "ip", "-j", "-s", "link", "show", "eth0"));
		return card.stats64.tx;
	};
	/** Mean length of what both send for a while. */
	const lengths = async (): Promise<number[]> =>
		await Promise.all(
			(["a", "a2"] as const).map(async (machine) => {
				const before = await sent(machine);
				await sleep(LOOK_MS);
				const { bytes, packets } = await sent(machine);
				return Math.round((bytes - before.bytes) / Math.max(1, packets - before.packets));
			}),
		);
	const ports = async (bytes: number): Promise<void> => {
		for (const port of ["p-a", "p-a2"]) await world.lab.exec("ra", "ip", "link", "set", port, "mtu", String(bytes));
	};
	/** Opens a channel, and sends both ways over it. */
	const begin = async (): Promise<[Flow, Flow]> => {
		const channel = await a.openChannel(b);
		assert.equal(channel.error, undefined, `${JSON.stringify(channel)}${await story(a, b)}`);
		return await Promise.all([Flow.begin(a, b, "direct", LOAD), Flow.begin(b, a, "direct", LOAD)]);
	};
	const end = async (flows: readonly Flow[]): Promise<void> => {
		await Promise.all(flows.map((flow) => flow.end()));
		await a.closeChannel(b);
		await eventually(FOUND_MS, async () => (await b.channels()).length === 0);
	};
	const found = async (what: string, is: (bytes: number) => boolean): Promise<void> => {
		let seen: number[] = [];
		const there = await eventually(FOUND_MS, async () => {
			seen = await lengths();
			return seen.every(is);
		});
		t.diagnostic(`${what}: packets of ${seen}`);
		assert.ok(there, `${what}: ${seen}`);
	};
	const pause = async (what: string, flows: readonly Flow[], sinceMs: number): Promise<void> => {
		await sleep(SEEN_MS);
		const ms = Math.max(...(await Promise.all(flows.map((flow) => flow.longestMs(sinceMs)))));
		t.diagnostic(`${what}: ${Math.round(ms)} ms`);
		assert.ok(ms <= MOST_MS, `${what}: ${ms} ms`);
	};

	let sinceMs = nowMs();
	let flows = await begin();
	await found("a switch for ordinary frames", (bytes) => bytes < ORDINARY_BYTES);
	await pause("a switch for ordinary frames", flows, sinceMs);
	await end(flows);

	await ports(JUMBO_BYTES);
	flows = await begin();
	await found("a switch for jumbo frames", (bytes) => bytes > BETWEEN_BYTES);
	sinceMs = nowMs();
	await ports(ORDINARY_BYTES);
	await pause("the switch drops them from now on", flows, sinceMs);
	await found("the switch drops them from now on", (bytes) => bytes < ORDINARY_BYTES);
	await end(flows);

	await ports(JUMBO_BYTES);
	flows = await begin();
	await found("a switch for jumbo frames again", (bytes) => bytes > BETWEEN_BYTES);
	sinceMs = nowMs();
	await world.lab.exec("a", "ip", "link", "set", "eth0", "mtu", String(ORDINARY_BYTES));
	await ports(ORDINARY_BYTES);
	await pause("a card that takes ordinary frames from now on", flows, sinceMs);
	await found("a card that takes ordinary frames from now on", (bytes) => bytes < ORDINARY_BYTES);
	await end(flows);
});
