import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "../../packages/conec/src/client/client.ts";
import { Coordinator } from "../../packages/conec/src/coordinator/coordinator.ts";
import type { CoordinatorStatus } from "../../packages/conec/src/coordinator/status.ts";
import { ConecError } from "../../packages/conec/src/errors.ts";
import { resolveLimits } from "../../packages/conec/src/limits.ts";
import { coordinatorTrust } from "../../packages/conec/src/tls/trust.ts";
import { createQuicTransport } from "../../packages/conec/src/transport/quic/transport.ts";
import { CASES, type Case, type Outcome } from "./cases.ts";
import { forge, pemOf, shown } from "./forge.ts";

test("certificates: the table has no line twice and is as long as promised", () => {
	assert.ok(CASES.length >= 40, `${CASES.length}`);
	assert.equal(new Set(CASES.map(({ what }) => what)).size, CASES.length);
});

for (const line of CASES) {
	const { outcome } = line;
	test(`certificates: ${line.what}: ${outcome === "accepted" ? outcome : `refused by ${outcome.by}, ${outcome.code}`}`, () => run(line));
}

test("certificates: a Client that shows none is told CERTIFICATE_REQUIRED, in CA mode and in open mode", async () => {
	const root = forge({ subject: "root", authority: true });
	const identity = shown(forge({ names: ["localhost"], issuer: root }));
	for (const mode of [{ clientCa: pemOf(root) }, {}]) {
		const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0, ...identity, ...mode });
		const transport = createQuicTransport({ host: "127.0.0.1", port: 0, limits: resolveLimits({}, "client"), role: "client" });
		const { port } = coordinator.address;
		const trust = coordinatorTrust({ ca: pemOf(root) });
		const dialled = transport.dial({ address: "127.0.0.1", port, serverName: "localhost", trust, alpnProtocol: "conec/1", handshakeTimeoutMs: 5_000 });
		// The Client's side of the handshake is done before the Coordinator has judged.
		const failure = await dialled.then(
			async (connection) => (await connection.closed).error,
			(error: unknown) => error,
		);
		assert.ok(failure instanceof ConecError);
		assert.equal(failure.code, "CERTIFICATE_REQUIRED");
		assert.match(failure.message, /a certificate of this side is required/);
		assert.equal(coordinator.clientCount, 0);
		transport.destroy();
		coordinator.destroy();
		await coordinator.closed;
	}
});

async function run({ coordinator: options, client: clientOptions, outcome }: Case): Promise<void> {
	let coordinator: Coordinator | undefined;
	let client: Client | undefined;
	let failure: unknown;
	const heard: CoordinatorStatus[] = [];
	try {
		coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0, ...options });
		void listen(coordinator, heard);
		const { port } = coordinator.address;
		const { coordinator: host = "localhost", ...rest } = clientOptions;
		client = await Client.connect({ id: "alice", coordinator: `${host}:${port}`, address: `127.0.0.1:${port}`, ...rest });
	} catch (error) {
		failure = error;
	}
	try {
		if (outcome === "accepted") {
			if (failure !== undefined) throw failure;
			assert.ok(client !== undefined && coordinator !== undefined);
			assert.equal((await client.openStream(client.id)).peer, client.id);
			assert.equal(coordinator.clients()[0]?.fingerprint, client.fingerprint);
		} else {
			checkRefusal(failure, outcome, coordinator, heard);
		}
	} finally {
		client?.destroy();
		coordinator?.destroy();
		await Promise.all([client?.closed, coordinator?.closed]);
	}
}

function checkRefusal(
	failure: unknown,
	outcome: Exclude<Outcome, "accepted">,
	coordinator: Coordinator | undefined,
	heard: readonly CoordinatorStatus[],
): void {
	assert.ok(failure instanceof Error, "it was accepted");
	assert.equal((failure as { code?: string }).code, outcome.code, failure.message);
	assert.match(failure.message, outcome.words);
	assert.ok(failure.message.length < 500, failure.message);
	assert.equal(coordinator?.clientCount ?? 0, 0, "nothing is left of it");
	const causes = [...causesOf(failure)].map((error) => (error as { code?: string }).code);
	assert.equal(causes.includes("TLS_REFUSED"), outcome.by === "client");
	assert.equal(causes.includes("TLS_REFUSED_BY_PEER"), outcome.by === "coordinator in tls");
	if (outcome.by === "here") assert.doesNotMatch(failure.message, /Cannot connect/);
	// The application of the Coordinator hears the same code and words.
	const refusals = heard.filter((status) => status.type === "refused");
	assert.deepEqual(
		refusals.map(({ code }) => code),
		outcome.by === "coordinator after hello" ? [outcome.code] : [],
	);
	for (const { reason } of refusals) assert.match(reason, outcome.words);
}

async function listen(coordinator: Coordinator, heard: CoordinatorStatus[]): Promise<void> {
	for await (const status of coordinator.status()) heard.push(status);
}

function* causesOf(error: unknown): Generator<unknown> {
	for (let next = error; next instanceof Error; next = next.cause) yield next;
}
