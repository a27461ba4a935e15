import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveClientOptions } from "../packages/conec/src/client/options.ts";
import { denyList, resolveCoordinatorOptions } from "../packages/conec/src/coordinator/options.ts";
import { checkOpenStreamOptions, survivesMs } from "../packages/conec/src/session/open-stream-options.ts";

const fine = { id: "a", coordinator: "localhost" };
const wrongType = { name: "TypeError", code: "OPTION_INVALID" };
const wrongRange = { name: "RangeError", code: "OPTION_INVALID" };

test("options: defaults are filled in", () => {
	const client = resolveClientOptions({ ...fine, pin: "0".repeat(64) });
	assert.deepEqual(client.coordinators, [{ host: "localhost", port: 1719 }]);
	assert.deepEqual([client.localAddress, client.family, client.keepAliveIntervalMs, client.keyLog, client.congestion], ["::", 0, 5_000, false, "cubic"]);
	assert.equal(resolveClientOptions({ ...fine, localAddress: "127.0.0.1" }).family, 4);
	assert.equal(resolveClientOptions({ ...fine, keepAliveIntervalMs: 0 }).keepAliveIntervalMs, 0);
	assert.deepEqual(resolveClientOptions({ ...fine, coordinator: "a:7", address: "10.0.0.1" }).address, { address: "10.0.0.1", port: 7 });
	const coordinator = resolveCoordinatorOptions({});
	assert.deepEqual(
		[coordinator.host, coordinator.port, coordinator.names, coordinator.retry, coordinator.congestion],
		["::", 1719, ["localhost"], "under-load", "cubic"],
	);
	for (const congestion of ["cubic", "bbr"] as const) {
		assert.equal(resolveClientOptions({ ...fine, congestion }).congestion, congestion);
		assert.equal(resolveCoordinatorOptions({ congestion }).congestion, congestion);
	}
});

test("options: what is unknown, of the wrong type or out of range is refused, undefined is absent", () => {
	const cases: [unknown, object][] = [
		[null, wrongType],
		[{ ...fine, Pin: "x" }, wrongType],
		[{ ...fine, toString: "x" }, wrongType],
		[{ ...fine, pin: 7 }, wrongType],
		[{ ...fine, pin: "sha256:12" }, wrongType],
		[{ ...fine, pin: ["0".repeat(64), 7] }, wrongType],
		[{ ...fine, ca: 7 }, wrongType],
		[{ ...fine, ca: "nothing" }, { code: "CERTIFICATE_INVALID" }],
		[{ ...fine, certificate: "x" }, wrongType],
		[{ ...fine, localAddress: "localhost" }, wrongType],
		[{ ...fine, keepAliveIntervalMs: -1 }, wrongRange],
		[{ ...fine, keepAliveIntervalMs: "1" }, wrongType],
		[{ ...fine, keyLog: 1 }, wrongType],
		[{ ...fine, congestion: "newreno" }, wrongRange],
		[{ ...fine, congestion: "BBR" }, wrongRange],
		[{ ...fine, congestion: "" }, wrongRange],
		[{ ...fine, congestion: true }, wrongType],
		[{ ...fine, congestion: null }, wrongType],
		[{ ...fine, signal: {} }, wrongType],
		[{ ...fine, metadata: { f: () => 1 } }, wrongType],
		[{ ...fine, limits: { messageBytes: 0 } }, wrongRange],
		[
			{ ...fine, limits: { leases: 5 } },
			{ ...wrongType, message: /"limits\.leases" is a limit of the Coordinator; a Client has no such limit/ },
		],
		[{ ...fine, limits: { message: 5 } }, wrongType],
		[{ ...fine, coordinator: "a b" }, wrongType],
		[{ coordinator: "a" }, { name: "TypeError", code: "ID_INVALID" }],
		[
			{ ...fine, id: "A" },
			{ name: "TypeError", code: "ID_INVALID" },
		],
	];
	for (const [options, error] of cases) assert.throws(() => resolveClientOptions(options as never), error, JSON.stringify(options));
	resolveClientOptions({ ...fine, metadata: undefined, keyLog: undefined } as never);
	for (const [options, error] of [
		[{ port: 1.5 }, wrongRange],
		[{ port: 65_536 }, wrongRange],
		[{ port: "1" }, wrongType],
		[{ host: "localhost" }, wrongType],
		[{ names: "localhost" }, wrongType],
		[{ retry: "sometimes" }, wrongRange],
		[{ congestion: "reno" }, wrongRange],
		[{ congestion: 1 }, wrongType],
		[{ privateKey: "x" }, wrongType],
		[{ limits: { requests: 5 } }, { ...wrongType, message: /"limits\.requests" is a limit of a Client; the Coordinator has no such limit/ }],
		[{ limits: { lease: 5 } }, { ...wrongType, message: /did you mean "leases"/ }],
		[{ deny: "x" }, wrongType],
	] as const) {
		assert.throws(() => resolveCoordinatorOptions(options as never), error, JSON.stringify(options));
	}
	assert.throws(() => denyList(["x"]), wrongType);
	assert.deepEqual([...denyList([`SHA256:${"A".repeat(64)}`])], [`sha256:${"a".repeat(64)}`]);
});

test("options: of a stream", () => {
	for (const priority of [-100, 0, 100]) checkOpenStreamOptions({ priority }, 10);
	checkOpenStreamOptions({ path: "auto", id: 0, metadata: null, early: true, signal: new AbortController().signal }, 10);
	for (const resumable of [true, false, {}, { forMs: 1 }, { forMs: 86_400_000 }, { forMs: undefined }]) checkOpenStreamOptions({ resumable } as never, 10);
	assert.deepEqual(
		[{}, { resumable: false }, { resumable: true }, { resumable: {} }, { resumable: { forMs: 5 } }].map((options) => survivesMs(options)),
		[undefined, undefined, 60_000, 60_000, 5],
	);
	for (const [options, error] of [
		[{ resumable: "yes" }, wrongType],
		[{ resumable: null }, wrongType],
		[{ resumable: 60_000 }, wrongType],
		[{ resumable: { forMs: 0 } }, wrongRange],
		[{ resumable: { forMs: 1.5 } }, wrongRange],
		[{ resumable: { forMs: 86_400_001 } }, wrongRange],
		[{ resumable: { forMs: "60" } }, wrongType],
		[{ resumable: { for: 5 } }, { ...wrongType, message: 'There is no option "for"' }],
		[{ path: "fast" }, wrongRange],
		[{ id: 2 ** 32 }, wrongRange],
		[{ id: 0.5 }, wrongRange],
		[{ id: "1" }, wrongType],
		[{ early: "yes" }, wrongType],
		[{ priority: 101 }, wrongRange],
		[{ priority: -101 }, wrongRange],
		[{ priority: 0.5 }, wrongRange],
		[{ priority: Number.NaN }, wrongRange],
		[{ priority: "1" }, wrongType],
		[{ metadata: "12345678901" }, wrongType],
		[{ metadata: Number.NaN }, wrongType],
		[{ metadata: ["\ud800"] }, { ...wrongType, message: 'Option "metadata" has half of a surrogate pair in a string' }],
		[{ metadata: { "\uffff": 1 } }, { ...wrongType, message: 'Option "metadata" has a noncharacter of Unicode in a string' }],
		[{ metadata: 2 ** 53 }, { ...wrongType, message: 'Option "metadata" has a number beyond 2^53 - 1' }],
	] as const) {
		assert.throws(() => checkOpenStreamOptions(options as never, 10), error, JSON.stringify(options));
	}
});
