/** The further sockets of the birthday method: whatever ends an attempt closes them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { rig, tokenOf } from "../../../testing/direct-fixture.ts";
import { until } from "../../../testing/until.ts";
import { ConecError } from "../../errors.ts";
import { BIRTHDAY_SOCKETS } from "../punch/birthday.ts";

const T1 = tokenOf(1);
const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === "UDPWrap").length;

test("direct: the 256 sockets of the birthday method are closed whatever ends the attempt, also before they are open", async (t) => {
	for (const end of ["nobody comes", "cancelled", "destroyed", "destroyed at once", "a channel"]) {
		const world = await rig(t, { birthday: true });
		const bob = await world.peer("bob");
		world.hear(bob.ask(T1));
		await world.clock.advance(0);
		const nat = { mapping: "independent", filtering: "by-port" } as const;
		world.hear(bob.go(T1, { birthday: "hard", nat, candidates: [{ ...bob.transport.address, kind: "reflexive", packets: 576 }] }));
		if (end !== "destroyed at once") {
			await until(() => sockets() === BIRTHDAY_SOCKETS, { timeoutMs: 60_000 });
			await world.clock.advance(500);
		}
		// A second attempt at the same time does without.
		const eve = await world.peer("eve");
		world.hear(eve.ask(tokenOf(2)));
		await world.clock.advance(0);
		world.hear(eve.go(tokenOf(2), { birthday: "hard", nat }));
		await world.clock.advance(0);
		assert.ok(sockets() <= BIRTHDAY_SOCKETS);
		if (end === "cancelled") world.hear({ type: "channel-cancelled", token: T1, reason: "left" });
		if (end.startsWith("destroyed")) world.direct.destroy(new ConecError("CLIENT_CLOSED", "enough"));
		if (end === "a channel") assert.equal((await bob.greet(T1)).messages[0]?.["type"], "welcome");
		if (end === "nobody comes") await world.clock.advance(20_000);
		await new Promise((resolve) => setTimeout(resolve, 20));
		await until(() => sockets() === 0, { timeoutMs: 60_000 });
		world.direct.destroy(new ConecError("CLIENT_CLOSED", "the end"));
		await world.assertEmpty();
	}
});
