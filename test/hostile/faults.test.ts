/**
 * The table "Faults" of docs/protocol.md, row by row: each fault is made, and what the table says happens.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CLOSE_CODES, RESET_CODES } from "../../packages/conec/src/wire/codes.ts";
import { FRAME } from "../../packages/conec/src/wire/frames.ts";
import { encodeAck } from "../../packages/conec/src/wire/stream-frames.ts";
import { RESUME } from "../../packages/conec/testing/stream-fixture.ts";
import { unlessForgotten } from "../forgotten.ts";
import type { RawStream } from "./raw-stream.ts";
import { declare, helloOf, type RawPeer, Stage, sent, sleep, until } from "./stage.ts";

/** Makes a fault. Returns the stream on which the answer comes, if one does. */
type Fault = (stage: Stage, id: string) => Promise<{ readonly peer: RawPeer; readonly stream?: RawStream }>;

/** For rows about what comes too late. A busy machine needs some of that time for whoever is still in time. */
const SOON = { helloTimeoutMs: 2_000, headerTimeoutMs: 2_000, controlFrameTimeoutMs: 2_000 };
/** For all others: longer than a test waits, so that nothing but the fault itself ends anything. */
const LATE = { helloTimeoutMs: 60_000, headerTimeoutMs: 60_000, controlFrameTimeoutMs: 60_000 };
const hello = (id: string): string => JSON.stringify(helloOf(id));

/** Right after the handshake. */
const first =
	(act: (stream: RawStream, id: string) => unknown): Fault =>
	async (stage, id) => {
		const peer = await stage.dial();
		await act(peer.stream(), id);
		return { peer };
	};

/** On the control stream, after the welcome. */
const control =
	(act: (peer: RawPeer) => unknown): Fault =>
	async (stage, id) => {
		const peer = await stage.enter(id);
		act(peer);
		return { peer };
	};

/** On a stream of its own. */
const stream =
	(act: (peer: RawPeer) => RawStream): Fault =>
	async (stage, id) => {
		const peer = await stage.enter(id, {}, ["presence"]);
		return { peer, stream: act(peer) };
	};

/** By the beginning of the row. */
const FAULTS: Readonly<Record<string, readonly Fault[]>> = {
	"the first frame of a connection is longer than 16 KiB": [
		first((raw) => raw.bytes(declare(FRAME.CONTROL, 16_385))),
		first((raw) => raw.bytes(declare(FRAME.CONTROL, 100)).fin()),
		first(async (raw) => (await sent(raw.bytes(declare(FRAME.CONTROL, 100)))).reset(0)),
	],
	"the first frame of a connection is not CONTROL": [
		first((raw) => raw.frame(FRAME.OPEN, '{"id":1}')),
		first((raw) => raw.frame(FRAME.CONTROL, '{"type":"ping","nonce":1}')),
		first((raw, id) => raw.frame(FRAME.CONTROL, hello(id).replace("{", '{"id":"ben",'))),
	],
	"no whole hello within 5 s": [first(() => undefined), first((raw) => raw.bytes(declare(FRAME.CONTROL, 100)))],
	"another stream before `welcome`": [first((raw, id) => raw.frame(FRAME.CONTROL, hello(id)).frame(FRAME.CONTROL, hello(id)))],
	"on the control stream: FIN": [
		control(({ control }) => control.fin()),
		control(({ control }) => control.reset(0)),
		control(({ control }) => control.stop(0)),
		control(({ control }) => control.frame(0x3f)),
		control(({ control }) => control.frame(FRAME.DATA, "hi")),
		control(({ control }) => control.bytes(declare(0x90, 16_385))),
		control(({ control }) => control.bytes(declare(FRAME.CONTROL, 100)).fin()),
		control(({ control }) => control.frame(FRAME.CONTROL, '{"type":"pong","nonce":1,"nonce":1}')),
		control(({ control }) => control.frame(FRAME.CONTROL, '{"type":"greetings"}')),
		control(({ control }) => control.frame(FRAME.CONTROL, '{"type":"metadata","request":1}')),
	],
	"a frame on the control stream is not whole": [control(({ control }) => control.bytes(declare(FRAME.CONTROL, 100), Buffer.from("{")))],
	"answers on the control stream are left unread": [
		async (stage, id) => {
			// It takes little: what its machine takes does not lie unread at the other side.
			const peer = await stage.enter(id, { transport: { streamWindowBytes: 16_384 } }, [], { creditBytes: 1_024 });
			const { control, connection } = peer;
			control.reading = false;
			let over = false;
			void connection.closed.finally(() => {
				over = true;
			});
			void (async () => {
				while (!over) {
					for (let nonce = 0; nonce < 200 && control.queuedBytes < 65_536; nonce++) control.frame(FRAME.CONTROL, `{"type":"ping","nonce":${nonce}}`);
					await sleep(0);
				}
			})();
			return { peer };
		},
	],
	"the first frame of a later stream is not whole": [stream((peer) => peer.stream().bytes(declare(FRAME.OPEN, 100)))],
	"that frame is longer than 16 KiB": [
		stream((peer) => peer.stream().bytes(declare(FRAME.OPEN, 16_385))),
		stream((peer) => peer.stream().bytes(declare(FRAME.OPEN, 100)).fin()),
		stream((peer) => peer.stream().frame(FRAME.DATA, "hi")),
	],
	"OPEN is not understood": [
		stream((peer) => peer.stream().frame(FRAME.OPEN, '{"id":1,"id":1}')),
		stream((peer) => peer.stream().frame(FRAME.OPEN, `{"id":1,"metadata":"${"x".repeat(1_023)}"}`)),
		stream((peer) => peer.stream().frame(FRAME.OPEN, '{"id":1,"metadata":["\\ud800"]}')),
		stream((peer) => peer.stream().frame(FRAME.OPEN, '{"id":1,"broadcast":{"name":"news","mode":"send","slowReader":"drop-oldest","bufferBytes":1024}}')),
	],
	"a later frame, of any kind, is too long": [
		stream((peer) => peer.open().bytes(declare(FRAME.DATA, 0xff_ff_ff))),
		stream((peer) => peer.open().bytes(declare(FRAME.CONTROL, 16_385))),
		stream((peer) => peer.open().bytes(declare(0x90, 16_385))),
	],
	"FIN inside a later frame": [
		stream((peer) => peer.open().bytes(declare(FRAME.DATA, 100)).fin()),
		stream((peer) => peer.open().frame(FRAME.DATA, "hi").fin()),
	],
	"an unknown kind below `0x80`": [stream((peer) => peer.open().frame(0x3f)), stream((peer) => peer.open().frame(FRAME.OPEN, '{"id":1}'))],
	"a frame of the protocol of a stream": [
		stream((peer) => peer.open().frame(FRAME.ACK, Buffer.alloc(15))),
		stream((peer) => peer.open().frame(FRAME.ACK, Buffer.from(encodeAck(1, 65_536)))),
		stream((peer) => peer.open().frame(FRAME.RESUMABLE, Buffer.alloc(24))),
		stream((peer) => peer.open().frame(FRAME.FROM, Buffer.alloc(8))),
		stream((peer) => peer.open().frame(FRAME.STOP, Buffer.alloc(3))),
		stream((peer) => peer.open().frame(FRAME.BLOCKED, Buffer.alloc(7))),
		stream((peer) => peer.open().frame(FRAME.END).frame(FRAME.DATA, "late")),
	],
	"CONTROL on a watch or broadcast": [
		stream((peer) =>
			peer
				.stream()
				.frame(FRAME.OPEN, `{"id":1,"watch":"peers","resume":${JSON.stringify(RESUME)}}`)
				.frame(FRAME.CONTROL, "{}"),
		),
	],
	"REJECT is not understood": [
		async (stage, id) => {
			const peer = await stage.enter(id);
			const client = await stage.connect(`${id}-opener`);
			const incoming = peer.incoming();
			const opened = assert.rejects(client.openStream(id, { path: "proxied" }), { code: "PROTOCOL_ERROR" });
			const answer = (await incoming).frame(FRAME.REJECT, '{"code":"PEER_BUSY","code":"PEER_BUSY"}');
			await opened;
			return { peer, stream: answer };
		},
	],
	"a datagram of section 9": [
		async (stage, id) => {
			const peer = await stage.enter(id);
			for (const datagram of [Uint8Array.of(0x10), new Uint8Array(33).fill(0x10), new Uint8Array(9).fill(0x3f)]) {
				peer.endpoint.sendRaw(datagram, stage.coordinator.address);
			}
			return { peer };
		},
	],
};

