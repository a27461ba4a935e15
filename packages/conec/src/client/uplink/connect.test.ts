import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { systemRandom } from "../../base/random.ts";
import { ConecError } from "../../errors.ts";
import { resolveLimits } from "../../limits.ts";
import { type HostAddress, NO_NETWORK, type Runtime } from "../../session/runtime.ts";
import type { DialOptions, DialRefusal, Transport } from "../../transport/transport.ts";
import { reachCoordinator } from "./connect.ts";

/** Dials `host` at a machine whose name service and network answer as the test says. */
function reach(lookup: () => Promise<readonly HostAddress[]>, dial: (options: DialOptions) => Promise<never>) {
	const clock = createVirtualClock();
	const runtime: Runtime = { ...NO_NETWORK, clock, random: systemRandom, lookup, createTransport: () => assert.fail() };
	const options = {
		id: "a",
		coordinators: [{ host: "host.example", port: 7 }],
		address: undefined,
		trust: {},
		ca: undefined,
		metadata: undefined,
		localAddress: "::",
		family: 0,
		limits: resolveLimits({ requestTimeoutMs: 10_000 }),
		signal: undefined,
	} as const;
	const identity = { certificates: [], privateKey: new Uint8Array(), fingerprint: "", key: "ephemeral" } as const;
	return { clock, reached: reachCoordinator({ dial } as unknown as Transport, identity, options, runtime, clock.now()) };
}

const at =
	(...addresses: string[]) =>
	async (): Promise<readonly HostAddress[]> =>
		addresses.map((address) => ({ address, family: 4 }));
const never = (): Promise<never> => new Promise(() => undefined);

/** A dial that the network refuses. */
function refused(why: DialRefusal): (options: DialOptions) => Promise<never> {
	return async ({ onRefused }) => {
		onRefused?.(why);
		throw new ConecError("COORDINATOR_UNREACHABLE", "refused");
	};
}

const REFUSED: readonly (readonly [DialRefusal, RegExp])[] = [
	["port", /Cannot reach Coordinator at host\.example:7: that machine says that nothing takes packets on this UDP port; is the Coordinator running/],
	["prohibited", /a firewall refuses the packets/],
	["unreachable", /no such machine, or no way to it/],
];
for (const [why, message] of REFUSED) {
	test(`uplink: what the network says ends the attempt at once and is told: ${why}`, async () => {
		const { reached } = reach(at("10.0.0.1", "10.0.0.2"), refused(why));
		await assert.rejects(reached, { code: "COORDINATOR_UNREACHABLE", message });
	});
}

test("uplink: an address that is refused does not end the attempt while another may answer, and both are told in the end", async () => {
	const { clock, reached } = reach(at("10.0.0.1", "10.0.0.2"), (options) => (options.address === "10.0.0.1" ? refused("port")(options) : never()));
	const rejected = assert.rejects(reached, {
		code: "COORDINATOR_UNREACHABLE",
		message: /no answer over UDP within 10 s \(of 10\.0\.0\.1 the network says that nobody is there\)/,
	});
	await clock.advance(10_000);
	await rejected;
});

test("uplink: a name server that is silent is told as that, not as a Coordinator that is", async () => {
	const { clock, reached } = reach(never, never);
	const rejected = assert.rejects(reached, {
		code: "HOST_UNRESOLVABLE",
		message: 'Cannot resolve "host.example": no name server has answered within 10 s',
	});
	await clock.advance(10_000);
	await rejected;
});

test("uplink: a silent Coordinator is told as that after its name was found", async () => {
	const { clock, reached } = reach(at("10.0.0.1"), never);
	const rejected = assert.rejects(reached, { code: "COORDINATOR_UNREACHABLE", message: /no answer over UDP within 10 s; is it running/ });
	await clock.advance(10_000);
	await rejected;
});
