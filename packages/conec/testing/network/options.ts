/**
 * Options of a test network, and of the Clients and the Coordinator in it.
 *
 * @module
 */

import { checkOptions } from "#conec/base/check-options";
import type { ClientOptions } from "#conec/client/options";
import type { CoordinatorOptions } from "#conec/coordinator/options";
import { argumentError } from "#conec/errors";
import type { TimeMode } from "./time.ts";

/** How a test network begins. */
export interface TestNetworkOptions {
	/**
	 * How time passes.
	 * - `"auto"`: whenever the program waits, time jumps to the next timer. A deadline of ten seconds takes no time.
	 * - `"manual"`: the same, but only in `advance` and `run`, and while `connect` and `listen` work.
	 * - `"real"`: the machine's own time, for programs that also wait for other things than the network.
	 *
	 * @default "auto"
	 */
	readonly time?: TimeMode;
	/** A whole number from which all randomness of the network comes. The same seed gives the same run. @default 1 */
	readonly seed?: number;
	/** How long everything travels one way, in milliseconds, at most 60,000. @default 0 */
	readonly delayMs?: number;
	/** A random time from 0 to this comes on top of `delayMs`, in milliseconds, at most 60,000. Within one connection the order stays. @default 0 */
	readonly jitterMs?: number;
	/** How many bytes of one direction of one stream may be on their way or unread, at least 1. @default `limits.quicStreamWindowBytes` of the receiver */
	readonly windowBytes?: number;
	/** The date at the beginning, in milliseconds since 1970. It counts for the dates of certificates and for times that are shown. @default the machine's */
	readonly startMs?: number;
}

/** The options of `Coordinator.listen`, without those of real sockets, files and TLS. */
export type TestCoordinatorOptions = Omit<CoordinatorOptions, (typeof NOT_FOR_COORDINATORS)[number]>;

/** The options of `Client.connect`, without those of real sockets and TLS. */
export type TestClientOptions = Omit<ClientOptions, "coordinator" | (typeof NOT_FOR_CLIENTS)[number]> & {
	/** "host" or "host:port". Every host leads to the network's Coordinator. The port must be right. @default where the Coordinator listens */
	readonly coordinator?: string | readonly string[];
};

const NOT_FOR_COORDINATORS = ["host", "natTestPort", "retry", "congestion", "keyLog", "stateDirectory"] as const;
const NOT_FOR_CLIENTS = ["address", "localAddress", "localPort", "portMapping", "retry", "congestion", "keepAliveIntervalMs", "keyLog"] as const;

/** Checked options, with defaults. */
export type ResolvedNetworkOptions = Required<Omit<TestNetworkOptions, "windowBytes">> & Pick<TestNetworkOptions, "windowBytes">;

/** Checks options and fills in defaults. Throws TypeError or RangeError `OPTION_INVALID`. */
export function resolveNetworkOptions(options: TestNetworkOptions): ResolvedNetworkOptions {
	checkOptions(options, {
		time: ["auto", "manual", "real"],
		seed: "integer",
		delayMs: "integer",
		jitterMs: "integer",
		windowBytes: "integer",
		startMs: "integer",
	});
	const { time = "auto", seed = 1, delayMs = 0, jitterMs = 0, windowBytes, startMs = Date.now() } = options;
	if (!Number.isSafeInteger(seed)) throw argumentError("range", "OPTION_INVALID", `Option "seed" must be a whole number, not ${String(seed)}`);
	checkRange("delayMs", delayMs, 0, MAX_DELAY_MS);
	checkRange("jitterMs", jitterMs, 0, MAX_DELAY_MS);
	checkRange("startMs", startMs, 0, MAX_DATE_MS);
	if (windowBytes !== undefined) checkRange("windowBytes", windowBytes, 1, Number.MAX_SAFE_INTEGER);
	if (time === "real" && options.startMs !== undefined)
		throw argumentError("type", "OPTION_INVALID", `Option "startMs" does nothing with time: "real". Leave it out`);
	return { time, seed, delayMs, jitterMs, startMs, ...(windowBytes === undefined ? {} : { windowBytes }) };
}

/** Throws TypeError `OPTION_INVALID` for what does nothing in a test network. The library checks the rest. */
export function checkCoordinatorOptions(options: TestCoordinatorOptions): void {
	refuse(options, NOT_FOR_COORDINATORS);
}

/** Throws TypeError `OPTION_INVALID` for what does nothing in a test network. The library checks the rest. */
export function checkClientOptions(options: TestClientOptions): void {
	refuse(options, NOT_FOR_CLIENTS);
}

function refuse(options: unknown, names: readonly string[]): void {
	if (typeof options !== "object" || options === null) throw argumentError("type", "OPTION_INVALID", "Options must be an object");
	for (const name of names)
		if ((options as Record<string, unknown>)[name] !== undefined)
			throw argumentError("type", "OPTION_INVALID", `Option ${JSON.stringify(name)} does nothing in a test network${HINTS[name] ?? ""}. Leave it out.`);
}

const HINTS: Readonly<Record<string, string>> = {
	stateDirectory: ": the Coordinator's key is the same each time it listens, and its leases are gone when it stops",
	host: ": the Coordinator is at every host name",
};

function checkRange(name: string, value: number, least: number, most: number): void {
	if (!(value >= least && value <= most))
		throw argumentError("range", "OPTION_INVALID", `Option ${JSON.stringify(name)} must be ${least} to ${most}, not ${String(value)}`);
}

const MAX_DELAY_MS = 60_000;
/** The end of the year 9999. */
const MAX_DATE_MS = 253_402_300_799_999;
