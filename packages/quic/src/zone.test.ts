import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { Endpoint } from "./index.ts";
import { withZoneNumber } from "./zone.ts";

/** A link-local address of this machine. */
const [link] = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
	(list ?? []).flatMap((one) => (one.family === "IPv6" && one.scopeid > 0 ? [{ name, address: one.address, number: one.scopeid }] : [])),
);

test("zones: numbers and addresses without a zone stay as they are, and an interface that is not there is told", () => {
	for (const address of ["127.0.0.1", "::1", "fe80::1", "fe80::1%3"]) assert.equal(withZoneNumber(address), address);
	for (const address of ["fe80::1%no such interface", "fe80::1%"])
		assert.throws(() => withZoneNumber(address), { name: "QuicError", code: "INVALID_ARGUMENT", message: /no interface of that name/ });
	for (const host of ["fe80::1%nope", "127.0.0.1%1", "fe80::1%1%1"]) assert.throws(() => Endpoint.bind({ host, port: 0 }), { code: "INVALID_ARGUMENT" });
});

test("zones: a datagram goes to a link-local address, with the zone as a name and as a number", {
	skip: link === undefined && "no interface of this machine has a link-local address",
}, async (t) => {
	assert.ok(link !== undefined);
	const { name, address, number } = link;
	assert.equal(withZoneNumber(`${address}%${name}`), `${address}%${number}`);
	const got: number[] = [];
	for (const zone of [name, String(number)]) {
		const to = Endpoint.bind({ host: `${address}%${zone}`, port: 0, rawDatagrams: true });
		const from = Endpoint.bind({ host: "::", port: 0 });
		t.after(() => Promise.all([to.close({ drainMs: 0 }), from.close({ drainMs: 0 })]));
		const heard = new Promise<void>((resolve) => {
			to.onRaw = (data) => {
				got.push(data[0] as number);
				resolve();
			};
		});
		assert.equal(from.sendRaw(Uint8Array.of(7), { address: `${address}%${zone}`, port: to.address.port }), true);
		await heard;
	}
	assert.deepEqual(got, [7, 7]);
});
