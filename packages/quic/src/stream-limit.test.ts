import assert from "node:assert/strict";
import { test } from "node:test";
import { Heard } from "../test/support/heard.ts";
import { eventually, link } from "../test/support/link.ts";
import type { Connection, IncomingStream } from "./index.ts";

const OPEN = { kind: 1, payload: Buffer.of() };
const MOST = 300;

for (const [side, options] of [
	["listens", { listen: { transport: { bidirectionalStreams: MOST } } }],
	["dials", { connect: { transport: { bidirectionalStreams: MOST } } }],
] as const) {
	test(`stream limit: the peer of a side that ${side} gets more than the first 52 as it uses them, and never more than the limit`, async (t) => {
		const { dialled, accepted } = await link(t, options);
		const [taking, opening]: [Connection, Connection] = side === "listens" ? [accepted, dialled] : [dialled, accepted];
		const incoming: IncomingStream[] = [];
		taking.onStream = (stream) => void incoming.push(stream);
		const opened = Array.from({ length: MOST + 100 }, () => opening.openStream(new Heard(), {}, OPEN));
		await eventually(() => incoming.length >= MOST, "as many as there may be");
		await opening.settled();
		await new Promise((resolve) => setTimeout(resolve, 50));
		assert.equal(incoming.length, MOST);
		for (const stream of incoming.slice(0, 150)) stream.refuse(7);
		for (const stream of opened.slice(0, 150)) stream.reset(7);
		await eventually(() => incoming.length === MOST + 100, "the others, when some have ended");
		for (const stream of [...opened]) stream.reset(7);
	});
}
