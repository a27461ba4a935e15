import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "../../testing/world.ts";
import { leavingTimeMs } from "./leaving-time.ts";

test("leaving time: all that is left where handlers took none, else at least two thirds of it, and never less than nothing", () => {
	const cases: [total: number, left: number, leaving: number][] = [
		[3_000, 3_000, 3_000],
		[3_000, 2_900, 2_800],
		[3_000, 1_200, 800],
		[3_000, 0, 0],
		[1, 1, 1],
	];
	for (const [total, left, leaving] of cases) assert.equal(leavingTimeMs(total, left), leaving, `${left} of ${total} ms`);
});

for (const who of ["Client", "Coordinator"] as const) {
	test(`leaving time: a ${who} whose handler and stream take all the time they may still has some for the end of its connections`, async () => {
		const world = new World({ seed: 1, delayMs: 20 });
		const coordinator = await world.clock.until(world.listen(), 1_000);
		const machine = world.machine("ann");
		const [ann, ben] = await world.clock.until(
			Promise.all([world.connect(machine, "ann", { id: "ann" }), world.connect(world.machine("ben"), "ben", { id: "ben" })]),
			1_000,
		);
		const closing = who === "Client" ? ann : coordinator;
		closing.handle("endless/1", () => new Promise(() => undefined));
		const options = { protocol: "endless/1", path: "proxied" } as const;
		await world.clock.until(who === "Client" ? ben.openStream("ann", options) : ben.openCoordinatorStream(options), 1_000);
		// Nobody reads it, so it is never acknowledged.
		const stream = await world.clock.until(closing.openStream("ben", { path: "proxied" }), 1_000);
		for (let i = 0; i < 3; i++) stream.send(new Uint8Array(900_000)).catch(() => undefined);
		stream.close().catch(() => undefined);
		await world.clock.advance(100);
		const transport = (who === "Client" ? machine : world.coordinatorMachine)?.transports[0];
		assert.ok(transport !== undefined);
		const drains: number[] = [];
		const close = transport.close.bind(transport);
		transport.close = (code, reason, drainMs, until) => {
			drains.push(drainMs);
			return close(code, reason, drainMs, until);
		};
		const sinceMs = world.clock.now();
		await world.clock.until(closing.close(), 3_000);
		assert.ok(world.clock.now() - sinceMs < 3_000);
		assert.ok((drains[0] ?? 0) >= 100, `${drains[0]} ms`);
	});
}
