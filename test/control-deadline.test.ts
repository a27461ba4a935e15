/** A frame of a control stream that is begun and never finished, over QUIC: from a Client, and from a Coordinator. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "../packages/conec/src/index.ts";
import { CLOSE_CODES } from "../packages/conec/src/wire/codes.ts";
import { encodeFrame, FRAME } from "../packages/conec/src/wire/frames.ts";
import { impostor, welcome } from "./hostile/impostor.ts";
import { Stage, sleep, soon, until } from "./hostile/stage.ts";

/** Much longer than a slow machine sleeps too long; the default is 10 s. */
const FRAME_TIMEOUT_MS = 2_500;
const limits = { controlFrameTimeoutMs: FRAME_TIMEOUT_MS };
const PING = encodeFrame(FRAME.CONTROL, Buffer.from('{"type":"ping","nonce":1}'));

test("control deadline: a Client that does not finish a frame in time is closed, also when it drips, and nobody else", async (t) => {
	const stage = await Stage.set(t, { limits });
	const stuck = await stage.enter("stuck");
	const drips = await stage.enter("drips");
	const slow = await stage.enter("slow");
	const started = performance.now();
	stuck.control.bytes(PING.subarray(0, 2));
	void (async () => {
		for (let i = 0; i + 1 < PING.length; i++) {
			drips.control.bytes(PING.subarray(i, i + 1));
			await sleep(FRAME_TIMEOUT_MS / 10);
		}
	})();
	slow.control.bytes(PING.subarray(0, 7));
	// Each frame is in time, both together are not.
	await sleep(0.6 * FRAME_TIMEOUT_MS);
	slow.control.bytes(PING.subarray(7), PING.subarray(0, 7));
	await sleep(0.6 * FRAME_TIMEOUT_MS);
	slow.control.bytes(PING.subarray(7));
	for (const peer of [stuck, drips]) {
		const info = await peer.closed;
		assert.equal(info.closeCode, CLOSE_CODES.PROTOCOL_ERROR);
		assert.match(info.reason, /not complete 2500 ms after its first byte/);
		// Drops that put it off would do so until the frame is complete, ten times the limit from now.
		assert.ok(performance.now() - started < 3 * FRAME_TIMEOUT_MS, `${performance.now() - started} ms`);
	}
	await slow.control.until("CONTROL pong", "CONTROL pong");
	await until(() => stage.coordinator.clientCount === 3, "their ids are free");
});

test("control deadline: a Coordinator that does not finish a frame in time is lost", async (t) => {
	const { where } = await impostor(t, (control) => welcome()(control).bytes(PING.subarray(0, 5)));
	const client = await Client.connect({ id: "cleo", ...where, limits, reconnect: false });
	const info = await soon(client.closed, "the end of the Client");
	assert.equal(info.code, "PROTOCOL_ERROR");
	assert.match(info.reason ?? "", /not complete/);
});
