/**
 * Peers that break the rules, on any transport: each is answered or closed with its code, and nobody else notices.
 */

import assert from "node:assert/strict";
import { CLOSE_CODES } from "../packages/conec/src/wire/codes.ts";
import { decodeControl, encodeControl } from "../packages/conec/src/wire/control.ts";
import { FRAME } from "../packages/conec/src/wire/frames.ts";
import { encodeOpen } from "../packages/conec/src/wire/open.ts";
import { declare, disconnects, echo, type Fabric, handler, hello, pass, text, until, utf8, World } from "./entities-world.ts";
import { asTold, orForgotten, unlessForgotten } from "./forgotten.ts";

/** Declares the tests. */
export function hostileSuite(fabric: Fabric): void {
	const it = declare(fabric);

	it("a peer that never accepts is PEER_TIMEOUT", async (t) => {
		const world = await World.create(t, fabric);
		const alice = await world.connect("alice", { limits: { requestTimeoutMs: 1_500 } });
		const silent = await world.enter("silent");
		await assert.rejects(alice.openStream("silent"), { code: "PEER_TIMEOUT", peer: "silent" });
		silent.connection.close(0, "");
	});

	it("no common version: refused with both sides' versions", async (t) => {
		const world = await World.create(t, fabric);
		const { connection } = await world.dial();
		const answers: unknown[] = [];
		connection.openStream(
			{ kind: FRAME.CONTROL, payload: encodeControl({ ...hello("alice"), versions: [1, 3] }) },
			handler({
				frame: (_kind, payload) => {
					const message = decodeControl(payload);
					answers.push(message.ok ? message.value : message.error);
				},
			}),
		);
		const info = await connection.closed;
		assert.equal(info.closeCode, CLOSE_CODES.REFUSED);
		await until(() => answers.length > 0);
		assert.deepEqual(answers, [{ type: "refused", code: "VERSION_UNSUPPORTED", message: "the Client speaks 1, 3, the Coordinator 2", versions: [2] }]);
		assert.equal(world.coordinator.clientCount, 0);
	});

	it("a hello that never comes ends the connection in time", async (t) => {
		const world = await World.create(t, fabric, { limits: { helloTimeoutMs: 300 } });
		// One that came before, with more time. Were it the default, 5 s, it would end first.
		const patient = await World.create(t, fabric, { limits: { helloTimeoutMs: 60_000 } });
		const { connection: waits } = await patient.dial();
		let isOver = false;
		void waits.closed.then(() => {
			isOver = true;
		});
		const { connection } = await world.dial();
		const info = await connection.closed;
		assert.equal(info.closeCode, CLOSE_CODES.HELLO_TIMEOUT);
		assert.equal(isOver, false, "each has the time of its own Coordinator");
	});

	it("a first frame that is not a hello ends that connection and disturbs nobody", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		echo(bob);
		const bystander = await alice.openStream("bob");
		const headers: [string, { kind: number; payload: Uint8Array }][] = [
			["not JSON", { kind: FRAME.CONTROL, payload: utf8("hello!") }],
			["not an object", { kind: FRAME.CONTROL, payload: utf8("[]") }],
			["too long", { kind: FRAME.CONTROL, payload: new Uint8Array(16_385) }],
			["another message", { kind: FRAME.CONTROL, payload: encodeControl({ type: "ping", nonce: 1 }) }],
			["a type unknown", { kind: FRAME.CONTROL, payload: utf8('{"type":"greetings"}') }],
			["a bad id", { kind: FRAME.CONTROL, payload: utf8('{"type":"hello","versions":[2],"id":"Alice","key":"kept","capabilities":[]}') }],
			["no control stream", { kind: FRAME.OPEN, payload: encodeOpen({ id: 1 }) }],
		];
		for (const [what, header] of headers) {
			await unlessForgotten(async () => {
				const { connection } = await world.dial();
				connection.openStream(header, handler());
				const info = await connection.closed.then(asTold);
				assert.equal(info.closeCode, CLOSE_CODES.PROTOCOL_ERROR, what);
				assert.notEqual(info.reason, "", what);
			});
			await bystander.send(what);
			assert.equal(text(await bystander.receive()), what);
		}
		assert.equal(world.coordinator.clientCount, 2);
	});

	it("a wrong message on the control stream ends that connection, frees its id and disturbs nobody", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		echo(bob);
		const bystander = await alice.openStream("bob");
		const frames: [string, number, Uint8Array][] = [
			["not JSON", FRAME.CONTROL, utf8("{")],
			["1 MB", FRAME.CONTROL, new Uint8Array(1_000_000)],
			["hello again", FRAME.CONTROL, encodeControl(hello("mallory"))],
			["a welcome", FRAME.CONTROL, utf8('{"type":"welcome"}')],
			["a type unknown", FRAME.CONTROL, utf8('{"type":"greetings"}')],
			["a nonce too large", FRAME.CONTROL, utf8('{"type":"ping","nonce":1e300}')],
			["DATA", FRAME.DATA, utf8("x")],
			["a kind unknown", 0x3f, utf8("x")],
		];
		for (const [what, kind, payload] of frames) {
			await unlessForgotten(async () => {
				const { connection, control } = await world.enter("mallory");
				control.write(kind, payload);
				const info = await connection.closed.then(asTold);
				assert.equal(info.closeCode, CLOSE_CODES.PROTOCOL_ERROR, what);
				assert.notEqual(info.reason, "", what);
			});
			await bystander.send(what);
			assert.equal(text(await bystander.receive()), what);
		}
		await unlessForgotten(async () => {
			const { connection, control } = await world.enter("mallory");
			control.finish();
			assert.equal((await connection.closed.then(asTold)).closeCode, CLOSE_CODES.PROTOCOL_ERROR);
		});
		await until(() => world.coordinator.clientCount === 2);
	});

	it("a kind from 0x80 and an answer nobody asked for are passed over", async (t) => {
		const world = await World.create(t, fabric);
		const { connection, control } = await world.enter("mallory");
		control.write(0x80, utf8("whatever"));
		control.write(FRAME.CONTROL, encodeControl({ type: "pong", nonce: 9 }));
		const alice = await world.connect("alice");
		const opening = alice.openStream("mallory", { early: true });
		assert.equal((await opening).peer, "mallory");
		assert.equal(world.coordinator.clientCount, 2);
		connection.close(0, "");
	});

	it("a stream header that is wrong is answered, not punished", async (t) => {
		const world = await World.create(t, fabric);
		const { connection } = await world.enter("mallory");
		const ask = (kind: number, payload: Uint8Array): Promise<string> =>
			new Promise((resolve) => {
				connection.openStream(
					{ kind, payload },
					handler({ frame: (k, answer) => resolve(`${k} ${JSON.parse(text(answer) ?? "").code}`), reset: (code) => resolve(`reset ${code}`) }),
				);
			});
		assert.equal(await ask(FRAME.OPEN, utf8("{")), `${FRAME.REJECT} PROTOCOL_ERROR`);
		assert.equal(await ask(FRAME.OPEN, utf8('{"to":"mallory"}')), `${FRAME.REJECT} PROTOCOL_ERROR`);
		assert.equal(await ask(FRAME.OPEN, utf8('{"to":"Bob","id":1}')), `${FRAME.REJECT} PROTOCOL_ERROR`);
		assert.equal(await ask(FRAME.OPEN, utf8('{"to":"bob","id":1}')), `${FRAME.REJECT} PEER_UNKNOWN`);
		assert.equal(await ask(FRAME.DATA, utf8("x")), "reset 5");
		assert.equal(world.coordinator.clientCount, 1);
		connection.close(0, "");
	});

	it("a peer that asks without reading the answers is closed, and costs little", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		echo(bob);
		const bystander = await alice.openStream("bob");
		const told = disconnects(world.coordinator);
		// `enter` never returns credit, so answers pile up: first in mallory's machine, which takes little here, and then with the Coordinator.
		const takes = { limits: { quicStreamWindowBytes: 65_536 }, control: { creditBytes: 1_024 } };
		const { connection, control } = await world.enter("mallory", "ephemeral", [], takes);
		const ended = { yes: false };
		void connection.closed.then(() => {
			ended.yes = true;
		});
		const ping = encodeControl({ type: "ping", nonce: 1 });
		for (let sent = 0; !ended.yes && sent < 1_000_000; sent++) {
			while (!ended.yes && control.queuedBytes > 65_536) await pass(fabric, 10);
			control.write(FRAME.CONTROL, ping);
		}
		const info = await connection.closed.then(asTold).catch(orForgotten);
		if (info !== undefined) assert.equal(info.closeCode, CLOSE_CODES.LIMIT_EXCEEDED);
		await until(() => told.has("mallory"));
		assert.equal(told.get("mallory"), "LIMIT_EXCEEDED");
		await bystander.send("untouched");
		assert.equal(text(await bystander.receive()), "untouched");
		await until(() => world.coordinator.clientCount === 2);
	});
}
