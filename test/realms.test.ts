import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { createContext, runInContext } from "node:vm";
import { Client, Coordinator, createCertificateAuthority, issueCertificate, jsonCodec, typed } from "../packages/conec/src/index.ts";

/** Values of a realm with its own intrinsics, as `vm`, jsdom and Jest make them. */
function elsewhere<T>(code: string, given: Record<string, unknown> = {}): T {
	return runInContext(code, createContext({ ...given })) as T;
}

const bytes = (text: string): Uint8Array => elsewhere("Uint8Array.from(codes)", { codes: [...Buffer.from(text)] });

/** A signal as a polyfill makes it, in another realm: of another class, and without a reason. */
interface Polyfilled {
	readonly signal: AbortSignal;
	readonly listeners: readonly unknown[];
	abort(): void;
}

const polyfilled = (): Polyfilled =>
	elsewhere(`
		const listeners = [];
		const signal = {
			aborted: false,
			addEventListener(type, listener) { listeners.push(listener); },
			removeEventListener(type, listener) { const at = listeners.indexOf(listener); if (at >= 0) listeners.splice(at, 1); },
		};
		({ signal, listeners, abort() { signal.aborted = true; for (const one of listeners.slice()) one(); } })`);

async function open(t: TestContext): Promise<{ alice: Client; bob: Client }> {
	const authority = await createCertificateAuthority({ name: "realms" });
	const issue = async (name: string): Promise<{ certificate: Uint8Array; privateKey: Uint8Array }> => {
		const issued = await issueCertificate(authority, name);
		return { certificate: bytes(issued.certificate), privateKey: bytes(issued.privateKey) };
	};
	const ca = bytes(authority.certificate);
	const coordinator = await Coordinator.listen({ port: 0, host: "127.0.0.1", ...(await issue("localhost")), clientCa: elsewhere("[ca]", { ca }) });
	t.after(() => coordinator.close());
	const connect = async (id: string): Promise<Client> => {
		const client = await Client.connect(
			elsewhere("({ ...given })", {
				given: {
					...{ id, coordinator: `localhost:${coordinator.address.port}`, address: "127.0.0.1", ca, ...(await issue(id)) },
					...{
						metadata: elsewhere("({ rooms: ['a', { b: 1 }] })"),
						handlers: elsewhere("({ 'echo/1': async (s) => { for await (const m of s) await s.send(m); } })"),
					},
					signal: polyfilled().signal,
				},
			}),
		);
		t.after(() => client.close());
		return client;
	};
	return { alice: await connect("alice"), bob: await connect("bob") };
}

test("values of another realm: certificates, keys, options, metadata, handlers, signals and messages are taken like ours", async (t) => {
	const { alice } = await open(t);
	const { signal } = polyfilled();
	const stream = await alice.openStream("bob", elsewhere("({ protocol: 'echo/1', path: 'proxied', signal, metadata: { a: [1] } })", { signal }));
	await stream.send(bytes("hello"), { signal });
	assert.equal(Buffer.from((await stream.receive({ signal })) ?? []).toString(), "hello");
	const values = typed<unknown, unknown>(stream, { ...jsonCodec(), encode: (value) => bytes(JSON.stringify(value)) });
	await values.send(elsewhere("({ a: [1, { b: null }] })"), { signal });
	assert.deepEqual(await values.receive({ signal }), { a: [1, { b: null }] });
	const [peer] = (await alice.peers({ signal })).filter(({ id }) => id === "bob");
	assert.deepEqual(peer?.metadata, { rooms: ["a", { b: 1 }] });
});

test("one signal for many calls: thirty openings, sends and receives at once make no warning, and one abort ends those that wait", async (t) => {
	const warnings: Error[] = [];
	const warned = (warning: Error): void => void warnings.push(warning);
	process.on("warning", warned);
	t.after(() => process.off("warning", warned));
	const { alice } = await open(t);
	const abort = new AbortController();
	const old = polyfilled();
	for (const [signal, giveUp] of [
		[abort.signal, () => abort.abort()],
		[old.signal, () => old.abort()],
	] as const) {
		const streams = await Promise.all(Array.from({ length: 30 }, () => alice.openStream("bob", { protocol: "echo/1", path: "proxied", signal })));
		await Promise.all(streams.map((stream) => stream.send("x", { signal })));
		await Promise.all(streams.map((stream) => stream.receive({ signal })));
		const waits = streams.map((stream) => stream.receive({ signal }));
		giveUp();
		const ends = await Promise.allSettled(waits);
		const reasons = ends.map((end) => (end.status === "rejected" ? (end.reason as Error) : undefined));
		assert.ok(reasons.every((reason) => reason !== undefined && reason === reasons[0] && reason.name === "AbortError"));
		await assert.rejects(alice.openStream("bob", { signal }), (reason) => reason === reasons[0]);
		for (const stream of streams) stream.reset();
	}
	assert.equal(old.listeners.length, 0);
	// Node tells of listeners in a later turn.
	setImmediate(() => process.emitWarning("the last one", "Mark"));
	while (!warnings.some(({ name }) => name === "Mark")) await once(process, "warning");
	assert.deepEqual(
		warnings.map(({ name }) => name),
		["Mark"],
	);
});

test("values of another kind are refused in every realm", async () => {
	const wrong = ["({ aborted: false })", "new ArrayBuffer(8)", "'signal'", "new Date()"];
	for (const code of wrong)
		await assert.rejects(Client.connect({ id: "a", coordinator: "localhost", signal: elsewhere<AbortSignal>(code) }), {
			name: "TypeError",
			code: "OPTION_INVALID",
		});
	for (const code of ["new ArrayBuffer(8)", "new Uint16Array(8)", "7"])
		await assert.rejects(Client.connect({ id: "a", coordinator: "localhost", ca: elsewhere<Uint8Array>(code) }), { name: "TypeError", code: "OPTION_INVALID" });
	for (const code of ["new Map()", "({ at: new Date() })", "({ big: 1n })"])
		await assert.rejects(Client.connect({ id: "a", coordinator: "localhost", metadata: elsewhere(code) }), { name: "TypeError", code: "OPTION_INVALID" });
});
