import assert from "node:assert/strict";
import { test } from "node:test";
import { createCertificateAuthority, isConecError, issueCertificate } from "conec";
import { createTestNetwork, type TestNetwork, type TestNetworkOptions } from "conec/testing";
import { code, pair } from "./pair.ts";

test("test network: a second Client with an id that is connected gets ID_TAKEN, one that left gives it free", async (t) => {
	const { network, alice } = await pair(t);
	await assert.rejects(network.connect({ id: "alice" }), code("ID_TAKEN"));
	await alice.close();
	assert.equal((await network.connect({ id: "alice" })).id, "alice");
});

test("test network: a state directory keeps a Client's key, so that it takes over from itself", async (t) => {
	const { network } = await pair(t);
	const first = await network.connect({ id: "dora", stateDirectory: "/nowhere/at/all" });
	const second = await network.connect({ id: "dora", stateDirectory: "/nowhere/at/all" });
	assert.equal(second.fingerprint, first.fingerprint);
	assert.equal((await first.closed).code, "SUPERSEDED");
	await assert.rejects(network.connect({ id: "dora", stateDirectory: "/elsewhere" }), code("ID_TAKEN"));
});

test("test network: without a Coordinator, connecting fails after its deadline", async (t) => {
	const network = createTestNetwork();
	t.after(() => network.close());
	await assert.rejects(network.connect({ id: "alice" }), code("COORDINATOR_UNREACHABLE"));
	assert.ok(network.now() >= 9_000);
	// Who waits for a Coordinator finds it.
	const connecting = network.connect({ id: "alice" });
	await network.advance(4_000);
	await network.listen({ port: 0 }).then((coordinator) => coordinator.close());
	await network.listen({ port: 1719 });
	assert.equal((await connecting).id, "alice");
});

test("test network: an abort ends connecting", async (t) => {
	const network = createTestNetwork();
	t.after(() => network.close());
	const aborted = new AbortController();
	const connecting = network.connect({ id: "alice", signal: aborted.signal });
	aborted.abort(new RangeError("enough"));
	await assert.rejects(connecting, /enough/);
});

test("test network: a second Coordinator at the same time is refused", async (t) => {
	const { network } = await pair(t);
	await assert.rejects(network.listen({ port: 0 }), code("ADDRESS_IN_USE"));
});

test("test network: after close nothing begins", async () => {
	const network = createTestNetwork();
	await network.listen();
	await network.close();
	for (const late of [
		() => network.listen(),
		() => network.connect({ id: "alice" }),
		() => network.advance(1),
		() => network.sleep(1),
		() => network.run(Promise.resolve(1)),
	])
		await assert.rejects(late, code("COORDINATOR_CLOSED"));
	assert.throws(() => network.kill("alice"), code("PEER_UNKNOWN"));
	assert.throws(() => network.cut(null), code("COORDINATOR_CLOSED"));
});

test("test network: a Client that is connecting when the network closes is told", async () => {
	const network = createTestNetwork({ delayMs: 50 });
	await network.listen();
	const connecting = assert.rejects(network.connect({ id: "alice" }), isConecError);
	await network.close();
	await connecting;
});

test("test network: certificates, authorities and pins count as they do on a real network", async (t) => {
	const network = createTestNetwork();
	t.after(() => network.close());
	const authority = await createCertificateAuthority({ name: "our CA" });
	const [server, client, stranger] = [
		await issueCertificate(authority, "localhost"),
		await issueCertificate(authority, "alice"),
		await issueCertificate(authority, "eve"),
	];
	await network.listen({ ...server, clientCa: authority.certificate });
	const alice = await network.connect({ id: "alice", ca: authority.certificate, ...client });
	assert.equal(alice.id, "alice");
	await assert.rejects(network.connect({ id: "bob", ca: authority.certificate, ...stranger }), isConecError);
	await assert.rejects(network.connect({ id: "bob" }), isConecError);
	await assert.rejects(network.connect({ id: "alice", pin: `sha256:${"00".repeat(32)}`, ...client }), code("PIN_MISMATCH"));
	await assert.rejects(
		network.connect({ id: "alice", ca: authority.certificate, coordinator: "elsewhere:1719", ...client }),
		code("CERTIFICATE_NAME_MISMATCH"),
	);
});

/** By what is wrong: how it is done, and the code. */
const misuse: readonly (readonly [what: string, code: string, run: (network: TestNetwork) => unknown])[] = [
	["an unknown option", "OPTION_INVALID", () => createTestNetwork({ speed: 3 } as TestNetworkOptions)],
	["a negative delay", "OPTION_INVALID", () => createTestNetwork({ delayMs: -1 })],
	["a delay that is no number", "OPTION_INVALID", () => createTestNetwork({ delayMs: Number.NaN })],
	["a seed that is not whole", "OPTION_INVALID", () => createTestNetwork({ seed: 0.5 })],
	["a window without room", "OPTION_INVALID", () => createTestNetwork({ windowBytes: 0 })],
	["an unknown kind of time", "OPTION_INVALID", () => createTestNetwork({ time: "fast" as "auto" })],
	["a start in real time", "OPTION_INVALID", () => createTestNetwork({ time: "real", startMs: 1 })],
	["a Coordinator's state directory", "OPTION_INVALID", (network) => network.listen({ stateDirectory: "/tmp/x" } as object)],
	["a Coordinator's host", "OPTION_INVALID", (network) => network.listen({ host: "::" } as object)],
	["an unknown option of a Coordinator", "OPTION_INVALID", (network) => network.listen({ nmes: ["a"] } as object)],
	["a Client's local address", "OPTION_INVALID", (network) => network.connect({ id: "zoe", localAddress: "127.0.0.1" } as { id: string })],
	["an empty state directory", "OPTION_INVALID", (network) => network.connect({ id: "zoe", stateDirectory: "" })],
	["no options of a Client", "OPTION_INVALID", (network) => (network.connect as () => unknown)()],
	["an id that is none", "ID_INVALID", (network) => network.connect({ id: "Not an id" })],
	["no id", "ID_INVALID", (network) => network.connect({ id: undefined as unknown as string })],
	["time that goes back", "OPTION_INVALID", (network) => network.advance(-1)],
	["a deadline that is no number", "OPTION_INVALID", (network) => network.run(Promise.resolve(), Number.NaN)],
	["a sleep that goes back", "OPTION_INVALID", (network) => network.sleep(-1)],
	["an empty side of a partition", "OPTION_INVALID", (network) => network.partition([], "alice")],
	["a party on both sides", "OPTION_INVALID", (network) => network.partition(["alice", "bob"], ["bob"])],
	["a party that has no id", "ID_INVALID", (network) => network.partition("no id!", null)],
	["a Client to cut that is not there", "PEER_UNKNOWN", (network) => network.cut("zoe")],
	["a Client to kill that is not there", "PEER_UNKNOWN", (network) => network.kill("zoe")],
	["a Coordinator to kill that is not there", "COORDINATOR_CLOSED", (network) => network.kill(null)],
];

for (const [what, expected, run] of misuse) {
	test(`test network: ${what} is refused with ${expected}`, async (t) => {
		const network = createTestNetwork();
		t.after(() => network.close());
		await assert.rejects(
			async () => await run(network),
			(error: Error & { code?: string }) => error.code === expected && error.message.length > 10,
		);
	});
}
