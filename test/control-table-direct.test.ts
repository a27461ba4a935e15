/**
 * Every message about direct channels in every state, from a Client that has listed the capability; every field of every one wrong
 * in each way. What is of no attempt is passed over or answered; what is not a Client's to say, or not understood, ends its connection; two
 * bystanders' echo loses nothing.
 */

import assert from "node:assert/strict";
import { createQuicTransport } from "../packages/conec/src/transport/quic/transport.ts";
import { CLOSE_CODES } from "../packages/conec/src/wire/codes.ts";
import {
	broken,
	CHANNEL_MESSAGES_OF_CLIENT,
	CHANNEL_MESSAGES_OF_COORDINATOR,
	closeSlowly,
	NOT_IDS,
	SLOW_CLOSE,
	type Speaker,
	scene,
} from "./control-table-world.ts";
import { declare, type Fabric, hello, until } from "./entities-world.ts";
import { orForgotten, unlessForgotten } from "./forgotten.ts";
import { virtualFabric } from "./virtual-fabric.ts";

const FABRICS: readonly Fabric[] = [virtualFabric("memory"), { name: "quic", createTransport: createQuicTransport }];

const direct = (id: string) => ({ ...hello(id), capabilities: ["direct"] });

/** By state: whether a Client's own messages are taken, and the code with which its request is refused. */
const STATES = {
	"waiting for the answer to hello": undefined,
	connected: "PEER_UNKNOWN",
	"after its own close": "PEER_UNKNOWN",
	"after the Coordinator's close": "COORDINATOR_CLOSED",
} as const;

