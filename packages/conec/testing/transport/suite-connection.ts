/**
 * What connections of every transport do, as part of the transport suite.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isConecError } from "../../src/errors.ts";
import { formatFingerprint } from "../../src/tls/fingerprint.ts";
import { CLOSE_CODES } from "../../src/wire/codes.ts";
import { FRAME } from "../../src/wire/frames.ts";
import {
	ALPN,
	ATTENTIVE,
	acceptOptions,
	connect,
	dialOptions,
	type OnPair,
	OPEN,
	openedPair,
	pattern,
	type Route,
	type StalledStream,
	type TransportFixture,
	UNDECIDED_CODE,
} from "./suite-fixture.ts";
import { quiet, Recorder, until } from "./suite-recorder.ts";

/** Declares the tests. */
export function connectionSuite(name: string, onPair: OnPair, fixture: () => TransportFixture): void {
	onPair("each end sees the other's certificate, address and protocol", async (pair, { identity, keyDigest }) => {
		for (const { peer } of [pair.near, pair.far]) {
			assert.ok(peer.type === "certificate");
			assert.deepEqual(
				peer.chain.map((one) => [...one]),
				identity.certificates.map((one) => [...one]),
			);
			assert.deepEqual([...peer.leaf], [...(identity.certificates[0] ?? [])]);
			assert.equal(peer.fingerprint, formatFingerprint(keyDigest));
		}
		assert.equal(pair.near.alpnProtocol, ALPN);
		assert.equal(pair.far.alpnProtocol, ALPN);
		assert.equal(pair.near.remoteAddress.port, pair.accepting.address.port);
		assert.deepEqual(pair.far.remoteAddress, { address: "127.0.0.1", port: pair.dialling.address.port });
	});

	onPair("each end knows for how long it has heard nothing, and how much it takes", async (pair) => {
		const { opener, acceptor } = await openedPair(pair);
		const since = performance.now();
		opener.write(FRAME.DATA, pattern(1));
		await acceptor.framesOf(1);
		acceptor.write(FRAME.DATA, pattern(1));
		await opener.framesOf(1);
		for (const end of [pair.near, pair.far]) {
			const { silentMs } = end.stats();
			assert.ok(silentMs >= 0 && silentMs <= performance.now() - since + 1, `${silentMs} ms of ${performance.now() - since}`);
			await until("it has been silent for a while", () => end.stats().silentMs > 100);
			assert.ok(end.connectionWindowBytes > 1_024 * 1_024);
		}
	});

	onPair("while nearly all streams that there may be are open, others come and go in the places that are left", async (pair, { streams }) => {
		for (let open = 0; open < streams - 1; open++) await openedPair(pair);
		// More often than a transport may wait before it says that places are free again.
		for (let i = 0; i < streams / 2; i++) {
			const { opener, acceptor } = await openedPair(pair);
			opener.stream.finish();
			acceptor.stream.finish();
			await Promise.all([opener.first("finished"), acceptor.first("finished"), opener.first("end"), acceptor.first("end")]);
		}
	});

	onPair("close carries code and reason to the peer", async (pair) => {
		const { opener, acceptor } = await openedPair(pair);
		await quiet(); // in QUIC, who sends in the same moment may be told that it is not known any more
		pair.near.close(0x05, "enough");
		assert.deepEqual(await pair.near.closed, { by: "local", closeCode: 0x05, reason: "enough" });
		assert.deepEqual(await pair.far.closed, { by: "peer", closeCode: 0x05, reason: "enough" });
		assert.equal((await opener.first("lost")).code, "CONNECTION_LOST");
		assert.equal((await acceptor.first("lost")).code, "CONNECTION_LOST");
		assert.equal(opener.write(FRAME.DATA, pattern(1)), -1);
		opener.stream.finish();
		opener.stream.reset(1);
		opener.stream.stop(1);
		opener.stream.consumed(1);
		pair.near.close(0x06, "again");
		// A transport that knows already may say so at once.
		const late = new Recorder();
		try {
			late.open(pair.near, OPEN);
		} catch (error) {
			assert.ok(isConecError(error) && error.code === "CONNECTION_LOST");
			return;
		}
		assert.equal((await late.first("lost")).code, "CONNECTION_LOST");
	});

	onPair("a connection that is not confirmed gets one stream, and all the others after confirm", async (pair) => {
		const undecided = await connect(fixture(), { confirm: false });
		try {
			new Recorder().open(undecided.near, OPEN);
			new Recorder().open(undecided.near, { kind: FRAME.OPEN, payload: pattern(2) });
			await undecided.incoming();
			const second = undecided.incoming();
			await quiet();
			undecided.far.confirm();
			assert.equal((await second).header.payload.length, 2);
		} finally {
			await undecided.close();
		}
		await pair.close();
	});

	onPair("streams that the peer opens wait while they are held, and come in their order then", async (pair) => {
		const came: number[] = [];
		pair.far.onStream = ({ header }) => came.push(header.payload.length);
		const open = (length: number): void => void new Recorder().open(pair.near, { kind: FRAME.OPEN, payload: pattern(length) });
		open(1);
		while (came.length < 1) await quiet();
		pair.far.holdStreams(true);
		for (let length = 2; length <= 12; length++) open(length);
		await quiet();
		const early = came.length;
		assert.ok(early <= 3, `${early} were on their way`);
		pair.far.holdStreams(false);
		while (came.length < 12) await quiet();
		assert.deepEqual(
			came,
			Array.from({ length: 12 }, (_, at) => at + 1),
		);
		pair.far.holdStreams(true);
		await pair.close();
	});

	test(`${name} transport: a connection that is not confirmed in time is closed with the code for that`, { timeout: 20_000 }, async () => {
		const pair = await connect(fixture(), { confirm: false, times: { helloTimeoutMs: 300 } });
		const info = await pair.near.closed;
		assert.equal(info.by, "peer");
		assert.equal(info.closeCode, UNDECIDED_CODE);
		await pair.close();
	});

	test(`${name} transport: a connection that is not confirmed ends at once, with a reason, when its first frame is none`, { timeout: 20_000 }, async () => {
		const stalls: [string, (stalled: StalledStream) => void, RegExp][] = [
			["FIN", (stalled) => stalled.finish(), /cut short/],
			["a reset", (stalled) => stalled.reset(0), /reset before/],
		];
		for (const [what, end, reason] of stalls) {
			const pair = await connect(fixture(), { confirm: false });
			const stalled = await fixture().openStalledStream(pair, new Recorder());
			await quiet();
			end(stalled);
			const info = await stalled.closed;
			assert.equal(info.closeCode, CLOSE_CODES.PROTOCOL_ERROR, what);
			assert.match(info.reason, reason);
			await pair.close();
		}
		const pair = await connect(fixture(), { confirm: false });
		pair.far.onStream = () => assert.fail("it is no stream");
		new Recorder().open(pair.near, { kind: FRAME.CONTROL, payload: pattern(16 * 1_024 + 1) });
		const info = await pair.near.closed;
		assert.equal(info.closeCode, CLOSE_CODES.PROTOCOL_ERROR);
		assert.match(info.reason, /too long/);
		await pair.close();
	});

	test(`${name} transport: dialling fails with a code that says why`, async () => {
		const [dialling, accepting] = [await fixture().createTransport(), await fixture().createTransport()];
		accepting.accept(acceptOptions(fixture(), () => assert.fail("nothing may come")));
		const options = dialOptions(fixture(), accepting.address.port);
		await assert.rejects(dialling.dial({ ...options, alpnProtocol: "other/1" }), { code: "PROTOCOL_UNSUPPORTED" });
		await assert.rejects(dialling.dial({ ...options, trust: { pinnedKeys: [new Uint8Array(32)] } }), { code: "PIN_MISMATCH" });
		await assert.rejects(dialling.dial({ ...options, trust: { pinnedCertificates: [new Uint8Array(32)] } }), { code: "PIN_MISMATCH" });
		await accepting.close(0, "", 1_000);
		await assert.rejects(dialling.dial({ ...options, handshakeTimeoutMs: 300 }), { code: "COORDINATOR_UNREACHABLE" });
		await dialling.close(0, "", 1_000);
	});

	test(`${name} transport: aborting a dial rejects with the reason itself`, async () => {
		const [dialling, silent] = [await fixture().createTransport(), await fixture().createTransport()];
		const reason = { why: "changed my mind" };
		const controller = new AbortController();
		const dialled = dialling.dial({ ...dialOptions(fixture(), silent.address.port), signal: controller.signal });
		setTimeout(() => controller.abort(reason), 20);
		await assert.rejects(dialled, (error) => error === reason);
		await assert.rejects(dialling.dial({ ...dialOptions(fixture(), silent.address.port), signal: AbortSignal.abort(reason) }), (error) => error === reason);
		await Promise.all([dialling.close(0, "", 1_000), silent.close(0, "", 1_000)]);
	});

	test(`${name} transport: a connection that breaks is an error at both ends and on every stream`, async () => {
		let route: Route | undefined;
		const pair = await connect(fixture(), {
			times: ATTENTIVE,
			async route(target) {
				route = await fixture().createRoute(target);
				return route.port;
			},
		});
		const { opener, acceptor } = await openedPair(pair);
		route?.cut();
		for (const [end, recorder] of [
			[pair.near, opener],
			[pair.far, acceptor],
		] as const) {
			const info = await end.closed;
			assert.equal(info.by, "error");
			assert.equal(info.error?.code, "CONNECTION_LOST");
			assert.equal((await recorder.first("lost")).code, "CONNECTION_LOST");
		}
		await pair.close();
		route?.close();
	});
}
