/**
 * What an application has said last on a stream reaches its peer, though it closes everything at once: on every path, for streams that survive
 * the loss of their connection and for those that do not, and also while the far half of the way stands still for a moment.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Client } from "../packages/conec/src/client/client.ts";
import type { MessageStream } from "../packages/conec/src/index.ts";
import { type Machine, World } from "../packages/conec/testing/world.ts";

const text = (message: Uint8Array | null | undefined): string => Buffer.from(message ?? []).toString();

/** What is said, and what the other end hears of it. */
const WORDS: Readonly<Record<string, { readonly say: (stream: MessageStream) => void; readonly read?: string; readonly sent?: string }>> = {
	reset: { say: (stream) => stream.reset(7), read: "a STREAM_RESET 7" },
	stop: { say: (stream) => stream.stop(7), sent: "STREAM_STOPPED 7" },
	"reset and stop": {
		say: (stream) => {
			stream.reset(7);
			stream.stop(7);
		},
		read: "a STREAM_RESET 7",
		sent: "STREAM_STOPPED 7",
	},
	"messages and the end": {
		say: (stream) => {
			for (const message of ["b", "c"]) stream.trySend(message);
			void stream.close().catch(() => undefined);
		},
		read: "a b c end",
	},
	"the end, and a reset behind it": {
		say: (stream) => {
			void stream.close().catch(() => undefined);
			stream.reset(7);
		},
		read: "a end",
	},
	"the end, and a stop": {
		say: (stream) => {
			void stream.close().catch(() => undefined);
			stream.stop(7);
		},
		read: "a end",
		sent: "STREAM_STOPPED 7",
	},
};

interface Scene {
	readonly world: World;
	readonly ann: Client;
	readonly ben: Client;
	readonly machines: { readonly ann: Machine; readonly ben: Machine };
}

async function scene(): Promise<Scene> {
	const world = new World({ seed: 3, delayMs: 10 });
	const { clock } = world;
	await clock.until(world.listen(), 1_000);
	const machines = { ann: world.machine("ann"), ben: world.machine("ben") };
	const ann = await clock.until(world.connect(machines.ann, "ann", { id: "ann" }), 1_000);
	const ben = await clock.until(world.connect(machines.ben, "ben", { id: "ben", listen: true }), 1_000);
	return { world, ann, ben, machines };
}

type Path = "direct" | "proxied" | "to the Coordinator";

/** Both ends of a stream. */
async function talk({ world, ann, ben }: Scene, path: Path, resumable: boolean): Promise<{ near: MessageStream; far: MessageStream }> {
	const { clock, coordinator } = world;
	assert.ok(coordinator);
	const arrivals = path === "to the Coordinator" ? coordinator.incomingStreams : ben.incomingStreams;
	const arriving = arrivals[Symbol.asyncIterator]().next();
	const opening = path === "to the Coordinator" ? ann.openCoordinatorStream({ resumable }) : ann.openStream("ben", { path, resumable });
	const near = await clock.until(opening, 5_000);
	return { near, far: (await clock.until(arriving, 1_000)).value as MessageStream };
}

/** Reads and sends all the time. */
function hear(stream: MessageStream, { clock }: World): { readonly read: string[]; sent: string | undefined } {
	const heard: { readonly read: string[]; sent: string | undefined } = { read: [], sent: undefined };
	const words = (error: unknown): string => `${(error as { code: string }).code} ${(error as { closeCode?: number }).closeCode ?? ""}`.trim();
	void (async () => {
		for await (const message of stream) heard.read.push(text(message));
		heard.read.push("end");
	})().catch((error: unknown) => heard.read.push(words(error)));
	void (async () => {
		for (;;) {
			await stream.send("x");
			await new Promise<void>((resolve) => clock.setTimeout(resolve, 50));
		}
	})().catch((error: unknown) => {
		heard.sent = words(error);
	});
	return heard;
}

for (const path of ["direct", "proxied", "to the Coordinator"] as const) {
	for (const resumable of [false, true]) {
		for (const speaker of ["its opener", "the other end"] as const) {
			test(`last words: ${Object.keys(WORDS).join("; ")}: all of it reaches the peer of a ${resumable ? "resumable " : ""}stream, ${path}, though ${speaker} closes everything at once`, async () => {
				for (const [word, { say, read, sent }] of Object.entries(WORDS)) {
					for (const stallMs of [0, 900]) {
						const all = await scene();
						const { world, ann, ben, machines } = all;
						const { clock } = world;
						const { near, far } = await talk(all, path, resumable);
						const [one, other] = speaker === "its opener" ? [near, far] : [far, near];
						await clock.until(one.send("a"), 1_000);
						const heard = hear(other, world);
						await clock.advance(500);
						// What is on its way to the listener stands still, but only there.
						const { coordinatorMachine, coordinator } = world;
						assert.ok(coordinatorMachine && coordinator);
						const [speaking, listening] = speaker === "its opener" ? [machines.ann, machines.ben] : [machines.ben, machines.ann];
						const stalls = path !== "to the Coordinator" && stallMs > 0;
						const meet = stalls ? world.separate(listening, path === "direct" ? speaking : coordinatorMachine) : undefined;
						say(one);
						const closing = one === near ? ann.close() : path === "to the Coordinator" ? coordinator.close() : ben.close();
						clock.setTimeout(() => meet?.(), stallMs);
						await clock.until(closing, 3_500);
						await clock.advance(1_000);
						const about = `${word}, ${stallMs} ms`;
						if (read !== undefined) assert.equal(heard.read.join(" "), read, about);
						if (sent !== undefined) assert.equal(heard.sent, sent, about);
						for (const end of [ann, ben, world.coordinator]) end?.destroy();
						await clock.advance(200_000);
						assert.equal(clock.pending, 0, about);
					}
				}
			});
		}
	}
}

