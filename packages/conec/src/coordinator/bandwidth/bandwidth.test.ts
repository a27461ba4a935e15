import assert from "node:assert/strict";
import { test } from "node:test";
import { turn } from "../../../testing/memory/virtual-clock.ts";
import type { Sharing, TransportCloseInfo, TransportConnection } from "../../transport/transport.ts";
import type { Whom } from "../defence/index.ts";
import { Bandwidth } from "./bandwidth.ts";

function sender(id: string, fingerprint: string) {
	const shared: Sharing[] = [];
	let close!: () => void;
	const closed = new Promise<TransportCloseInfo>((resolve) => {
		close = () => resolve({ by: "peer", reason: "" });
	});
	const connection = {
		share: (sharing: Sharing) => void shared.push(sharing),
		remoteAddress: { address: "192.0.2.1", port: 1 },
		closed,
	} as unknown as TransportConnection;
	return { id, fingerprint, connection, shared, close };
}

test("bandwidth: connections of one key count as one sender while one of them lives, and other keys do not", async () => {
	const bandwidth = new Bandwidth({ proxiedBytesPerSecond: 1_000_000 }, () => {});
	const [first, second, other] = [sender("a", "k1"), sender("b", "k1"), sender("c", "k2")];
	for (const one of [first, second, other]) bandwidth.join(one);
	assert.deepEqual(
		[first, second, other].map(({ shared }) => shared[0]?.sharedWith),
		[undefined, first.connection, undefined],
	);
	assert.deepEqual([first.shared[0]?.bytesPerSecond, first.shared[0]?.burstBytes, bandwidth.size], [1_000_000, 1_000_000, 2]);
	first.close();
	await turn();
	const third = sender("d", "k1");
	bandwidth.join(third);
	assert.equal(third.shared[0]?.sharedWith, second.connection);
	for (const one of [second, third, other]) one.close();
	await turn();
	assert.equal(bandwidth.size, 0);
});

test("bandwidth: 256 KiB may go at once, however little may go a second", () => {
	const bandwidth = new Bandwidth({ proxiedBytesPerSecond: 10 }, () => {});
	const one = sender("a", "k");
	bandwidth.join(one);
	assert.equal(one.shared[0]?.burstBytes, 256 * 1_024);
});

test("bandwidth: who is slowed is told with its id, key and address", () => {
	const told: Whom[] = [];
	const bandwidth = new Bandwidth({ proxiedBytesPerSecond: 1_000_000 }, (whom) => told.push(whom));
	const one = sender("a", "k");
	bandwidth.join(one);
	one.shared[0]?.onSlowed?.();
	assert.deepEqual(told, [{ id: "a", fingerprint: "k", address: "192.0.2.1" }]);
});

test("bandwidth: without a bound messages are taken as they come, and nobody waits to be told anything", () => {
	const bandwidth = new Bandwidth({ proxiedBytesPerSecond: 0 }, () => {});
	const one = sender("a", "k");
	bandwidth.join(one);
	assert.deepEqual(one.shared, [{ sharedWith: undefined, bytesPerSecond: 0, burstBytes: 262_144 }]);
	assert.equal(
		bandwidth.taking(one.connection, () => {}),
		undefined,
	);
});
