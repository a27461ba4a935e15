/**
 * What one socket does beside the connections that it has: it dials and is dialled, stops and starts to accept, and
 * carries raw datagrams. Direct channels need all of it at once.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { SocketAddress, Transport, TransportConnection } from "../../src/transport/transport.ts";
import { FRAME } from "../../src/wire/frames.ts";
import { acceptOptions, dialOptions, type OnPair, OPEN, openedPair, type Pair, pattern, type TransportFixture } from "./suite-fixture.ts";
import { quiet, Recorder, until } from "./suite-recorder.ts";

/** Registers the tests. */
export function socketSuite(onPair: OnPair, connectUndecided: () => Promise<Pair>): void {
	acceptingTests(onPair, connectUndecided);
	datagramTests(onPair);
}

function acceptingTests(onPair: OnPair, connectUndecided: () => Promise<Pair>): void {
	onPair("after stopAccepting nobody comes in, who is in stays, and accept starts anew", async (pair, fixture) => {
		const undecided = await connectUndecided();
		try {
			for (const { accepting } of [pair, undecided]) {
				accepting.stopAccepting();
				accepting.stopAccepting();
			}
			undecided.far.confirm();
			for (const one of [pair, undecided]) {
				await assertAlive(one);
				const late = one.dialling.dial({ ...dialOptions(fixture, one.accepting.address.port), handshakeTimeoutMs: 300 });
				await assert.rejects(late, { code: "COORDINATOR_UNREACHABLE" });
				await assertAlive(one);
			}
			const { arrived } = accept(pair.accepting, fixture);
			await pair.dialling.dial(dialOptions(fixture, pair.accepting.address.port));
			await until("somebody is let in again", () => arrived.length === 1);
			await assertAlive(pair);
		} finally {
			await undecided.close();
		}
	});

	onPair("a dial that begins before the other side accepts gets through", async (pair, fixture) => {
		pair.accepting.stopAccepting();
		const dialled = pair.dialling.dial(dialOptions(fixture, pair.accepting.address.port));
		await quiet();
		const { arrived } = accept(pair.accepting, fixture);
		await dialled;
		await until("it is accepted", () => arrived.length === 1);
	});

	onPair("who was dialled can dial back, from the same socket", async (pair, fixture) => {
		const { arrived } = accept(pair.dialling, fixture);
		const back = await pair.accepting.dial(dialOptions(fixture, pair.dialling.address.port));
		await until("it is accepted", () => arrived.length === 1);
		assert.deepEqual(arrived[0]?.remoteAddress, pair.accepting.address);
		assert.deepEqual(back.remoteAddress, pair.dialling.address);
		const recorder = new Recorder().open(back, OPEN);
		(
			await new Promise<Parameters<TransportConnection["onStream"]>[0]>((resolve) => {
				(arrived[0] as TransportConnection).onStream = resolve;
			})
		).refuse(0x21);
		assert.equal((await recorder.first("reset")).code, 0x21);
		await assertAlive(pair);
	});

	onPair("the accepting end knows from where it was dialled", async (pair) => {
		assert.deepEqual([pair.far.acceptedFrom, pair.near.acceptedFrom], [pair.far.remoteAddress, undefined]);
	});

	onPair("pinned client certificates can be replaced while connections live; others are refused by TLS", async (pair, fixture) => {
		const options = dialOptions(fixture, pair.accepting.address.port);
		const pin = (...pinnedCertificates: Uint8Array[]) => accept(pair.accepting, fixture, { clientTrust: { pinnedCertificates } });
		const { certificateDigest, stranger } = fixture;
		const first = pin(certificateDigest);
		await pair.dialling.dial(options);
		await until("the pinned one is let in", () => first.arrived.length === 1);
		assert.equal(await refusal(pair.dialling.dial({ ...options, identity: stranger.identity })), "CERTIFICATE_REFUSED");
		const second = pin(stranger.certificateDigest);
		assert.equal(await refusal(pair.dialling.dial(options)), "CERTIFICATE_REFUSED");
		await pair.dialling.dial({ ...options, identity: stranger.identity });
		await until("the other one is let in", () => second.arrived.length === 1);
		const nobody = pin(new Uint8Array(32));
		for (const { identity } of [fixture, stranger]) {
			assert.equal(await refusal(pair.dialling.dial({ ...options, identity })), "CERTIFICATE_REFUSED");
		}
		assert.deepEqual([first.arrived.length, second.arrived.length, nobody.arrived.length], [1, 1, 0]);
		await assertAlive(pair);
	});

	onPair("beyond `connections` and the undecided ones, who dials is refused", async (pair, fixture) => {
		const { arrived } = accept(pair.accepting, fixture, { connections: 3 });
		const options = dialOptions(fixture, pair.accepting.address.port);
		const most = 3 + fixture.undecidedConnections - 1; // the pair's own is one
		for (let count = 1; count <= most; count++) {
			await pair.dialling.dial(options);
			await until("it is let in", () => arrived.length === count);
		}
		await assert.rejects(pair.dialling.dial(options), { code: "LIMIT_EXCEEDED" });
		assert.equal(arrived.length, most);
		await assertAlive(pair);
	});
}

