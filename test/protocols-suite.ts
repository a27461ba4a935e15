/**
 * Streams that name their protocol, on any transport: they go to its handler, whoever opens them and whichever way they travel.
 */

import assert from "node:assert/strict";
import { censusOfClient } from "../packages/conec/src/client/client.ts";
import { censusOfCoordinator, listenOn } from "../packages/conec/src/coordinator/coordinator.ts";
import type { ConecError } from "../packages/conec/src/errors.ts";
import type { ProtocolHandler } from "../packages/conec/src/index.ts";
import { jsonCodec, typed } from "../packages/conec/src/stream/adapters/index.ts";
import type { MessageStream } from "../packages/conec/src/stream/message-stream.ts";
import { FRAME } from "../packages/conec/src/wire/frames.ts";
import { RESUME } from "../packages/conec/testing/stream-fixture.ts";
import { declare, echo, type Fabric, handler, next, runtimeOf, text, until, utf8, World } from "./entities-world.ts";
import { echoing, endless, failures, finish, isAnswered, scene } from "./protocols-world.ts";

/** Declares the suite. */
export function protocolsSuite(fabric: Fabric): void {
	const it = declare(fabric);

	it("a stream with a protocol goes to its handler, whichever way it comes, and one without to incomingStreams", async (t) => {
		const { ways, bob, world } = await scene(t, fabric);
		const seen: unknown[] = [];
		for (const taker of [bob, world.coordinator]) {
			taker.handle("echo/1", async (stream, context) => {
				seen.push([stream.protocol, stream.peer, stream.path, stream.metadata, context.signal.aborted]);
				await echoing(stream, context);
			});
		}
		for (const { name, taker, open, path, peer } of ways) {
			const stream = await open({ protocol: "echo/1", metadata: { name } });
			assert.deepEqual([stream.protocol, stream.path], ["echo/1", path], name);
			await isAnswered(stream, name);
			assert.deepEqual(seen.pop(), ["echo/1", peer, path, { name }, false], name);
			const [near, far] = await Promise.all([open({}), next(taker.incomingStreams)]);
			assert.deepEqual([near.protocol, far.protocol, far.peer, far.path], [undefined, undefined, peer, path], name);
			await Promise.all([finish(stream), near.close(), far.close()]);
		}
	});

	it("a stream whose protocol nobody handles is PROTOCOL_UNHANDLED, in plain words, and disturbs nobody", async (t) => {
		const { ways, bob, world } = await scene(t, fabric);
		for (const taker of [bob, world.coordinator]) taker.handle("echo/1", echoing);
		for (const { name, open, called } of ways) {
			const bystander = await open({ protocol: "echo/1" });
			await assert.rejects(open({ protocol: "echo/2" }), (error: ConecError) => {
				assert.equal(error.code, "PROTOCOL_UNHANDLED", name);
				assert.ok(error.message.startsWith(`Cannot open ${called}: it handles no protocol "echo/2" (`), error.message);
				return true;
			});
			const early = await open({ protocol: "echo", early: true });
			await assert.rejects(early.receive(), { code: "PROTOCOL_UNHANDLED" }, name);
			assert.deepEqual(await early.closed, { by: "peer", code: "PROTOCOL_UNHANDLED" });
			await isAnswered(bystander, "still here");
			await finish(bystander);
		}
	});

	it("what is opened early reaches the handler with its first messages", async (t) => {
		const { ways, bob, world } = await scene(t, fabric);
		for (const taker of [bob, world.coordinator]) taker.handle("echo/1", echoing);
		for (const { open } of ways) {
			const stream = await open({ protocol: "echo/1", early: true });
			await Promise.all([stream.send("one"), stream.send("two"), stream.close()]);
			const heard: (string | null)[] = [];
			for await (const message of stream) heard.push(text(message));
			assert.deepEqual(heard, ["one", "two"]);
		}
	});

	it("handlers of the options are there before the first stream", async (t) => {
		const world = await World.create(t, fabric, { handlers: { "greet/1": async (stream) => stream.send(`hello, ${stream.peer}`) } });
		const { coordinator } = world;
		// Opened in the moment in which the Coordinator has the Client, which is before the Client has heard its welcome.
		const greeting = (async () => {
			for await (const status of coordinator.status())
				if (status.type === "connected") return await coordinator.openStream("bob", { protocol: "greet/1", early: true });
			return undefined;
		})();
		const bob = await world.connect("bob", { handlers: { "greet/1": async (stream) => stream.send(`welcome, ${stream.peer}`) } });
		const early = await greeting;
		assert.ok(early !== undefined);
		assert.equal(text(await early.receive()), "welcome, null");
		assert.equal(text(await (await bob.openCoordinatorStream({ protocol: "greet/1" })).receive()), "hello, bob");
		assert.throws(() => bob.handle("greet/1", echoing), { code: "OPTION_INVALID" });
	});

	it("a stream is closed when its handler resolves, and stopped where the peer goes on", async (t) => {
		const { ways, bob, world } = await scene(t, fabric);
		for (const taker of [bob, world.coordinator]) {
			taker.handle("one-answer/1", async (stream) => {
				assert.equal(text(await stream.receive()), "question");
				await stream.send("answer");
			});
		}
		for (const { open } of ways) {
			const stream = await open({ protocol: "one-answer/1" });
			await stream.send("question");
			assert.deepEqual([text(await stream.receive()), await stream.receive()], ["answer", null]);
			const info = await stream.closed.then(
				(ended) => ended,
				() => undefined,
			);
			assert.equal(info?.code, "STREAM_STOPPED");
			await assert.rejects(stream.send("another question"), { code: "STREAM_STOPPED", closeCode: 0 });
		}
	});

	it("a handler that returns nothing keeps the stream for the application", async (t) => {
		const { ways, bob, world } = await scene(t, fabric);
		const kept: MessageStream[] = [];
		for (const taker of [bob, world.coordinator]) taker.handle("keep/1", (stream) => void kept.push(stream));
		for (const { open } of ways) {
			const near = await open({ protocol: "keep/1" });
			await until(() => kept.length === 1);
			const far = kept.pop() as MessageStream;
			await near.send("later");
			assert.equal(text(await far.receive()), "later");
			await far.send("much later");
			assert.equal(text(await near.receive()), "much later");
			await Promise.all([near.close(), far.close()]);
			await near.closed;
		}
		assert.equal(censusOfClient(bob).handlers, 0);
	});

	it("a handler that throws or rejects is told once, the peer gets a reset, and the others go on", async (t) => {
		const { ways, bob, world } = await scene(t, fabric);
		const boom = new Error("boom");
		for (const { name, taker, open, peer } of ways) {
			const handlings = [
				taker.handle("echo/1", echoing),
				taker.handle("throws/1", () => {
					throw boom;
				}),
				taker.handle("rejects/1", async (stream) => {
					await stream.receive();
					throw boom;
				}),
			];
			const told = failures(taker);
			const bystander = await open({ protocol: "echo/1" });
			for (const protocol of ["throws/1", "rejects/1"]) {
				// A throw may be as fast as the acceptance.
				const stream = await open({ protocol, early: true });
				await stream.send("go").catch(() => undefined);
				await assert.rejects(stream.receive(), { code: "STREAM_RESET", closeCode: 0 }, `${name} ${protocol}`);
				await until(() => told.length > 0);
				assert.deepEqual(told, [{ type: "handler-failed", protocol, peer, error: boom }], `${name} ${protocol}`);
				told.length = 0;
				await isAnswered(bystander, protocol);
			}
			await finish(bystander);
			assert.deepEqual(told, []);
			for (const handling of handlings) handling.close();
		}
		await until(() => censusOfClient(bob).handlers === 0 && censusOfCoordinator(world.coordinator).handlers === 0);
	});

	it("a handler that resets with a code of its own before it throws says that code to the peer", async (t) => {
		const { ways, bob, world } = await scene(t, fabric);
		for (const taker of [bob, world.coordinator]) {
			taker.handle("teapot/1", async (stream) => {
				await stream.receive();
				stream.reset(418);
				throw new Error("I am a teapot");
			});
		}
		for (const { open } of ways) {
			const stream = await open({ protocol: "teapot/1" });
			await stream.send("coffee, please");
			await assert.rejects(stream.receive(), { code: "STREAM_RESET", closeCode: 418 });
		}
	});

	it("a handler that passes on how its stream broke has not failed, and its signal says the same", async (t) => {
		const { ways, bob, world } = await scene(t, fabric);
		const reasons: unknown[] = [];
		const told = [failures(bob), failures(world.coordinator)];
		let done = 0;
		for (const taker of [bob, world.coordinator]) {
			taker.handle("read/1", async (stream, { signal }) => {
				signal.addEventListener("abort", () => reasons.push((signal.reason as ConecError).code));
				try {
					while ((await stream.receive()) !== null);
				} finally {
					done++;
				}
			});
		}
		for (const [index, { open }] of ways.entries()) {
			const stream = await open({ protocol: "read/1" });
			await stream.send("one");
			stream.reset(7);
			stream.stop(7);
			await until(() => done === index + 1 && reasons.length === index + 1);
		}
		// Either of the two may come first.
		for (const reason of reasons) assert.ok(reason === "STREAM_RESET" || reason === "STREAM_STOPPED", String(reason));
		assert.deepEqual(told, [[], []]);
		await until(() => censusOfClient(bob).handlers === 0);
	});

	it("a protocol is handled once at a time: twice is refused, and again after it was closed is not", async (t) => {
		const { ways, bob, world } = await scene(t, fabric);
		for (const taker of [bob, world.coordinator]) {
			const first = taker.handle("echo/1", echoing);
			assert.equal(first.protocol, "echo/1");
			assert.throws(() => taker.handle("echo/1", echoing), { name: "TypeError", code: "OPTION_INVALID", message: /echo\/1.*already/ });
			first.close();
			const second = taker.handle("echo/1", endless);
			first.close();
			first[Symbol.dispose]();
			assert.throws(() => taker.handle("echo/1", echoing), { code: "OPTION_INVALID" }, "closing what is closed takes nothing away from others");
			second[Symbol.dispose]();
		}
		for (const { open } of ways) await assert.rejects(open({ protocol: "echo/1" }), { code: "PROTOCOL_UNHANDLED" });
	});

	it("a handler taken away while streams open: each opener is told once, and streams that are open go on", async (t) => {
		const { ways } = await scene(t, fabric);
		for (const { name, taker, open } of ways) {
			const handling = taker.handle("echo/1", echoing);
			const before = await open({ protocol: "echo/1" });
			const opening = Array.from({ length: 8 }, () => open({ protocol: "echo/1" }));
			handling.close();
			const outcomes = await Promise.allSettled(opening);
			for (const outcome of outcomes) {
				if (outcome.status === "rejected") {
					assert.equal((outcome.reason as ConecError).code, "PROTOCOL_UNHANDLED", name);
					continue;
				}
				await isAnswered(outcome.value, "in time");
				await finish(outcome.value);
			}
			await isAnswered(before, "from before");
			await finish(before);
			await assert.rejects(open({ protocol: "echo/1" }), { code: "PROTOCOL_UNHANDLED" });
		}
	});

	it("a thousand protocols, each with its own handler", async (t) => {
		const { ways, bob, world } = await scene(t, fabric);
		for (const taker of [bob, world.coordinator])
			for (let number = 0; number < 1_000; number++) taker.handle(`number/${number}`, async (stream) => stream.send(`${number}`));
		for (const { open } of ways) {
			for (const number of [0, 1, 500, 999]) assert.equal(text(await (await open({ protocol: `number/${number}` })).receive()), `${number}`);
			await assert.rejects(open({ protocol: "number/1000" }), { code: "PROTOCOL_UNHANDLED" });
		}
	});

	it("handlers that run, and protocols, are bounded; a stream waits until its handler may run", async (t) => {
		const world = await World.create(t, fabric, { limits: { runningHandlers: 2 } });
		const alice = await world.connect("alice");
		const bob = await world.connect("bob", { limits: { runningHandlers: 2, protocols: 1, incomingStreams: 0 } });
		let release: () => void = () => undefined;
		const held = new Promise<void>((resolve) => {
			release = resolve;
		});
		for (const taker of [bob, world.coordinator]) taker.handle("wait/1", () => held);
		const waits: Promise<MessageStream>[] = [];
		assert.throws(() => bob.handle("another/1", echoing), { name: "ConecError", code: "LIMIT_EXCEEDED" });
		for (const open of [() => alice.openStream("bob", { protocol: "wait/1" }), () => alice.openCoordinatorStream({ protocol: "wait/1" })]) {
			const [first] = await Promise.all([open(), open()]);
			// The handler has not ended only because its stream has.
			first?.reset();
			first?.stop();
			await first?.closed;
			waits.push(open());
		}
		await until(() => censusOfClient(bob).waiting === 1 && censusOfCoordinator(world.coordinator).waiting === 1);
		assert.deepEqual([censusOfClient(bob).handlers, censusOfCoordinator(world.coordinator).handlers], [2, 2]);
		release();
		for (const stream of await Promise.all(waits)) assert.equal(await stream.receive(), null);
		await until(() => censusOfClient(bob).handlers === 0 && censusOfCoordinator(world.coordinator).handlers === 0);
		for (const stream of [await alice.openStream("bob", { protocol: "wait/1" }), await alice.openCoordinatorStream({ protocol: "wait/1" })])
			assert.equal(await stream.receive(), null);
	});

	it("typed streams know their protocol, at both ends", async (t) => {
		const { ways, bob, world } = await scene(t, fabric);
		for (const taker of [bob, world.coordinator]) {
			taker.handle("sum/1", async (stream) => {
				const numbers = typed(stream, jsonCodec<number[]>());
				assert.equal(numbers.protocol, "sum/1");
				for await (const list of numbers) await numbers.send([list.reduce((sum, one) => sum + one, 0)]);
			});
		}
		for (const { open } of ways) {
			const numbers = typed(await open({ protocol: "sum/1" }), jsonCodec<number[]>());
			assert.equal(numbers.protocol, "sum/1");
			await numbers.send([1, 2, 3]);
			assert.deepEqual(await numbers.receive(), [6]);
			await numbers.close();
		}
	});

	it("names that are none, and handlers that are no functions, are refused at once", async (t) => {
		const { ways, bob, world } = await scene(t, fabric);
		const wrong = ["", "x".repeat(65), "Chat/1", "a b", "a_b", "ü", "a\n", 7, null, {}, ["a"], true] as unknown[] as string[];
		for (const name of wrong) {
			for (const { open } of ways) await assert.rejects(open({ protocol: name }), { name: "TypeError", code: "OPTION_INVALID" }, JSON.stringify(name));
			for (const taker of [bob, world.coordinator]) assert.throws(() => taker.handle(name, echoing), { name: "TypeError", code: "OPTION_INVALID" });
		}
		for (const what of [undefined, null, {}, "echo", 7] as unknown[] as ProtocolHandler[])
			for (const taker of [bob, world.coordinator]) assert.throws(() => taker.handle("a", what), { name: "TypeError", code: "OPTION_INVALID" });
		const handlers: unknown[] = [
			{ A: echoing },
			{ a: 7 },
			{ a: null },
			[echoing],
			new Map([["a", echoing]]),
			echoing,
			"a",
			null,
			{ __proto__: { a: echoing } },
		];
		for (const given of handlers) {
			const options = { handlers: given as Record<string, ProtocolHandler> };
			await assert.rejects(world.connect("carol", options), { name: "TypeError", code: "OPTION_INVALID" });
			await assert.rejects(listenOn(runtimeOf(fabric), { port: 0, ...options }), { name: "TypeError", code: "OPTION_INVALID" });
		}
		const many = { limits: { protocols: 1 }, handlers: { a: echoing, b: echoing } };
		await assert.rejects(world.connect("carol", many), { name: "RangeError", code: "OPTION_INVALID" });
		const carol = await world.connect("carol", { ...many, handlers: { a: echoing, b: undefined as unknown as ProtocolHandler } });
		assert.equal(carol.id, "carol");
	});

	it("an OPEN whose protocol is none is answered with PROTOCOL_ERROR, and the connection goes on", async (t) => {
		const world = await World.create(t, fabric);
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob", { handlers: { "echo/1": echoing } })]);
		echo(alice);
		world.coordinator.handle("echo/1", echoing);
		const { connection } = await world.enter("mallory");
		const ask = (payload: Uint8Array): Promise<string> =>
			new Promise((resolve) => {
				connection.openStream(
					{ kind: FRAME.OPEN, payload },
					handler({
						frame: (kind, answer) => resolve(kind === FRAME.REJECT ? JSON.parse(text(answer) ?? "").code : `${kind}`),
						reset: (code) => resolve(`reset ${code}`),
					}),
				);
			});
		const wrong: unknown[] = [
			"",
			"x".repeat(65),
			"x".repeat(10_000),
			"Echo/1",
			"echo 1",
			"echo/1\n",
			"echo/1\0",
			"écho",
			7,
			null,
			true,
			{},
			["echo/1"],
			{ toString: "echo/1" },
		];
		for (const protocol of wrong) {
			assert.equal(await ask(utf8(JSON.stringify({ id: 1, protocol }))), "PROTOCOL_ERROR", JSON.stringify(protocol).slice(0, 80));
			assert.equal(await ask(utf8(JSON.stringify({ to: "bob", id: 1, protocol }))), "PROTOCOL_ERROR", JSON.stringify(protocol).slice(0, 80));
		}
		const resume = `"resume":${JSON.stringify(RESUME)},`;
		for (const to of ["", '"to":"bob",']) {
			assert.equal(await ask(utf8(`{${to}${resume}"id":1,"protocol":"echo/2"}`)), "PROTOCOL_UNHANDLED");
			assert.equal(await ask(utf8(`{${to}${resume}"id":1,"protocol":"echo/1"}`)), `${FRAME.RESUMABLE}`);
			assert.equal(await ask(utf8(`{${to}${resume}"id":1,"__proto__":{"protocol":"echo/2"}}`)), `${FRAME.RESUMABLE}`, "what is on a prototype is no field");
			for (const name of ["constructor", "tostring", "hasownproperty"])
				assert.equal(await ask(utf8(`{${to}${resume}"id":1,"protocol":"${name}"}`)), "PROTOCOL_UNHANDLED", "no handler comes from a prototype");
		}
		const bystander = await bob.openStream("alice");
		await isAnswered(bystander, "undisturbed");
		connection.close(0, "");
	});

	it("a handler may do anything: close its Client, open streams, take itself away", async (t) => {
		const { alice, bob, world } = await scene(t, fabric);
		const own = bob.handle("once/1", async (stream) => {
			own.close();
			const back = await bob.openStream("alice", { protocol: "back/1", path: "proxied" });
			await back.send("from the handler");
			await back.close();
			await stream.send("done");
		});
		const heard: (string | null)[] = [];
		alice.handle("back/1", async (stream) => {
			for await (const message of stream) heard.push(text(message));
		});
		bob.handle("leave/1", () => void bob.close());
		const carol = await world.connect("carol");
		carol.handle("vanish/1", () => carol.destroy());
		const once = await alice.openStream("bob", { protocol: "once/1" });
		assert.deepEqual([text(await once.receive()), await once.receive()], ["done", null]);
		assert.deepEqual(heard, ["from the handler"]);
		await assert.rejects(alice.openStream("bob", { protocol: "once/1" }), { code: "PROTOCOL_UNHANDLED" });
		await alice.openStream("bob", { protocol: "leave/1", early: true });
		await alice.openStream("carol", { protocol: "vanish/1", early: true });
		await Promise.all([bob.closed, carol.closed]);
		await until(() => world.coordinator.clientCount === 1);
	});
}
