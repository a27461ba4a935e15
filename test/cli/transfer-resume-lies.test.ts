import assert from "node:assert/strict";
import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { decodeTransfer, encodeTransfer, KINDS, type TransferMessage } from "../../packages/conec/src/cli/transfer/ground/protocol.ts";
import { type ReceiveOptions, receiveFiles } from "../../packages/conec/src/cli/transfer/receive-files.ts";
import { sendFiles } from "../../packages/conec/src/cli/transfer/send-files.ts";
import { isConecError, type MessageStream } from "../../packages/conec/src/index.ts";
import { brokenOff, keeping, leftOvers, RESUME, randomFile, SIZE, sha, thePart } from "./resume-fixture.ts";
import { streamPair } from "./stream-pair.ts";
import { folders, NODE_FILE_SYSTEM, RECEIVER, Recorder } from "./transfer-fixture.ts";

type Said = Exclude<TransferMessage, { type: "content" }>;
const HASH = "a".repeat(64);

/** What a sender did with a receiver that a test plays: it answers `FILE` with these, one after another. */
async function withReceiver(path: string, answers: readonly Said[]): Promise<{ error: unknown; sent: Recorder; content: number; from: TransferMessage[] }> {
	const [alice, bob] = streamPair();
	const sent = new Recorder();
	const sending = sendFiles(alice, [path], sent, { links: "skip", files: NODE_FILE_SYSTEM, ...RESUME }).then(
		() => undefined,
		(error: unknown) => error,
	);
	let content = 0;
	const from: TransferMessage[] = [];
	const playing = play(bob, async (message) => {
		if (message.type === "file") for (const answer of answers) await bob.send(encodeTransfer(answer));
		if (message.type === "from") from.push(message);
		if (message.type === "content") content += message.data.length;
		if (message.type === "verify") await bob.send(encodeTransfer({ type: "verdict", index: 0 }));
	});
	const error = await sending;
	await playing;
	return { error, sent, content, from };
}

async function play(stream: MessageStream, take: (message: TransferMessage) => Promise<void>): Promise<void> {
	try {
		for await (const bytes of stream) {
			const decoded = decodeTransfer(bytes);
			assert.ok(decoded.ok);
			await take(decoded.message);
		}
		await stream.close();
	} catch {
		// The other side has turned the stream away.
	}
}

/** Lies of a receiver that cost the whole file, and nothing else. */
const HARMLESS: readonly (readonly [what: string, answers: readonly Said[], why: string])[] = [
	["an offset beyond the file", [{ type: "kept", index: 0, offset: SIZE + 1, sha256: HASH }], "what is there is longer than the file"],
	["an offset of 2^53 - 1", [{ type: "kept", index: 0, offset: Number.MAX_SAFE_INTEGER, sha256: HASH }], "what is there is longer than the file"],
	["a hash of something else", [{ type: "kept", index: 0, offset: 1_000_000, sha256: HASH }], "what is there is not the beginning of the file as it is now"],
	["no hash at all", Array(2).fill({ type: "kept", index: 0, offset: 1_000 }), "what is there is not the beginning of the file as it is now"],
	[
		"another offset with the hash",
		[
			{ type: "kept", index: 0, offset: 1_000 },
			{ type: "kept", index: 0, offset: 2_000, sha256: HASH },
		],
		"what is there has changed meanwhile",
	],
	["words that steer a terminal", [{ type: "kept", index: 0, offset: 0, detail: "\u001b[2J" }], "\u001b[2J"],
];

for (const [what, answers, why] of HARMLESS) {
	test(`resume: a receiver that says ${what} gets the whole file`, async (t) => {
		const { from } = await folders(t);
		await randomFile(from, "big");
		const { error, sent, content, from: said } = await withReceiver(join(from, "big"), answers);
		assert.equal(error, undefined);
		assert.deepEqual(sent.said, [`big anew: ${why}`]);
		assert.deepEqual([content, sent.bytes], [SIZE, SIZE]);
		assert.equal(said.length, 1);
		assert.equal(said[0]?.type === "from" && said[0].offset, 0);
	});
}

test("resume: a receiver that has all of the file gets none of it, and is told where the content begins", async (t) => {
	const { from } = await folders(t);
	const big = await randomFile(from, "big");
	const { error, content, sent } = await withReceiver(join(from, "big"), [{ type: "kept", index: 0, offset: SIZE, sha256: sha(big) }]);
	assert.deepEqual([error, content], [undefined, 0]);
	assert.equal(sent.outcomes[0]?.resumed, SIZE);
});

