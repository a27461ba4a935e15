/**
 * What becomes of handlers and their streams when a Client or a Coordinator ends.
 */

import assert from "node:assert/strict";
import type { Client } from "../packages/conec/src/client/client.ts";
import type { Coordinator } from "../packages/conec/src/coordinator/coordinator.ts";
import type { ConecError } from "../packages/conec/src/errors.ts";
import type { MessageStream } from "../packages/conec/src/stream/message-stream.ts";
import { declare, type Fabric, nowOf, text, until } from "./entities-world.ts";
import { echoing, endless, failures, isAnswered, scene } from "./protocols-world.ts";

/** Declares the suite. */
export function protocolsEndingSuite(fabric: Fabric): void {
	const it = declare(fabric);

	it("closing tells handlers, waits for those that end, and delivers what they say last", async (t) => {
		const { ways, world } = await scene(t, fabric);
		const opened: { stream: MessageStream; name: string }[] = [];
		const handlers = new Map<Client | Coordinator, AbortSignal[]>();
		for (const { name, taker, open } of ways) {
			if (!handlers.has(taker)) {
				const signals: AbortSignal[] = [];
				handlers.set(taker, signals);
				taker.handle("last-words/1", async (stream, { signal }) => {
					signals.push(signal);
					await new Promise((resolve) => signal.addEventListener("abort", resolve));
					await stream.send("goodbye");
				});
			}
			opened.push({ stream: await open({ protocol: "last-words/1" }), name });
		}
		await until(() => [...handlers.values()].flat().length === ways.length);
		for (const taker of handlers.keys()) {
			const code = taker === world.coordinator ? "COORDINATOR_CLOSED" : "CLIENT_CLOSED";
			const of = opened.filter((_, index) => ways[index]?.taker === taker && ways[index]?.name !== "to itself");
			const closing = taker.close();
			assert.throws(() => taker.handle("late/1", echoing), { code });
			for (const { stream, name } of of) assert.deepEqual([text(await stream.receive()), await stream.receive()], ["goodbye", null], name);
			await closing;
			for (const signal of handlers.get(taker) ?? []) assert.equal((signal.reason as ConecError).code, code);
			assert.throws(() => taker.handle("late/1", echoing), { code });
		}
	});

	it("closing ends in time though handlers never do, and their streams are reset", async (t) => {
		const limits = { closeTimeoutMs: 900, lingerMs: 600 };
		for (const who of ["bob", "the Coordinator"]) {
			const { ways, world, bob } = await scene(t, fabric, { limits }, { limits });
			const taker = who === "bob" ? bob : world.coordinator;
			taker.handle("endless/1", endless);
			taker.handle("deaf/1", echoing);
			const streams: MessageStream[] = [];
			for (const { open } of ways.filter((way) => way.taker === taker)) {
				for (const protocol of ["endless/1", "deaf/1"]) streams.push(await open({ protocol }));
			}
			const told = failures(taker);
			const started = nowOf(fabric);
			await Promise.all([taker.close(), taker.close()]);
			// On the machine's own time it may take as long as the machine likes.
			if (fabric.runtime !== undefined) assert.ok(nowOf(fabric) - started <= limits.closeTimeoutMs, `${who}: ${nowOf(fabric) - started} ms`);
			const code = who === "bob" ? "CLIENT_CLOSED" : "COORDINATOR_CLOSED";
			for (const stream of streams) await assert.rejects(stream.receive(), { code }, who);
			assert.deepEqual(told, [], "what they hear of the closing is not their fault");
		}
	});

	it("destroying does not wait for handlers, and none begins afterwards", async (t) => {
		const { ways, bob, world } = await scene(t, fabric);
		let begun = 0;
		const signals: AbortSignal[] = [];
		for (const taker of [bob, world.coordinator]) {
			taker.handle("endless/1", (stream, context) => {
				begun++;
				signals.push(context.signal);
				return endless(stream, context);
			});
		}
		for (const { open } of ways) await open({ protocol: "endless/1" });
		await until(() => begun === ways.length);
		bob.destroy();
		world.coordinator.destroy();
		assert.ok(signals.every(({ aborted }) => aborted));
		assert.throws(() => bob.handle("late/1", echoing), { code: "CLIENT_CLOSED" });
		await Promise.all([bob.closed, world.coordinator.closed]);
		assert.equal(begun, ways.length);
	});

	it("a Client that has lost its Coordinator goes on handling what comes directly", async (t) => {
		const { world, alice, bob } = await scene(t, fabric, { handlers: { "echo/1": echoing } });
		const channel = await alice.openChannel("bob");
		const before = await channel.openStream({ protocol: "echo/1" });
		world.coordinator.destroy();
		await isAnswered(before, "before");
		bob.handle("late/1", echoing);
		for (const protocol of ["echo/1", "late/1"]) await isAnswered(await channel.openStream({ protocol }), protocol);
		await assert.rejects(channel.openStream({ protocol: "other/1" }), { code: "PROTOCOL_UNHANDLED" });
	});
}
