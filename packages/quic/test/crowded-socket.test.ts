import assert from "node:assert/strict";
import { test } from "node:test";
import { endpoint, ends, join, listening } from "./support/link.ts";

const BLOCK = Buffer.alloc(50_000, 7);
const BLOCKS = 4;

for (const [connections, turnBytes, drops] of [
	[10, 1, true],
	[10, 0, false],
	[8, 1, false],
] as const) {
	test(`crowded socket: everything arrives from ${connections} connections where a turn takes ${turnBytes} bytes, and ${drops ? "some" : "no"} datagrams are dropped`, async (t) => {
		const server = endpoint(t, { turnBytes });
		server.listen(listening());
		const links = [];
		for (let i = 0; i < connections; i++) links.push(await join(endpoint(t), server));
		const streams = await Promise.all(links.map(({ dialled, accepted }) => ends(dialled, accepted)));
		for (const { near, farHeard } of streams) {
			farHeard.keep = false;
			for (let i = 0; i < BLOCKS; i++) near.write(0, BLOCK);
		}
		await Promise.all(streams.map(({ farHeard }) => farHeard.untilCount(BLOCKS)));
		for (const { farHeard } of streams) assert.equal(farHeard.bytes, BLOCKS * BLOCK.length);
		const { droppedDatagrams } = server.stats();
		assert.ok(drops ? droppedDatagrams > 0 : droppedDatagrams === 0, `${droppedDatagrams} are dropped`);
	});
}
