import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { COORDINATOR_DEFAULT_LIMITS } from "../../limits.ts";
import type { SocketAddress } from "../../transport/transport.ts";
import { type DatagramContent, decodeDatagram, encodeDatagram, isAuthentic, type Mac } from "../../wire/datagrams.ts";
import { Reflector } from "./reflector.ts";

const KEY = "f0e1d2c3b4a5968778695a4b3c2d1e0f";
const FROM = { address: "192.0.2.7", port: 4_000 };
const NONCE = "0123456789abcdef";

const macOf =
	(key: string): Mac =>
	(data) =>
		createHmac("sha256", Buffer.from(key, "hex")).update(data).digest();
const tagOf = (mac: Mac): string => Buffer.from(mac(Buffer.from("conec session")).subarray(0, 8)).toString("hex");

function create() {
	const sent: { data: Uint8Array; to: SocketAddress; socket: "echo" | "test" }[] = [];
	let open = 2;
	const socketOf = (socket: "echo" | "test") => ({
		address: { address: "::", port: 1720 },
		onDatagram: undefined as ((data: Uint8Array, from: SocketAddress) => void) | undefined,
		sendDatagram: (data: Uint8Array, to: SocketAddress) => sent.push({ data, to, socket }) > 0,
		destroy: () => void open--,
	});
	const sockets = { echo: socketOf("echo"), test: socketOf("test") };
	const time = { now: 0 };
	const reflector = new Reflector(sockets, COORDINATOR_DEFAULT_LIMITS, () => time.now);
	const request = (key: string, tag = tagOf(macOf(key))): Uint8Array => encodeDatagram({ type: "nat-echo-request", tag, nonce: NONCE }, macOf(key));
	const receive = (data: Uint8Array, from: SocketAddress = FROM) => sockets.echo.onDatagram?.(data, from);
	return { reflector, sockets, sent, time, request, receive, openSockets: () => open };
}

test("reflector: tells a Client where it is seen, in no more bytes than it has sent", () => {
	const { reflector, sent, request, receive } = create();
	reflector.admit(KEY);
	assert.equal(reflector.port, 1720);
	receive(request(KEY));
	const [answer] = sent;
	assert.deepEqual(answer?.to, FROM);
	const decoded = decodeDatagram(answer?.data ?? new Uint8Array());
	assert.ok(decoded.ok && isAuthentic(decoded.value, macOf(KEY)));
	assert.deepEqual(decoded.value.content, { type: "nat-echo", nonce: NONCE, observed: FROM } satisfies DatagramContent);
	assert.equal(answer?.socket, "echo");
	assert.ok((answer?.data.length ?? 99) <= request(KEY).length);
});

test("reflector: is silent to who is not connected, has the wrong key, or sends anything else", () => {
	const { reflector, sent, request, receive } = create();
	const session = reflector.admit(KEY);
	const other = "0".repeat(32);
	receive(request(other));
	receive(request(other, tagOf(macOf(KEY))));
	for (let i = 0; i < 51; i++) {
		const bytes = request(KEY);
		bytes[i] = (bytes[i] as number) ^ 1;
		receive(bytes);
		receive(request(KEY).subarray(0, i));
	}
	receive(Uint8Array.from([...request(KEY), 0]));
	for (const type of ["nat-test", "challenge"] as const) receive(encodeDatagram({ type, nonce: NONCE }, macOf(KEY)));
	receive(request(KEY), { ...FROM, port: 0 });
	assert.deepEqual(sent, []);
	reflector.dismiss(session);
	receive(request(KEY));
	assert.deepEqual(sent, []);
});

test("reflector: answers one session 5 times a second and 20 times in all, tests included, and others as before", () => {
	const { reflector, sent, time, request, receive } = create();
	const session = reflector.admit(KEY);
	for (let i = 0; i < 100; i++) receive(request(KEY));
	assert.equal(sent.length, 5);
	assert.equal(reflector.test(session, NONCE, FROM), false);
	time.now = 1_000;
	assert.equal(reflector.test(session, NONCE, FROM), true);
	assert.equal(sent.at(-1)?.socket, "test", "from where no Client has ever sent to");
	const test = decodeDatagram(sent.at(-1)?.data ?? new Uint8Array());
	assert.ok(test.ok && isAuthentic(test.value, macOf(KEY)) && test.value.content.type === "nat-test");
	for (time.now = 2_000; time.now < 60_000; time.now += 100) receive(request(KEY));
	assert.equal(sent.length, 20);
	const other = "0".repeat(32);
	reflector.admit(other);
	receive(request(other));
	assert.equal(sent.length, 21);
});

test("reflector: after closing nothing is left", () => {
	const { reflector, sockets, openSockets } = create();
	reflector.admit(KEY);
	reflector.close();
	assert.deepEqual([reflector.sessions, sockets.echo.onDatagram, openSockets()], [0, undefined, 0]);
});
