import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { ConecError } from "../../errors.ts";
import { resolveLimits } from "../../limits.ts";
import { StreamIds } from "../../session/stream-ids.ts";
import type { StreamHandler, TransportConnection } from "../../transport/transport.ts";
import type { Welcome } from "../../wire/control.ts";
import { FRAME } from "../../wire/frames.ts";
import { encodePeersPage } from "../../wire/presence.ts";
import { encodeResumable } from "../../wire/stream-frames.ts";
import type { CoordinatorLink } from "../uplink/coordinator-link.ts";
import { clientRequests } from "../uplink/questions.ts";
import { Uplink } from "../uplink/uplink.ts";
import { ClientPresence } from "./service.ts";

/** A Client's presence over a connection on which the test answers. */
function stage(options: { readonly capabilities?: readonly string[]; readonly requestTimeoutMs?: number } = {}) {
	const ids = new StreamIds();
	const handlers: StreamHandler[] = [];
	const sent: unknown[] = [];
	const nothing = (): void => undefined;
	const openStream = (_header: unknown, handler: StreamHandler): object => {
		handlers.push(handler);
		return { reset: nothing, stop: nothing, consumed: nothing, write: () => 0, finish: nothing };
	};
	const limits = resolveLimits({ requestTimeoutMs: options.requestTimeoutMs ?? 10_000 });
	const requests = clientRequests((message) => void sent.push(message), limits, systemClock);
	const link = {
		connection: { openStream } as unknown as TransportConnection,
		can: (capability: string) => (options.capabilities ?? ["presence"]).includes(capability),
		welcome: { limits: { metadataBytes: 100 } } as Welcome,
		requests,
		state: "open",
	};
	const uplink = new Uplink(
		{ clock: systemClock, waitingCalls: 8, waits: false, assertOpen: nothing, comesBack: () => false, lostError: () => assert.fail(), services: [] },
		link as unknown as CoordinatorLink,
	);
	const presence = new ClientPresence({ uplink, limits, ids, metadata: undefined });
	return { presence, ids, handlers, sent, requests };
}

test("client presence: a Coordinator without presence is asked nothing", async () => {
	const { presence, handlers, sent } = stage({ capabilities: ["other"] });
	await assert.rejects(presence.peers(undefined), { code: "PROTOCOL_UNSUPPORTED" });
	await assert.rejects(presence.watch().next(), { code: "PROTOCOL_UNSUPPORTED" });
	await assert.rejects(presence.update(1), { code: "PROTOCOL_UNSUPPORTED" });
	assert.deepEqual([handlers.length, sent.length], [0, 0]);
});

test("client presence: a list that does not come to its end, and a change without an answer, are PEER_TIMEOUT", async () => {
	const { presence, ids, handlers } = stage({ requestTimeoutMs: 30 });
	const list = presence.peers(undefined);
	handlers[0]?.frame(FRAME.RESUMABLE, encodeResumable({ received: 0, limit: 65_536, forMs: 0, messageBytes: 0 }));
	handlers[0]?.frame(FRAME.CONTROL, encodePeersPage({ epoch: "e", seq: 0, first: true, more: true }, []));
	await assert.rejects(list, { code: "PEER_TIMEOUT" });
	await assert.rejects(presence.update(1), { code: "PEER_TIMEOUT" });
	assert.equal(ids.size, 0, "the number of the stream is free");
});

test("client presence: an answer counts for its request only; metadata is held to the Coordinator's bound", async () => {
	const { presence, sent, requests } = stage();
	const first = presence.update({ n: 1 });
	const later = [presence.update({ n: 2 }), presence.update({ n: 3 })];
	requests.answered({ type: "metadata-set", request: 7 });
	assert.deepEqual(sent, [{ type: "metadata", request: 1, metadata: { n: 1 } }]);
	requests.answered({ type: "metadata-set", request: 1 });
	await first;
	await new Promise((resolve) => setImmediate(resolve));
	assert.deepEqual(sent.slice(1), [{ type: "metadata", request: 2, metadata: { n: 3 } }]);
	requests.answered({ type: "metadata-refused", request: 2, code: "LIMIT_EXCEEDED", retryAfterMs: 5 });
	for (const one of later) await assert.rejects(one, { code: "LIMIT_EXCEEDED", retryAfterMs: 5 });
	await assert.rejects(presence.update("x".repeat(100)), { name: "TypeError", code: "OPTION_INVALID" });
});

test("client presence: the end tells lists, watches and changes", async () => {
	const { presence, ids, requests } = stage();
	const waiting = [presence.peers(undefined), presence.peers(undefined), presence.watch().next(), presence.update(1), presence.update(2)];
	const error = new ConecError("COORDINATOR_LOST", "lost");
	requests.end(error);
	presence.end(error);
	await Promise.all(waiting.map((one) => assert.rejects(one, { code: "COORDINATOR_LOST" })));
	assert.equal(ids.size, 0);
});
