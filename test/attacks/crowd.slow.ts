/**
 * A thousand honest Clients behind one address, with real packets: from a network namespace if this may make one, so that the address is none of
 * loopback, which some limits exempt. `test/honest-crowd.test.ts` does the same on a network in memory.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Child } from "./child.ts";
import type { CrowdFigures } from "./children/crowd.ts";
import { placeFor } from "./place.ts";

const PROCESSES = 2;
const EACH = 500;
const STREAMS = 10;
/** So long that no machine is too slow for it. */
const PATIENCE_MS = 240_000;

test("1,000 honest Clients behind one address connect, join one broadcast and open 10 streams each, and are not taken for an attack", {
	timeout: 2 * PATIENCE_MS,
}, async (t) => {
	const place = placeFor("one /24");
	t.after(() => place.remove());
	t.diagnostic(place.real ? `they come from ${place.sources?.[0]}` : `they come from ${place.sources?.[0]}: loopback, which some limits exempt`);
	const start = (role: string, within: readonly string[]): Child => {
		const child = Child.start(role, { within });
		t.after(() => child.stop());
		return child;
	};
	const coordinator = start("coordinator", []);
	const { port, fingerprint } = await coordinator.call<{ port: number; fingerprint: string }>("listen", { host: "::" });
	await coordinator.call("begin");
	const crowds = Array.from({ length: PROCESSES }, () => start("crowd", place.within));
	const where = { coordinator: `localhost:${port}`, address: `${place.address}:${port}`, pin: fingerprint, localAddress: place.sources?.[0] };
	const limits = { requestTimeoutMs: PATIENCE_MS / 2, openSilenceMs: 60_000 };
	const came = await Promise.all(
		crowds.map((crowd, index) => crowd.call<CrowdFigures>("come", { ...where, limits, first: index * EACH, count: EACH, streams: STREAMS }, PATIENCE_MS)),
	);
	for (const { connected, joined, echoed, failed, connectSeconds, seconds } of came) {
		t.diagnostic(`${connected} connected in ${connectSeconds.toFixed(1)} s, ${joined} joined, ${echoed} streams, ${seconds.toFixed(1)} s in all`);
		assert.deepEqual({ connected, joined, echoed, failed }, { connected: EACH, joined: EACH, echoed: EACH * STREAMS, failed: {} });
	}
	const figures = await coordinator.call<{ clientCount: number; refused: object; defence: Readonly<Record<string, number>> }>("figures");
	assert.equal(figures.clientCount, PROCESSES * EACH);
	assert.deepEqual(figures.refused, {});
	assert.deepEqual(
		Object.values(figures.defence).filter((times) => times > 0),
		[],
		JSON.stringify(figures.defence),
	);
	assert.deepEqual(await Promise.all(crowds.map((crowd) => crowd.call<number>("ended"))), [0, 0]);
});
