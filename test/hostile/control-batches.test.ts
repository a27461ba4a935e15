/**
 * Thousands of questions in one piece, from a Client and from a Coordinator. Each is answered where the answers are read, and nobody is closed
 * for answers that QUIC has not been given yet. Who reads nothing is closed with LIMIT_EXCEEDED.
 */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Client } from "../../packages/conec/src/index.ts";
import { CLOSE_CODES } from "../../packages/conec/src/wire/codes.ts";
import { encodeFrame, FRAME } from "../../packages/conec/src/wire/frames.ts";
import { CHANNEL_MESSAGES_OF_CLIENT, CHANNEL_MESSAGES_OF_COORDINATOR } from "../control-table-world.ts";
import { asTold, orForgotten } from "../forgotten.ts";
import { impostor, type Takes, welcome } from "./impostor.ts";
import type { RawStream } from "./raw-stream.ts";
import { Stage, sleep, soon, until } from "./stage.ts";

type Question = (number: number) => Readonly<Record<string, unknown>>;

/** Both sides answer these. */
const PINGS: Readonly<Record<string, Question>> = {
	"urgent ping": (nonce) => ({ type: "ping", nonce, urgent: true }),
	ping: (nonce) => ({ type: "ping", nonce }),
};

/** All that a Coordinator answers at once. */
const OF_CLIENT: Readonly<Record<string, Question>> = {
	...PINGS,
	"peer-check": (request) => ({ type: "peer-check", request, peer: "ann" }),
	"broadcast-count": (request) => ({ type: "broadcast-count", request, name: "news" }),
	metadata: (request) => ({ type: "metadata", request, metadata: { request } }),
	"channel-request": (request) => ({ ...CHANNEL_MESSAGES_OF_CLIENT["channel-request"], request: request + 1 }),
};

/** All that a Client answers that has no channels: one that is asked which it has would be silent. */
const OF_COORDINATOR: Readonly<Record<string, Question>> = {
	...PINGS,
	"channel-ask": (number) => ({ ...CHANNEL_MESSAGES_OF_COORDINATOR["channel-ask"], token: number.toString(16).padStart(32, "0") }),
};

const MANY = 2_000;
/** The pace is another bound. */
const UNPACED = { controlMessagesPerSecond: 1_000_000 };

function batch(question: Question, from: number, count: number): Uint8Array {
	return Buffer.concat(Array.from({ length: count }, (_, i) => encodeFrame(FRAME.CONTROL, Buffer.from(JSON.stringify(question(from + i))))));
}

/** All that has come is a number of answers, once each. */
async function allAnswered(control: RawStream, count: number, over: () => unknown): Promise<void> {
	const answers = (): number => control.words.filter((word) => /^CONTROL (?!welcome|hello|ping)/.test(word)).length;
	await until(() => answers() >= count || over() !== undefined, `${count} answers`);
	assert.deepEqual([answers(), over()], [count, undefined]);
}

/** A Client, and the other end of its control stream. */
async function greeted(t: TestContext, takes?: Takes): Promise<{ readonly client: Client; readonly control: RawStream }> {
	let tell: (control: RawStream) => void = () => undefined;
	const welcomed = new Promise<RawStream>((resolve) => {
		tell = resolve;
	});
	const { where } = await impostor(t, (control) => tell(welcome({ capabilities: ["direct"] })(control)), takes);
	const client = await soon(Client.connect({ id: "cleo", ...where, localAddress: "127.0.0.1", reconnect: false, limits: UNPACED }), "the welcome");
	t.after(() => client.destroy());
	return { client, control: await welcomed };
}

for (const [what, question] of Object.entries(OF_CLIENT)) {
	test(`control batches: ${what}: ${MANY} of a Client that reads are answered`, async (t) => {
		const stage = await Stage.set(t, { limits: UNPACED });
		const peer = await stage.enter("mallory", {}, ["direct", "presence", "broadcast"]);
		let over: unknown;
		void peer.connection.closed.then((info) => {
			over = info;
		});
		peer.control.bytes(batch(question, 1, MANY));
		await allAnswered(peer.control, MANY, () => over);
	});

	test(`control batches: ${what}: a Client that reads no answers is closed with LIMIT_EXCEEDED`, async (t) => {
		const stage = await Stage.set(t, { limits: UNPACED });
		// It takes little: what its machine takes does not lie unread at the Coordinator.
		const peer = await stage.enter("mallory", { transport: { streamWindowBytes: 16_384 } }, ["direct", "presence", "broadcast"], { creditBytes: 1_024 });
		peer.control.reading = false;
		let over = false;
		const closed = peer.connection.closed.finally(() => {
			over = true;
		});
		for (let number = 1; !over; number += MANY) {
			assert.ok(number < 1_000_000, "it is closed before a million questions");
			peer.control.bytes(batch(question, number, MANY));
			do await sleep(0);
			while (!over && peer.control.queuedBytes > 65_536);
		}
		const info = await closed.then(asTold).catch(orForgotten);
		if (info !== undefined) assert.equal(info.closeCode, CLOSE_CODES.LIMIT_EXCEEDED);
	});
}

for (const [what, question] of Object.entries(OF_COORDINATOR)) {
	test(`control batches: ${what}: ${MANY} of a Coordinator that reads are answered`, async (t) => {
		const { client, control } = await greeted(t);
		let over: unknown;
		void client.closed.then((info) => {
			over = info;
		});
		control.bytes(batch(question, 1, MANY));
		await allAnswered(control, MANY, () => over);
	});

	test(`control batches: ${what}: a Coordinator that reads no answers is lost`, async (t) => {
		const { client, control } = await greeted(t, { control: { creditBytes: 1_024 }, transport: { streamWindowBytes: 16_384 } });
		let over: string | undefined;
		void client.closed.then(({ code = "none" }) => {
			over = code;
		});
		control.reading = false;
		for (let number = 1; over === undefined; number += MANY) {
			assert.ok(number < 1_000_000, "it is closed before a million questions");
			control.bytes(batch(question, number, MANY));
			do await sleep(0);
			while (over === undefined && control.queuedBytes > 65_536);
		}
		assert.equal(over, "LIMIT_EXCEEDED");
	});
}
