import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Heard } from "../test/support/heard.ts";
import { eventually, join, type Link, type LinkOptions, link, nextStream } from "../test/support/link.ts";
import { pipe } from "./index.ts";

const LOST = 99;
const OPEN = { kind: 1, payload: Buffer.from("open") };

type Party = Pick<Link, "dialled" | "accepted">;

async function proxy(t: TestContext, bobAllows: number, options: LinkOptions = {}): Promise<{ alice: Party; bob: Party; server: Link["server"] }> {
	const first = await link(t, options);
	return { alice: first, bob: await join(first.client, first.server, { transport: { bidirectionalStreams: bobAllows } }), server: first.server };
}

for (const lost of ["near", "far"] as const) {
	test(`pipe: when the ${lost} leg's connection dies, the other leg is reset and stopped with the code, never finished`, async (t) => {
		const { alice, bob } = await proxy(t, 8);
		const atProxy = nextStream(alice.accepted);
		const atBob = nextStream(bob.dialled);
		const nearHeard = new Heard();
		const near = alice.dialled.openStream(nearHeard, {}, OPEN);
		near.write(0, Buffer.from("words"));
		const incoming = await atProxy;
		const result = pipe(incoming, bob.accepted.openHeldStream(OPEN), LOST);
		const farHeard = new Heard();
		farHeard.stream = (await atBob).accept(farHeard);
		await farHeard.untilCount(1);
		(lost === "near" ? alice : bob).dialled.close(0);
		const survivor = lost === "near" ? farHeard : nearHeard;
		await survivor.until(`reset ${LOST}`, `stopped ${LOST}`);
		assert.ok(!survivor.events.includes("end"));
		assert.equal((await result).end, "lost");
	});
}

test("pipe: when the near connection dies while the far leg waits for a stream, the pipe ends and nothing is opened", async (t) => {
	const { alice, bob } = await proxy(t, 1);
	const first = nextStream(bob.dialled);
	const blocker = bob.accepted.openStream(new Heard(), {}, OPEN); // the only stream Bob allows
	const taken = await first;
	bob.dialled.onStream = () => assert.fail("nothing is left to open");
	const atProxy = nextStream(alice.accepted);
	alice.dialled.openStream(new Heard(), {}, OPEN);
	const result = pipe(await atProxy, bob.accepted.openHeldStream(OPEN), LOST);
	alice.dialled.close(0);
	assert.deepEqual(await result, { end: "lost", forwardBytes: 0, backwardBytes: 0 });
	taken.refuse(0);
	blocker.reset(0);
	await new Promise((resolve) => setTimeout(resolve, 100));
});

test("pipe: when the opener gives up while the far leg waits for a stream, the pipe ends", async (t) => {
	const { alice, bob } = await proxy(t, 1);
	bob.accepted.openStream(new Heard(), {}, OPEN);
	const atProxy = nextStream(alice.accepted);
	const near = alice.dialled.openStream(new Heard(), {}, OPEN);
	const result = pipe(await atProxy, bob.accepted.openHeldStream(OPEN), LOST);
	near.reset(3);
	near.stop(4);
	assert.equal((await result).end, "lost");
});

test("pipe: a far connection that dies while its leg waits for a stream ends the near leg with the code", async (t) => {
	const { alice, bob } = await proxy(t, 1);
	bob.accepted.openStream(new Heard(), {}, OPEN);
	const atProxy = nextStream(alice.accepted);
	const heard = new Heard();
	alice.dialled.openStream(heard, {}, OPEN);
	const result = pipe(await atProxy, bob.accepted.openHeldStream(OPEN), LOST);
	bob.dialled.close(0);
	await heard.until(`reset ${LOST}`, `stopped ${LOST}`);
	assert.equal((await result).end, "lost");
});

test("pipe: a near leg that was gone before the pipe began resets the far leg, never finishes it", async (t) => {
	const { alice, bob } = await proxy(t, 8);
	const atProxy = nextStream(alice.accepted);
	alice.dialled.openStream(new Heard(), {}, OPEN);
	const incoming = await atProxy;
	const atBob = nextStream(bob.dialled);
	const held = bob.accepted.openHeldStream(OPEN);
	const farHeard = new Heard();
	(await atBob).accept(farHeard);
	alice.dialled.close(0);
	await alice.accepted.closed;
	assert.deepEqual(await pipe(incoming, held, LOST), { end: "lost", forwardBytes: 0, backwardBytes: 0 });
	await farHeard.until(`reset ${LOST}`, `stopped ${LOST}`);
	assert.ok(!farHeard.events.includes("end"));
});

test("pipe: a unidirectional stream cannot be piped; the far leg is reset", async (t) => {
	const { alice, bob } = await proxy(t, 8, { listen: { transport: { unidirectionalStreams: 1 } } });
	const atProxy = nextStream(alice.accepted);
	const nearHeard = new Heard();
	alice.dialled.openUnidirectionalStream(nearHeard, {}, OPEN);
	const atBob = nextStream(bob.dialled);
	const held = bob.accepted.openHeldStream(OPEN);
	const farHeard = new Heard();
	(await atBob).accept(farHeard);
	assert.equal((await pipe(await atProxy, held, LOST)).end, "lost");
	await farHeard.until(`reset ${LOST}`, `stopped ${LOST}`);
	await nearHeard.until(`stopped ${LOST}`);
});

test("held: refused before it is piped, its peer hears the code; before it is opened, nobody does", async (t) => {
	const { bob } = await proxy(t, 1);
	const atBob = nextStream(bob.dialled);
	const held = bob.accepted.openHeldStream(OPEN);
	const farHeard = new Heard();
	(await atBob).accept(farHeard);
	bob.dialled.onStream = () => assert.fail("the second was never opened");
	const waiting = bob.accepted.openHeldStream(OPEN);
	waiting.refuse(12);
	held.refuse(11);
	await farHeard.until("reset 11", "stopped 11");
	held.refuse(13);
	await new Promise((resolve) => setTimeout(resolve, 50));
});

test("pipe: a stream that is taken cannot be piped", async (t) => {
	const { alice, bob } = await proxy(t, 8);
	const atProxy = nextStream(alice.accepted);
	const near = alice.dialled.openStream(new Heard(), {}, OPEN);
	const incoming = await atProxy;
	const heard = new Heard();
	heard.stream = incoming.accept(heard);
	const held = bob.accepted.openHeldStream(OPEN);
	assert.throws(() => pipe(incoming, held, LOST), { name: "QuicError", code: "INVALID_ARGUMENT" });
	held.refuse(0);
	near.write(0, Buffer.from("untouched"));
	await heard.untilCount(1);
});

test("pipe: after many, no stream, connection or endpoint is left", async (t) => {
	const { alice, bob, server } = await proxy(t, 8);
	alice.accepted.onStream = (incoming) => {
		pipe(incoming, bob.accepted.openHeldStream(OPEN), LOST).catch(assert.fail);
	};
	bob.dialled.onStream = (incoming) => {
		const heard = new Heard();
		const stream = incoming.accept(heard);
		heard.end = () => stream.finish();
	};
	for (let i = 0; i < 200; i++) {
		const heard = new Heard();
		const near = alice.dialled.openStream(heard, {}, OPEN);
		near.finish();
		await heard.until("end");
	}
	alice.dialled.close(0);
	bob.dialled.close(0);
	await eventually(() => server.stats().openConnections === 0, "the end of all connections");
});
