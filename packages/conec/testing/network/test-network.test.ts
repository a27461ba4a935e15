import assert from "node:assert/strict";
import { test } from "node:test";
import { type Client, type ClientStatus, createCertificateAuthority, isConecError, issueCertificate, type MessageStream } from "conec";
import { createTestNetwork, type TestNetwork, type TestNetworkOptions } from "conec/testing";

const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : new TextDecoder().decode(bytes));

/** A network with a Coordinator, alice and bob. Closed at the end of the test. */
async function pair(
	t: { after(done: () => Promise<void>): void },
	options: TestNetworkOptions = {},
): Promise<{ network: TestNetwork; alice: Client; bob: Client }> {
	const network = createTestNetwork(options);
	t.after(() => network.close());
	await network.listen();
	// What is looked at is when a connection ends, and not what follows.
	const [alice, bob] = [await network.connect({ id: "alice", reconnect: false }), await network.connect({ id: "bob", reconnect: false })];
	return { network, alice, bob };
}

/** Answers each message with itself. */
async function echo(client: Client): Promise<void> {
	const answer = async (stream: MessageStream): Promise<void> => {
		for await (const message of stream) await stream.send(message);
		await stream.close();
	};
	for await (const stream of client.incomingStreams) answer(stream).catch(() => undefined);
}

async function firstOf(client: Client): Promise<MessageStream> {
	for await (const stream of client.incomingStreams) return stream;
	throw new Error("the Client is over");
}

/** The first status of that kind. */
async function statusOf<T extends ClientStatus["type"]>(client: Client, type: T): Promise<ClientStatus & { type: T }> {
	for await (const status of client.status()) if (status.type === type) return status as ClientStatus & { type: T };
	throw new Error("the Client is over");
}

const code =
	(expected: string) =>
	(error: unknown): boolean =>
		isConecError(error) && error.code === expected;

for (const path of ["proxied", "direct"] as const) {
	test(`test network: messages pass on a ${path} stream, in order, both ways`, async (t) => {
		const { alice, bob } = await pair(t, { delayMs: 20, jitterMs: 10 });
		void echo(bob).catch(() => undefined);
		const stream = await alice.openStream("bob", { path });
		assert.equal(stream.path, path);
		for (const word of ["one", "two", "three"]) await stream.send(word);
		await stream.close();
		const answers: (string | null)[] = [];
		for await (const message of stream) answers.push(text(message));
		assert.deepEqual(answers, ["one", "two", "three"]);
	});
}

test("test network: a message takes the delay of its path, to the millisecond", async (t) => {
	const { network, alice, bob } = await pair(t, { delayMs: 250 });
	const [stream, there] = await Promise.all([alice.openStream("bob", { path: "proxied" }), firstOf(bob)]);
	await network.advance(5_000);
	const sentAt = network.now();
	await stream.send("hello");
	assert.equal(text(await there.receive()), "hello");
	assert.equal(network.now() - sentAt, 500); // by way of the Coordinator
});

test("test network: a deadline of seconds takes no time", async (t) => {
	const { network, alice } = await pair(t);
	const [started, virtually] = [performance.now(), network.now()];
	network.partition("alice", null);
	await assert.rejects(alice.openStream("bob", { path: "proxied" }), code("COORDINATOR_LOST"));
	assert.ok(network.now() - virtually >= 5_000, `${network.now() - virtually} ms have passed`);
	assert.ok(performance.now() - started < 4_500, "it took real time");
});

test("test network: manual time stands still until it is moved", async (t) => {
	const { network, alice, bob } = await pair(t, { time: "manual", delayMs: 100 });
	void echo(bob).catch(() => undefined);
	const began = network.now();
	let opened = false;
	const opening = alice.openStream("bob", { path: "proxied" }).then((stream) => {
		opened = true;
		return stream;
	});
	await new Promise((resolve) => setTimeout(resolve, 20));
	assert.deepEqual([network.now() - began, opened], [0, false]);
	await network.advance(399);
	assert.equal(opened, false);
	await network.advance(1);
	assert.deepEqual([network.now() - began, opened], [400, true]);
	const stream = await opening;
	await stream.send("x");
	assert.equal(text(await network.run(stream.receive())), "x");
	assert.equal(network.now() - began, 800);
});

test("test network: run gives up after the time that it is given", async (t) => {
	const { network, alice, bob } = await pair(t, { time: "manual" });
	const [stream] = await network.run(Promise.all([alice.openStream("bob"), firstOf(bob)]));
	const began = network.now();
	const receiving = stream.receive();
	await assert.rejects(network.run(receiving, 1_500), code("PEER_TIMEOUT"));
	assert.equal(network.now() - began, 1_500);
	stream.reset(1);
	await assert.rejects(network.run(receiving));
});