/** Rows about time. */
const IS_LATE = /\bnot? whole\b.* (within|\d+ s after)/;

interface Row {
	readonly fault: string;
	readonly code: string;
	readonly ends: string;
}

function rows(): Row[] {
	const text = readFileSync(new URL("../../docs/protocol.md", import.meta.url), "utf8");
	const section = text.split("\n### Faults\n")[1]?.split("\n## ")[0] ?? "";
	return [...section.matchAll(/^\| (.*) \| (.*) \| (.*) \|$/gm)].slice(1).map(([, fault = "", code = "", ends = ""]) => ({ fault, code, ends }));
}

/** Reset and stopped with the code. Where FIN and all before it have arrived, QUIC has nothing to stop. */
async function isReset(stream: RawStream, code: number, what: string): Promise<void> {
	await stream.until(`RESET ${code}`);
	await until(() => stream.words.includes(`STOP ${code}`) || stream.words.includes("ACKED"), `STOP ${code}: ${what}`);
}

test("faults: each row of the table has its code and ends what it says", async (t) => {
	const [soon, late] = await Promise.all([Stage.set(t, { limits: SOON }), Stage.set(t, { limits: LATE })]);
	const table = rows();
	assert.deepEqual(
		table.map(({ fault }) => Object.keys(FAULTS).find((beginning) => fault.startsWith(beginning))),
		Object.keys(FAULTS),
		"the rows are those that are tried",
	);
	const tries = table.flatMap((row, i) => (Object.values(FAULTS)[i] ?? []).map((fault, j) => ({ row, fault, id: `mallory-${i}-${j}` })));
	await Promise.all(
		tries.map(({ row: { fault, code, ends }, fault: make, id }) =>
			unlessForgotten(async () => {
				const what = `${fault} (${id})`;
				const { peer, stream } = await make(IS_LATE.test(fault) ? soon : late, id);
				const name = code.split(/[ ,]/).at(code.startsWith("REJECT ") ? 1 : 0) ?? "";
				if (ends === "connection") {
					const info = await peer.closed;
					assert.equal(info.closeCode, CLOSE_CODES[name as keyof typeof CLOSE_CODES], `${what}: ${info.reason}`);
					if (name !== "HELLO_TIMEOUT") assert.notEqual(info.reason, "", what);
					return;
				}
				if (code.startsWith("REJECT ")) await stream?.until(`REJECT ${name}`, "FIN", `STOP ${RESET_CODES.REJECTED}`);
				else if (stream !== undefined) await isReset(stream, RESET_CODES[name as keyof typeof RESET_CODES], what);
				// The connection goes on.
				peer.control.frame(FRAME.CONTROL, '{"type":"ping","nonce":4711}');
				await peer.control.until("CONTROL pong");
			}),
		),
	);
});
