/** PCP and NAT-PMP over real sockets, with a router on loopback that a test makes. */

import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { systemRandom } from "../../base/random.ts";
import type { MappingMethod } from "./mapper.ts";
import { createUdpMethod } from "./udp.ts";

async function router(t: TestContext, answer: (request: Buffer) => Buffer | undefined): Promise<{ readonly method: MappingMethod; readonly heard: Buffer[] }> {
	const socket: Socket = createSocket("udp4");
	const heard: Buffer[] = [];
	socket.on("message", (request, from) => {
		heard.push(request);
		const reply = answer(request);
		if (reply !== undefined) socket.send(reply, from.port, from.address);
	});
	socket.bind(0, "127.0.0.1");
	await once(socket, "listening");
	t.after(() => socket.close());
	const gateways = (): Promise<string[]> => Promise.resolve(["127.0.0.1"]);
	return { heard, method: createUdpMethod({ clock: systemClock, random: systemRandom, gateways, port: socket.address().port }) };
}

/** As a router that knows PCP. */
function pcp(request: Buffer): Buffer | undefined {
	if (request[0] !== 2) return undefined;
	const answer = Buffer.concat([Buffer.from([2, 0x81, 0, 0]), request.subarray(4, 8), Buffer.alloc(16), request.subarray(24, 60)]);
	answer.writeUInt16BE(4_321, 42);
	Buffer.from("00000000000000000000ffff2d210101", "hex").copy(answer, 44);
	return answer;
}

/** As a router that knows NAT-PMP only. */
function natPmp(request: Buffer): Buffer | undefined {
	if (request[0] !== 0) return Buffer.from([0, 0x80, 0, 1, 0, 0, 0, 1]);
	if (request[1] === 0) return Buffer.from([0, 128, 0, 0, 0, 0, 0, 1, 45, 33, 1, 1]);
	const answer = Buffer.alloc(16);
	answer[1] = 129;
	request.copy(answer, 8, 4, 6);
	answer.writeUInt16BE(4_322, 10);
	request.copy(answer, 12, 8, 12);
	return answer;
}

const never = new AbortController().signal;

test("port mapping: PCP maps the port, renews it under the same name, and removes it", async (t) => {
	const { method, heard } = await router(t, pcp);
	const mapping = await method(1_000, undefined, never);
	const { protocol, external, lifetimeMs } = mapping;
	assert.deepEqual({ protocol, external, lifetimeMs }, { protocol: "pcp", external: { address: "45.33.1.1", port: 4_321 }, lifetimeMs: 3_600_000 });
	const again = await method(1_000, external, never);
	await again.remove(never);
	const first = heard.map((request) => request.subarray(24, 36).toString("hex"));
	assert.equal(new Set(first).size, 1, "one nonce");
	assert.equal(heard.at(-1)?.readUInt32BE(4), 0, "a lifetime of 0 removes it");
	assert.ok(
		heard.some((request) => request.readUInt16BE(42) === 4_321),
		"it asks for the port that it had",
	);
});

test("port mapping: a router that knows only NAT-PMP is asked in its own words", async (t) => {
	const { method, heard } = await router(t, natPmp);
	const mapping = await method(1_000, undefined, never);
	assert.deepEqual([mapping.protocol, mapping.external], ["nat-pmp", { address: "45.33.1.1", port: 4_322 }]);
	await mapping.remove(never);
	assert.equal(heard.at(-1)?.readUInt32BE(8), 0);
});

test("port mapping: a packet that is lost is sent again", async (t) => {
	let lost = 0;
	const { method } = await router(t, (request) => (request[0] === 2 && lost++ === 0 ? undefined : pcp(request)));
	assert.equal((await method(1_000, undefined, never)).protocol, "pcp");
	assert.ok(lost >= 2);
});

test("port mapping: a router that refuses, or is not there, is told in words", async (t) => {
	const refusing = await router(t, (request) =>
		request[0] === 2 ? Buffer.from([2, 0x81, 0, 2, ...Buffer.alloc(20)]) : Buffer.from([0, 128 + (request[1] ?? 0), 0, 2, 0, 0, 0, 0]),
	);
	await assert.rejects(refusing.method(1_000, undefined, never), /PCP at 127\.0\.0\.1: not authorised; NAT-PMP at 127\.0\.0\.1: not authorised/);
	const gateways = (): Promise<string[]> => Promise.resolve([]);
	await assert.rejects(createUdpMethod({ clock: systemClock, random: systemRandom, gateways })(1_000, undefined, never), /no IPv4 router/);
	const abort = new AbortController();
	const silent = await router(t, () => undefined);
	const asking = silent.method(1_000, undefined, abort.signal);
	abort.abort(new Error("enough"));
	await assert.rejects(asking, /enough/);
});