test("test network: in real time the same program waits", async (t) => {
	const { network, alice, bob } = await pair(t, { time: "real", delayMs: 2 });
	void echo(bob).catch(() => undefined);
	const started = performance.now();
	await network.advance(50);
	assert.ok(performance.now() - started > 45);
	const stream = await network.run(alice.openStream("bob"));
	await stream.send("real");
	assert.equal(text(await stream.receive()), "real");
	await assert.rejects(network.run(stream.receive(), 10), code("PEER_TIMEOUT"));
});

test("test network: sleep waits in the network's time, and its signal ends it", async (t) => {
	const { network } = await pair(t);
	const began = network.now();
	await network.sleep(3_600_000);
	assert.equal(network.now() - began, 3_600_000);
	const aborted = new AbortController();
	const sleeping = network.sleep(1_000_000, { signal: aborted.signal });
	aborted.abort(new RangeError("enough"));
	await assert.rejects(sleeping, /enough/);
	await assert.rejects(network.sleep(1, { signal: AbortSignal.abort(new RangeError("before")) }), /before/);
});

test("test network: what waits for a file has all the time that it takes", async (t) => {
	const { readFile } = await import("node:fs/promises");
	const { network, alice, bob } = await pair(t);
	const serving = (async () => {
		const stream = await firstOf(bob);
		for (let round = 0; round < 20; round++) await readFile(import.meta.filename);
		await stream.send("read");
	})();
	const stream = await alice.openStream("bob", { path: "proxied" });
	const began = network.now();
	assert.equal(text(await stream.receive()), "read");
	await serving;
	assert.ok(network.now() - began < 1_000, `${network.now() - began} ms of the network have passed`);
});

test("test network: what is sent during a partition arrives when it is over", async (t) => {
	const { network, alice, bob } = await pair(t);
	const [stream, there] = await Promise.all([alice.openStream("bob", { path: "proxied" }), firstOf(bob)]);
	const heal = network.partition("alice", null);
	await stream.send("late");
	const receiving = there.receive();
	let received = false;
	void receiving.then(() => {
		received = true;
	});
	await network.advance(5_000);
	assert.equal(received, false);
	heal();
	assert.equal(text(await receiving), "late");
});

test("test network: a partition that lasts ends the connection, and holds for Clients that come later", async (t) => {
	const { network, alice } = await pair(t);
	const lost = statusOf(alice, "disconnected");
	network.partition(["alice", "carol"], [null]);
	await lost;
	await assert.rejects(network.connect({ id: "carol" }), code("COORDINATOR_UNREACHABLE"));
	const dave = await network.connect({ id: "dave" });
	assert.deepEqual((await dave.peers()).map(({ id }) => id).sort(), ["bob", "dave"]);
	network.heal();
	assert.equal((await network.connect({ id: "carol" })).id, "carol");
});

test("test network: with one side only, that side is parted from everybody", async (t) => {
	const { network, alice, bob } = await pair(t);
	const [direct] = await Promise.all([alice.openStream("bob", { path: "direct" }), firstOf(bob)]);
	const heal = network.partition("alice");
	await direct.send("x");
	const closed = [alice.closed, direct.closed];
	await network.advance(120_000);
	assert.equal((await Promise.all(closed)).length, 2);
	heal();
});

test("test network: parting two Clients leaves them the Coordinator", async (t) => {
	const { network, alice, bob } = await pair(t);
	void echo(bob).catch(() => undefined);
	network.partition("alice", "bob");
	await assert.rejects(alice.openStream("bob", { path: "direct" }), code("DIRECT_UNAVAILABLE"));
	const stream = await alice.openStream("bob");
	assert.equal(stream.path, "proxied");
});

test("test network: a connection that is cut is noticed at once at both ends", async (t) => {
	const { network, alice } = await pair(t);
	const began = network.now();
	const lost = statusOf(alice, "disconnected");
	network.cut("alice");
	await lost;
	assert.equal(network.now() - began, 0);
	await network.advance(0);
	assert.deepEqual(
		network.coordinator?.clients().map(({ id }) => id),
		["bob"],
	);
});

test("test network: a direct channel can be cut alone", async (t) => {
	const { network, alice, bob } = await pair(t);
	const [direct] = await Promise.all([alice.openStream("bob", { path: "direct" }), firstOf(bob)]);
	network.cut("bob", "alice");
	assert.equal((await direct.closed).by, "error");
	assert.deepEqual((await alice.peers()).map(({ id }) => id).sort(), ["alice", "bob"]);
});

test("test network: who is killed is gone at once, and the others notice its silence", async (t) => {
	const { network, alice, bob } = await pair(t);
	const [stream, there] = await Promise.all([alice.openStream("bob", { path: "proxied" }), firstOf(bob)]);
	await stream.send("last words");
	await there.receive();
	network.kill("bob");
	assert.equal((await bob.closed).by, "local");
	assert.equal(network.coordinator?.clientCount, 2);
	await assert.rejects(stream.receive(), code("PEER_LOST"));
	await network.advance(0);
	assert.equal(network.coordinator?.clientCount, 1);
});

