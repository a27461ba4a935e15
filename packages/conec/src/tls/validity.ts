/**
 * From when until when a certificate is valid.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import { type Clock, systemClock } from "../base/clock.ts";
import { ConecError } from "../errors.ts";

/** Milliseconds since 1970, both inclusive. */
export interface Validity {
	readonly fromMs: number;
	readonly toMs: number;
}

/** Reads the dates of a DER certificate. Throws `CERTIFICATE_INVALID`. */
export function readValidity(der: Uint8Array): Validity {
	let certificate: X509Certificate;
	try {
		certificate = new X509Certificate(der);
	} catch (cause) {
		throw new ConecError("CERTIFICATE_INVALID", "Cannot read certificate: its dates cannot be read", { cause });
	}
	// The last second counts in full (RFC 5280, 4.1.2.5).
	return { fromMs: Date.parse(certificate.validFrom), toMs: Date.parse(certificate.validTo) + 999 };
}

/** What is needed of a clock; replaced in tests. */
export interface ExpiryClock {
	/** Milliseconds since 1970. */
	now(): number;
	readonly setTimeout: (callback: () => void, delayMs: number) => () => void;
}

/**
 * Calls back once the time has come, by the wall clock, which may be set meanwhile: it is looked at again every hour at
 * the latest. Keeps no process alive.
 *
 * @returns cancels it
 */
export function atTime(timeMs: number, callback: () => void, clock: ExpiryClock = expiryClock(systemClock)): () => void {
	let cancel: () => void = () => undefined;
	const wait = (): void => {
		const left = timeMs - clock.now();
		cancel = left < 0 ? clock.setTimeout(callback, 0) : clock.setTimeout(wait, Math.min(left + 1, LOOK_AGAIN_MS));
	};
	wait();
	return () => cancel();
}

const LOOK_AGAIN_MS = 3_600_000;

/** The wall time of a clock. Timers of the machine keep no process alive. */
export function expiryClock(clock: Clock): ExpiryClock {
	return {
		now: () => clock.wallMs(),
		setTimeout: (callback, delayMs) => {
			const timer = clock.setTimeout(callback, delayMs);
			(timer as Partial<NodeJS.Timeout> | undefined)?.unref?.();
			return () => clock.clearTimeout(timer);
		},
	};
}