/** What breaks the protocol at a sender. */
const BREAKS: readonly (readonly [what: string, answers: readonly Said[]])[] = [
	["three answers in a row", Array(4).fill({ type: "kept", index: 0, offset: 1_000 })],
	["the question about the whole file twice", Array(2).fill({ type: "kept", index: 0, offset: 0, same: true })],
	["what it has of a file that was not sent", [{ type: "kept", index: 1, offset: 0 }]],
	[
		"what it has after it was told where the content begins",
		[
			{ type: "kept", index: 0, offset: 0 },
			{ type: "kept", index: 0, offset: 0 },
			{ type: "kept", index: 0, offset: 0 },
			{ type: "kept", index: 0, offset: 0 },
		],
	],
	["that the file is verified before any of it was sent", [{ type: "verdict", index: 0 }]],
	["where the content begins", [{ type: "from", offset: 0 }]],
];

for (const [what, answers] of BREAKS) {
	test(`resume: a receiver that says ${what} ends the transfer`, async (t) => {
		const { from } = await folders(t);
		await randomFile(from, "big");
		const { error, sent } = await withReceiver(join(from, "big"), answers);
		assert.match(String(error), /the peer sent/);
		assert.deepEqual(sent.outcomes, []);
	});
}

test("resume: a receiver that refuses a file instead, or after its question, gets none of it", async (t) => {
	const { from } = await folders(t);
	await randomFile(from, "big");
	const refusal: Said = { type: "verdict", index: 0, problem: "NOT_WRITABLE", detail: "no" };
	for (const answers of [[refusal], [{ type: "kept", index: 0, offset: 1_000 } as const, refusal]]) {
		const { error, sent, content } = await withReceiver(join(from, "big"), answers);
		assert.deepEqual([error, content], [undefined, 0]);
		assert.deepEqual(sent.problems(), [["big", "NOT_WRITABLE"]]);
	}
});

test("resume: a receiver that ends instead of an answer is no success", async (t) => {
	const { from } = await folders(t);
	await randomFile(from, "big");
	const [alice, bob] = streamPair();
	const sending = sendFiles(alice, [join(from, "big")], new Recorder(), { links: "skip", files: NODE_FILE_SYSTEM, ...RESUME });
	await bob.receive();
	void bob.close().catch(() => undefined);
	await assert.rejects(sending, /its end before it had answered for 1 files/);
});

/** Plays a sender; what the receiver said, or the error it ended with. */
async function withSender(
	directory: string,
	speak: (alice: MessageStream, next: () => Promise<TransferMessage | undefined>) => Promise<void>,
	options: Partial<ReceiveOptions> = {},
): Promise<{ error: unknown; received: Recorder }> {
	const [alice, bob] = streamPair();
	const received = new Recorder();
	const receiving = receiveFiles(bob, { ...RECEIVER, directory, keeping: keeping(), ...options }, received).then(
		() => undefined,
		(error: unknown) => error,
	);
	const next = async (): Promise<TransferMessage | undefined> => {
		const bytes = await alice.receive().catch(() => null);
		const decoded = bytes === null ? undefined : decodeTransfer(bytes);
		return decoded?.ok === true ? decoded.message : undefined;
	};
	await speak(alice, next).catch((error: unknown) => {
		// The receiver may have turned the stream away.
		alice.reset(1);
		alice.stop(1);
		if (!isConecError(error)) throw error;
	});
	return { error: await receiving, received };
}

const FILE: Said = { type: "file", index: 0, name: "big", size: SIZE, resume: true };
const content = (bytes: Uint8Array): Uint8Array => Buffer.concat([Buffer.of(KINDS.content), bytes]);

/** What a sender says after `FILE`, where a part is there. */
const SENDERS: readonly (readonly [what: string, said: readonly Uint8Array[]])[] = [
	["another beginning than it was offered", [encodeTransfer({ type: "from", offset: 7 })]],
	["a beginning beyond the file", [encodeTransfer({ type: "from", offset: SIZE + 1 })]],
	["content before it says where that begins", [content(Uint8Array.of(1))]],
	["the end of a file before it says where it begins", [encodeTransfer({ type: "verify", size: SIZE, sha256: HASH })]],
	["a beginning twice", [encodeTransfer({ type: "from", offset: 0 }), encodeTransfer({ type: "from", offset: 0 })]],
	["what it has of a file", [encodeTransfer({ type: "kept", index: 0, offset: 0 })]],
	["a second file in the first one", [encodeTransfer({ ...FILE, index: 1 } as Said)]],
	["nothing more", []],
];