for (const fabric of FABRICS) {
	const it = declare(fabric);

	for (const [state, refusal] of Object.entries(STATES)) {
		it(`control table: each message about direct channels of a Client ${state}, once and twice`, async (t) => {
			const waits = refusal === undefined;
			const { world, dial, rest } = await scene(t, fabric, { limits: { holderPingMs: 2_000, ...SLOW_CLOSE } });
			const messages = { ...CHANNEL_MESSAGES_OF_CLIENT, ...CHANNEL_MESSAGES_OF_COORDINATOR };
			const cells = Object.entries(messages).flatMap(([name, message]) => [1, 2].map((times) => ({ name, message, times })));
			const speakers = await Promise.all(
				cells.map(async (_, i) => {
					if (waits) await (await dial()).say(hello(`cell-${i}`)).hears("welcome");
					const speaker = await dial();
					if (waits) return speaker;
					await speaker.say(direct(`cell-${i}`)).hears("welcome");
					if (state.includes("its own")) speaker.say({ type: "close", reason: "enough" });
					return speaker;
				}),
			);
			if (waits) for (const [i, speaker] of speakers.entries()) speaker.say(direct(`cell-${i}`));
			const closing = state.includes("Coordinator's") ? await closeSlowly(world, dial) : undefined;
			if (closing !== undefined) await Promise.all(speakers.map((speaker) => speaker.hears("close")));
			await Promise.all(
				cells.map(async ({ name, message, times }, i) => {
					const about = `${state}: ${name} x ${times}`;
					const speaker = speakers[i] as Speaker;
					for (let n = 0; n < times; n++) speaker.say(message);
					if (waits || name in CHANNEL_MESSAGES_OF_COORDINATOR) {
						const info = await speaker.end().catch(orForgotten);
						if (info !== undefined) assert.equal(info.closeCode, CLOSE_CODES.PROTOCOL_ERROR, about);
						return;
					}
					await speaker.isAnswered(1_000);
					const heard = speaker.heard.filter((word) => !["welcome", "pong", "close", "ping"].includes(word));
					assert.deepEqual(heard, name === "channel-request" ? new Array(times).fill(`channel-refused ${refusal}`) : [], about);
				}),
			);
			await rest();
			await closing?.end();
		});
	}

	it("control table: each field of each message about direct channels, wrong in each way", async (t) => {
		const { world, dial } = await scene(t, fabric);
		const words = [7, null, [], {}, true, ""];
		const yesNo = [0, 1, null, "true", [], {}];
		const counts = ["1", null, [], {}, true, 0, -1, 0.5, 2 ** 53, 1e300];
		const tokens = [...words, "0".repeat(31), "0".repeat(33), "A".repeat(32)];
		const ports = [...counts, 65_536];
		const addresses = [...words, "localhost", "1.2.3", "fe80::1%1", "1.2.3.4:5", "1".repeat(65)];
		const { "channel-request": request, "channel-cancel": cancel, "channel-answer yes": yes, "channel-answer no": no } = CHANNEL_MESSAGES_OF_CLIENT;
		const { "channel-report of its own": own, "channel-report": report, "channel-list": list, "address-echo": echo } = CHANNEL_MESSAGES_OF_CLIENT;
		const ids = [7, null, [], {}, true, ...NOT_IDS.filter((id) => id.length < 1_000)];
		const fingerprints = [...words, "ab".repeat(32), `sha256:${"AB".repeat(32)}`, `sha256:${"a".repeat(63)}`, `sha256:${"a".repeat(65)}`];
		const ofOffer = (message: Readonly<Record<string, unknown>>): [string, string][] => [
			...broken(message, "hosts", true, [7, null, {}, true, "", [null], [[]], new Array(9).fill({ address: "192.168.1.5", port: 9 })]),
			...broken(message, "hosts.0.address", true, addresses),
			...broken(message, "hosts.0.port", true, ports),
			...broken(message, "nat", true, words),
			...broken(message, "nat.mapping", true, [...words, "symmetric", "constructor"]),
			...broken(message, "nat.filtering", true, [...words, "closed"]),
			...broken(message, "nat.portStep", false, [...counts, 17]),
			...broken(message, "nat.lastPort", false, ports),
			...broken(message, "punch", true, yesNo),
			...broken(message, "birthday", true, yesNo),
		];
		const cases = [
			...broken(request, "request", true, counts),
			...broken(request, "peer", true, ids),
			...broken(request, "auto", true, yesNo),
			...ofOffer(request),
			...broken(cancel, "request", true, counts),
			...broken(yes, "token", true, tokens),
			...broken(yes, "accept", true, yesNo),
			...ofOffer(yes),
			...broken(no, "token", true, tokens),
			...broken(no, "code", true, [...words, "declined", "A".repeat(65)]),
			...broken(report, "token", true, tokens),
			...broken(report, "outcome", true, [...words, "UP"]),
			...broken(report, "address", false, words),
			...broken(report, "address.address", true, addresses),
			...broken(report, "address.port", true, ports),
			...broken(report, "rttMs", false, ["1", null, [], {}, true, -1, 1e300]),
			...broken(report, "reason", false, [7, null, [], {}, true]),
			...broken(own, "peer", true, ids),
			...broken(own, "fingerprint", true, fingerprints),
			...broken(list, "channels", true, [7, null, {}, true, "", [], [null], [[]], new Array(65).fill((list["channels"] as unknown[])[0])]),
			...broken(list, "channels.0.token", true, tokens),
			...broken(list, "channels.0.peer", true, ids),
			...broken(list, "channels.0.fingerprint", true, fingerprints),
			...broken(echo, "nonce", true, [...words, "0".repeat(15), "0".repeat(17), "A".repeat(16)]),
		];
		const entries = cases.entries();
		await Promise.all(
			Array.from({ length: 12 }, async () => {
				for (const [i, [what, json]] of entries)
					await unlessForgotten(async () => {
						const speaker = (await dial()).say(direct(`field-${i}`));
						await speaker.hears("welcome");
						const info = await speaker.say(json).end();
						assert.deepEqual([info.closeCode, speaker.heard], [CLOSE_CODES.PROTOCOL_ERROR, ["welcome"]], `${what}: ${info.reason}`);
					});
			}),
		);
		await until(() => world.coordinator.clientCount === 2);
	});
}
