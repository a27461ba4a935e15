import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveLimits } from "../../packages/conec/src/index.ts";
import { lineBound, lossBound, windowBound } from "./bounds.ts";
import { QUIC_STREAM_WINDOW, STREAM_WINDOW } from "./limits.ts";

const near = (value: number, wanted: number): void => assert.ok(Math.abs(value / wanted - 1) < 0.01, `${value} is not about ${wanted}`);

test("curve bounds: a window goes once in a round trip, and small messages fill it with what they count beside their bytes", () => {
	near(windowBound(2_097_152, 1_048_576, 100), 20.97);
	near(windowBound(2_097_152, 1_048_576, 20), 104.9);
	near(windowBound(2_097_152, 64, 100), 10.49);
	near(windowBound(2_097_152, 16, 100), 4.19);
});

test("curve bounds: losses bound by Reno on short lines, and by CUBIC on long ones", () => {
	// 12.2 packets of 1,400 bytes in 20 ms (Mathis et al.).
	near(lossBound({ rttMs: 20, lossPercent: 1 }), 0.857);
	near(lossBound({ rttMs: 100, lossPercent: 1 }), 0.1715);
	// RFC 9438, table 1: at 100 ms and a loss of 10^-5 CUBIC has 1,054 / 10^(0.75) ... packets, Reno 387.
	near((lossBound({ rttMs: 100, lossPercent: 0.001 }) * 1e6 * 0.1) / 1_400, 1.0537 * (0.1 / 1e-5) ** 0.75);
});

test("curve bounds: the least of them holds a stream back, and has its name", () => {
	const of = (rttMs: number, lossPercent: number, path: "direct" | "proxied", size: number) => lineBound({ rttMs, lossPercent }, path, size);
	near(of(100, 0, "direct", 65_536)?.value ?? 0, 5.24);
	assert.match(of(100, 0, "direct", 65_536)?.what ?? "", /quicStreamWindowBytes/);
	assert.equal(of(100, 0, "proxied", 65_536)?.value, of(100, 0, "direct", 65_536)?.value, "one window after the other");
	// Small messages fill the window of the stream first, which is between the ends.
	near(of(100, 0, "proxied", 16)?.value ?? 0, 2.097);
	assert.match(of(100, 0, "proxied", 16)?.what ?? "", /`streamWindowBytes`/);
	assert.match(of(20, 1, "direct", 65_536)?.what ?? "", /congestion controller/);
	assert.equal(of(0, 0, "direct", 16), undefined);
});

test("curve bounds: the windows are those that are there by default", () => {
	const { streamWindowBytes, quicStreamWindowBytes } = resolveLimits({}, "client");
	assert.deepEqual([STREAM_WINDOW, QUIC_STREAM_WINDOW], [streamWindowBytes, quicStreamWindowBytes]);
});
