/** A Client that returns to its Coordinator, also after a restart, is known by its address token (RFC 9000, 8.1.3). What is told of that is what passes between the two. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { reachCoordinator } from "../packages/conec/src/client/uplink/index.ts";
import { Coordinator, type CoordinatorOptions } from "../packages/conec/src/index.ts";
import { resolveLimits } from "../packages/conec/src/limits.ts";
import { runtimeOf } from "../packages/conec/src/session/runtime.ts";
import { makeSelfSigned } from "../packages/conec/src/tls/self-signed.ts";
import { coordinatorTrust } from "../packages/conec/src/tls/trust.ts";
import { createQuicTransport } from "../packages/conec/src/transport/quic/index.ts";
import { relay } from "../packages/quic/test/support/relay.ts";

const limits = resolveLimits({ requestTimeoutMs: 60_000 });

async function listen(t: TestContext, stateDirectory: string, port = 0, options: CoordinatorOptions = {}): Promise<Coordinator> {
	const made = await Coordinator.listen({ host: "127.0.0.1", port, stateDirectory, retry: "always", ...options });
	t.after(() => made.close());
	return made;
}

async function directory(t: TestContext): Promise<string> {
	const made = await mkdtemp(join(tmpdir(), "conec-tokens-"));
	t.after(() => rm(made, { recursive: true, force: true }));
	return made;
}

/** A socket of a Client behind a relay. `visit` connects and leaves, and gives the tokens that it has shown: the first one, and that of a Retry if it was sent one. */
async function visitor(t: TestContext, port: number): Promise<(pin: string) => Promise<string[]>> {
	const between = await relay(t, port);
	const transport = createQuicTransport({ host: "127.0.0.1", port: 0, limits, role: "client" });
	t.after(() => transport.destroy());
	const runtime = runtimeOf(createQuicTransport);
	const identity = await makeSelfSigned({ names: ["alice"] }, "ephemeral");
	return async (pin) => {
		const shown = new Set<string>();
		between.sees((packet) => {
			const token = tokenOf(Buffer.from(packet));
			if (token !== undefined) shown.add(token);
		});
		const options = {
			id: "alice",
			coordinators: [{ host: "localhost", port: between.port }],
			address: { address: "127.0.0.1", port: between.port },
			trust: coordinatorTrust({ pin }),
			...{ ca: undefined, metadata: undefined, localAddress: "127.0.0.1", family: 4 as const, limits, signal: undefined },
		} as const;
		const { connection } = await reachCoordinator(transport, identity, options, runtime, runtime.clock.now());
		connection.close(0, "");
		await connection.closed;
		return [...shown];
	};
}

/** Of an Initial packet (RFC 9000, 17.2.2); `undefined` for any other. */
function tokenOf(packet: Buffer): string | undefined {
	if (packet.length < 1_200 || (packet.readUInt8(0) & 0xf0) !== 0xc0) return undefined;
	const source = 6 + packet.readUInt8(5);
	const at = source + 1 + packet.readUInt8(source);
	const first = packet.readUInt8(at);
	const [length, bytes] = first < 64 ? [first, 1] : [packet.readUInt16BE(at) & 0x3fff, 2];
	return packet.subarray(at + bytes, at + bytes + length).toString("hex");
}

test("address tokens: a Client returns without proving its address again, also to a Coordinator that has reloaded or restarted", async (t) => {
	const stateDirectory = await directory(t);
	let coordinator = await listen(t, stateDirectory);
	const { fingerprint } = coordinator;
	const { port } = coordinator.address;
	const visit = await visitor(t, port);
	const first = await visit(fingerprint);
	assert.equal(first.length, 2, "none at first, then that of the Retry");
	assert.equal(first[0], "");
	const second = await visit(fingerprint);
	assert.equal(second.length, 1, "one was enough");
	assert.notEqual(second[0], "");

	coordinator.reload({ deny: [] });
	assert.equal((await visit(fingerprint)).length, 1, "after a reload");

	await coordinator.close();
	coordinator = await listen(t, stateDirectory, port);
	assert.equal(coordinator.fingerprint, fingerprint);
	const third = await visit(fingerprint);
	assert.equal(third.length, 1, "after a restart");
	assert.notEqual(third[0], second[0], "each token is shown once");

	await coordinator.close();
	coordinator = await listen(t, await directory(t), port);
	const fourth = await visit(coordinator.fingerprint);
	assert.equal(fourth.length, 2, "another Coordinator at that address does not know what its token means");
	assert.notEqual(fourth[0], "");
});