for (const end of ["closed", "killed"] as const) {
	test(`test network: the Coordinator comes back with the same key after it was ${end}`, async (t) => {
		const { network, alice } = await pair(t);
		const before = network.coordinator;
		assert.ok(before !== undefined);
		const gone = alice.closed;
		if (end === "closed") await before.close();
		else network.kill(null);
		await before.closed;
		assert.equal(network.coordinator, undefined);
		const after = await network.listen();
		assert.notEqual(after, before);
		assert.deepEqual([after.fingerprint, after.address.port], [before.fingerprint, before.address.port]);
		// Of a Coordinator that was killed a Client hears nothing: silence lasts too long.
		assert.equal((await gone).code, end === "closed" ? "COORDINATOR_CLOSED" : "COORDINATOR_LOST");
		const again = await network.connect({ id: "alice", pin: before.fingerprint });
		assert.equal(after.clientCount, 1);
		await again.close();
	});
}

test("test network: a reader that stops makes its writer wait, and nobody else", async (t) => {
	const { network, alice, bob } = await pair(t, { windowBytes: 64 * 1_024 });
	const carol = await network.connect({ id: "carol" });
	const [stream, there] = await Promise.all([alice.openStream("bob", { path: "proxied" }), firstOf(bob)]);
	const message = new Uint8Array(16 * 1_024);
	let sent = 0;
	while (stream.trySend(message)) {
		sent++;
		if (sent % 8 === 0) await network.advance(10);
		assert.ok(sent < 1_000, "nothing makes the writer wait");
	}
	const waiting = stream.send(message);
	await network.advance(60_000);
	const [other, ofCarol] = await Promise.all([alice.openStream("carol", { path: "proxied" }), firstOf(carol)]);
	await other.send("meanwhile");
	assert.equal(text(await ofCarol.receive()), "meanwhile");
	for (let read = 0; read < sent; read++) assert.equal((await there.receive())?.length, message.length);
	await waiting;
	assert.equal((await there.receive())?.length, message.length);
});

/** What happens in a small run, with all that is left to chance. */
async function story(seed: number): Promise<string[]> {
	const told: string[] = [];
	const network = createTestNetwork({ seed, delayMs: 5, jitterMs: 40, startMs: 0 });
	const note = (line: string): void => void told.push(`${network.now()} ${line}`);
	await network.listen();
	const clients = await Promise.all(["ann", "ben", "cid"].map((id) => network.connect({ id })));
	for (const client of clients) {
		note(`${client.id} ${client.fingerprint}`);
		void echo(client).catch(() => undefined);
	}
	const talk = async (client: Client, peer: string): Promise<void> => {
		const stream = await client.openStream(peer);
		note(`${client.id} has a ${stream.path} stream to ${peer}`);
		for (let round = 0; round < 5; round++) {
			await stream.send(`${round}`);
			note(`${client.id} hears ${text(await stream.receive())}`);
		}
	};
	const [ann, ben, cid] = clients;
	assert.ok(ann !== undefined && ben !== undefined && cid !== undefined);
	await Promise.all([talk(ann, "ben"), talk(ben, "cid"), talk(cid, "ann")]);
	await network.close();
	note("closed");
	return told;
}

test("test network: the same seed gives the same run, another seed another one", async () => {
	const [first, again, other] = [await story(11), await story(11), await story(12)];
	assert.ok(first.length > 20);
	assert.deepEqual(again, first);
	assert.notDeepEqual(other, first);
});

test("test network: two networks in one process do not know of each other", async (t) => {
	const [one, other] = [await pair(t), await pair(t)];
	one.network.kill("bob");
	await one.network.advance(100_000);
	assert.deepEqual(
		(await one.alice.peers()).map(({ id }) => id),
		["alice"],
	);
	assert.deepEqual(
		(await other.alice.peers()).map(({ id }) => id),
		["alice", "bob"],
	);
});

test("test network: closing ends Clients, Coordinator and everything that waits", async () => {
	const network = createTestNetwork();
	const coordinator = await network.listen();
	const alice = await network.connect({ id: "alice" });
	const waits = [network.sleep(1e12), network.run(new Promise(() => undefined), 1e12), network.advance(1e12)].map((wait) =>
		assert.rejects(wait, code("COORDINATOR_CLOSED")),
	);
	await Promise.all([network.close(), network.close()]);
	await Promise.all(waits);
	assert.deepEqual([(await alice.closed).by, (await coordinator.closed).by, network.coordinator], ["local", "local", undefined]);
});

test("test network: closing ends during a partition, too", async () => {
	const network = createTestNetwork({ time: "manual" });
	await network.listen();
	await network.connect({ id: "alice" });
	network.partition("alice");
	const began = network.now();
	await network.close();
	assert.ok(network.now() - began <= 6_000, `${network.now() - began} ms`);
});

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