for (const [what, said] of SENDERS) {
	test(`resume: a sender that says ${what} ends the transfer, and what was there stays or is emptied`, async (t) => {
		const { from, to } = await folders(t);
		await randomFile(from, "big");
		await brokenOff([join(from, "big")], to, 1_000_000);
		const { error, received } = await withSender(to, async (alice) => {
			await alice.send(encodeTransfer(FILE));
			for (const message of said) await alice.send(message);
			await alice.close();
		});
		assert.match(String(error), /the peer sent/);
		assert.deepEqual(received.outcomes, []);
		assert.ok((await leftOvers(to)).every((name) => name.includes(".part-")));
		assert.ok((await readdir(to)).every((name) => name !== "big"));
	});
}

test("resume: a beginning in a transfer that cannot go on, and one where a file of that size is there, end the transfer", async (t) => {
	const { to } = await folders(t);
	const plain = await withSender(
		to,
		async (alice) => {
			await alice.send(encodeTransfer({ type: "file", index: 0, name: "big", size: SIZE }));
			await alice.send(encodeTransfer({ type: "from", offset: 0 }));
		},
		{ keeping: undefined },
	);
	assert.match(String(plain.error), /a beginning that it was not asked for/);
	await randomFile(to, "big");
	const { error } = await withSender(to, async (alice, next) => {
		await alice.send(encodeTransfer(FILE));
		const offer = await next();
		assert.equal(offer?.type === "kept" && offer.same, true);
		await alice.send(encodeTransfer({ type: "from", offset: 0 }));
	});
	assert.match(String(error), /no hash of a file that may be here/);
});

test("resume: what does not verify in the end is removed, so that the next transfer begins anew", async (t) => {
	const { from, to } = await folders(t);
	const big = await randomFile(from, "big");
	await brokenOff([join(from, "big")], to, 1_000_000);
	const had = (await stat(await thePart(to))).size;
	const { received } = await withSender(to, async (alice, next) => {
		await alice.send(encodeTransfer(FILE));
		assert.deepEqual(await next(), { type: "kept", index: 0, offset: had });
		assert.deepEqual(await next(), { type: "kept", index: 0, offset: had, sha256: sha(big.subarray(0, had)) });
		await alice.send(encodeTransfer({ type: "from", offset: had }));
		await alice.send(content(new Uint8Array(10)));
		await alice.send(encodeTransfer({ type: "verify", size: had + 10, sha256: sha(big) }));
		await Promise.all([alice.close(), next()]);
	});
	assert.deepEqual(received.problems(), [["big", "VERIFICATION_FAILED"]]);
	assert.deepEqual(await leftOvers(to), []);
});

test("resume: a sender that sends more than it said is stopped by max-bytes, also over several transfers", async (t) => {
	const { to } = await folders(t);
	for (let round = 0; round < 3; round += 1) {
		await withSender(
			to,
			async (alice, next) => {
				await alice.send(encodeTransfer(FILE));
				let offer = await next();
				if (offer?.type === "kept" && offer.offset > 0 && offer.sha256 === undefined) offer = await next();
				await alice.send(encodeTransfer({ type: "from", offset: offer?.type === "kept" ? offer.offset : 0 }));
				for (let piece = 0; piece < 15; piece += 1) await alice.send(content(new Uint8Array(200_000)));
				alice.reset(1);
				alice.stop(1);
			},
			{ maxBytes: SIZE },
		);
		const parts = await leftOvers(to);
		for (const part of parts) assert.ok((await stat(join(to, part))).size <= SIZE);
	}
});

test("resume: hostile names are refused as always, and nothing is told of them", async (t) => {
	const { to } = await folders(t);
	await writeFile(join(to, "..", "evil"), "x".repeat(SIZE));
	const { received } = await withSender(to, async (alice, next) => {
		await alice.send(encodeTransfer({ ...FILE, name: "../evil" } as Said));
		assert.equal((await next())?.type, "verdict");
		await alice.send(encodeTransfer({ type: "from", offset: 0 }));
		await alice.send(content(Uint8Array.of(1)));
		await alice.send(encodeTransfer({ type: "abandon", problem: "FAILED", detail: "" }));
		await alice.close();
	});
	assert.deepEqual(received.problems(), [["../evil", "NAME_UNSAFE"]]);
});
