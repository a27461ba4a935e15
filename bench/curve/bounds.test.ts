import assert from "node:assert/strict";
import { test } from "node:test";
import { lossBound, windowBound } from "./bounds.ts";

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