function datagramTests(onPair: OnPair): void {
	onPair("datagrams go both ways beside the connection, with the sender's address", async (pair) => {
		const [near, far] = [listen(pair.dialling), listen(pair.accepting)];
		for (let round = 0; round < 20; round++) {
			const scratch = pattern(33, round);
			scratch[0] = 0x10;
			assert.equal(pair.dialling.sendDatagram(scratch, pair.accepting.address), true);
			assert.equal(pair.accepting.sendDatagram(scratch, pair.dialling.address), true);
			scratch.fill(0xee); // a copy has been sent
			assert.equal(near.length + far.length, 2 * round, "nothing comes from inside the call");
			await until("both came", () => near.length === round + 1 && far.length === round + 1);
			assert.deepEqual([...(far[round]?.data ?? [])], [0x10, ...pattern(33, round).slice(1)]);
		}
		assert.deepEqual(far[0]?.from, pair.dialling.address);
		assert.deepEqual(near[0]?.from, pair.accepting.address);
		far[1]?.data.fill(0); // they are the receiver's
		assert.deepEqual([...(far[2]?.data ?? [])], [0x10, ...pattern(33, 2).slice(1)]);
		await assertAlive(pair);
	});

	onPair("datagrams of every length pass, from one byte to a full packet", async (pair) => {
		const got = listen(pair.accepting);
		for (const length of [1, 2, 33, 51, 1200, 1452]) {
			pair.dialling.sendDatagram(new Uint8Array(length).fill(0x3f), pair.accepting.address);
			await until(`${length} bytes came`, () => got.at(-1)?.data.length === length);
			assert.ok(got.at(-1)?.data.every((byte) => byte === 0x3f));
		}
	});

	onPair("a datagram that leads nowhere is taken and does no harm", async (pair, fixture) => {
		const gone = await fixture.createTransport();
		const { address } = gone;
		await gone.close(0, "", 100);
		for (let count = 0; count < 5; count++) {
			assert.equal(pair.dialling.sendDatagram(Uint8Array.of(0x10), address), true);
			await quiet();
		}
		await assertAlive(pair);
	});

	onPair("while nobody listens datagrams are dropped, and kept for nobody", async (pair) => {
		pair.dialling.sendDatagram(Uint8Array.of(0x10, 1), pair.accepting.address);
		await assertAlive(pair); // what was sent before that has come by now
		const got = listen(pair.accepting);
		pair.dialling.sendDatagram(Uint8Array.of(0x10, 2), pair.accepting.address);
		await until("the second came", () => got.length > 0);
		pair.accepting.onDatagram = undefined;
		pair.dialling.sendDatagram(Uint8Array.of(0x10, 3), pair.accepting.address);
		await quiet();
		assert.deepEqual(
			got.map(({ data }) => data[1]),
			[2],
		);
	});

	onPair("what cannot be sent is told by false, what must not be by an error", async (pair) => {
		const to = pair.accepting.address;
		assert.equal(pair.dialling.sendDatagram(Uint8Array.of(0x10), { address: "::1", port: to.port }), false, "this socket has no IPv6");
		assert.equal(pair.dialling.sendDatagram(new Uint8Array(70_000), to), false, "longer than UDP can");
		for (const data of [[], [0x40], [0x7f], [0xc0], [0xff]]) {
			assert.throws(() => pair.dialling.sendDatagram(Uint8Array.from(data), to), { code: "OPTION_INVALID" });
		}
		assert.throws(() => pair.dialling.sendDatagram(Uint8Array.of(0x10), { address: "localhost", port: 1 }), { code: "OPTION_INVALID" });
		await pair.dialling.close(0, "", 1_000);
		assert.equal(pair.dialling.sendDatagram(Uint8Array.of(0x10), to), false, "closed");
	});
}

/** Accepts and confirms; collects who came. */
function accept(
	transport: Transport,
	fixture: TransportFixture,
	options: Partial<Parameters<Transport["accept"]>[0]> = {},
): { readonly arrived: TransportConnection[] } {
	const arrived: TransportConnection[] = [];
	const onConnection = (connection: TransportConnection): void => {
		connection.confirm();
		arrived.push(connection);
	};
	transport.accept({ ...acceptOptions(fixture, onConnection), ...options });
	return { arrived };
}

function listen(transport: Transport): { readonly data: Uint8Array; readonly from: SocketAddress }[] {
	const got: { data: Uint8Array; from: SocketAddress }[] = [];
	transport.onDatagram = (data, from) => got.push({ data, from });
	return got;
}

/** The code with which a dial is refused; with TLS 1.3 that may come after it has resolved. */
async function refusal(dialled: Promise<TransportConnection>): Promise<string | undefined> {
	try {
		return (await (await dialled).closed).error?.code;
	} catch (error) {
		return (error as { code?: string }).code;
	}
}

/** New streams of the pair carry something. */
async function assertAlive(pair: Pair): Promise<void> {
	const { opener, acceptor } = await openedPair(pair);
	opener.write(FRAME.DATA, pattern(100));
	await acceptor.framesOf(1);
	acceptor.write(FRAME.DATA, pattern(100));
	await opener.framesOf(1);
	opener.stream.finish();
	acceptor.stream.finish();
}