for (const path of ["direct", "proxied", "to the Coordinator"] as const) {
	for (const resumable of [false, true]) {
		test(`last words: a ${resumable ? "resumable " : ""}stream, ${path}, that both ends have closed ends well at either, though the other closes everything as soon as it is over there`, async () => {
			for (const speaker of ["its opener", "the other end"] as const) {
				const there = await scene();
				const { world, ann, ben } = there;
				const { clock } = world;
				const { near, far } = await talk(there, path, resumable);
				const [one, other] = speaker === "its opener" ? [near, far] : [far, near];
				const leave = async () => await (one === near ? ann : path === "to the Coordinator" ? world.coordinator : ben)?.close();
				const all = (async () => {
					for await (const message of one) assert.equal(text(message), "x");
					// The acknowledgement of the other's end is not on its way yet.
					await leave();
				})();
				await clock.until(Promise.all([one.close(), other.receive()]), 1_000);
				assert.equal(other.trySend("x"), true);
				await clock.until(Promise.all([other.close(), all]), 3_500);
				assert.deepEqual([(await clock.until(other.closed, 1_000)).code, (await one.closed).code], [undefined, undefined], speaker);
				for (const end of [ann, ben, world.coordinator]) end?.destroy();
				await clock.advance(200_000);
				assert.equal(clock.pending, 0, speaker);
			}
		});
	}
}

for (const how of ["close", "finish", "close after finish"] as const) {
	test(`last words: everything that a member has sent has its place, and its ${how} counts, though it closes everything at once`, async () => {
		for (const mode of ["send", "both"] as const) {
			const { world, ann, ben, machines } = await scene();
			const { clock } = world;
			const reader = await clock.until(ben.joinBroadcast("news", { mode: "receive" }), 1_000);
			const member = await clock.until(ann.joinBroadcast("news", { mode }), 1_000);
			const events: string[] = [];
			const over = (async () => {
				for await (const event of reader) events.push(event.type === "message" ? text(event.data) : event.type);
				// The last sender has finished.
				events.push("end");
			})();
			for (let number = 0; number < 5; number++) assert.equal(member.trySend(`${number}`), true);
			const meet = world.separate(machines.ann, world.coordinatorMachine as Machine);
			if (how !== "close") void member.finish().catch(() => undefined);
			if (how !== "finish") void member.close().catch(() => undefined);
			const closing = ann.close();
			clock.setTimeout(meet, 900);
			await clock.until(closing, 3_500);
			await clock.until(over, 2_000);
			assert.deepEqual(events, ["0", "1", "2", "3", "4", "end"], mode);
			ben.destroy();
			world.coordinator?.destroy();
			await clock.advance(200_000);
			assert.equal(clock.pending, 0);
		}
	});
}

test("last words: a peer that hears nothing holds a Client up for lingerMs only, and a stream without a connection not at all", async () => {
	for (const how of ["silent", "suspended"] as const) {
		const all = await scene();
		const { world, ann, ben, machines } = all;
		const { clock } = world;
		const path = how === "silent" ? "proxied" : "direct";
		const { near } = await talk(all, path, true);
		if (how === "suspended") {
			await clock.until(ann.channels()[0]?.close() as Promise<void>, 4_000);
			assert.equal(near.suspended, true);
		}
		world.separate(machines.ben, world.coordinatorMachine as Machine);
		near.reset(7);
		near.stop(7);
		const sinceMs = clock.now();
		await clock.until(ann.close(), 3_500);
		const tookMs = clock.now() - sinceMs;
		if (how === "silent") assert.ok(tookMs >= 1_900 && tookMs < 2_500, `${tookMs} ms`);
		else assert.ok(tookMs < 500, `${tookMs} ms`);
		assert.equal((await near.closed).closeCode, 7, "its own words stay what they were");
		ben.destroy();
		world.coordinator?.destroy();
		await clock.advance(200_000);
		assert.equal(clock.pending, 0);
	}
});
