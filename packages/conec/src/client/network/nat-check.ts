/**
 * What kind of NAT is in front of this Client's socket (RFC 4787), found with the Coordinator's second port.
 *
 * Mapping: another destination that sees another port means a symmetric NAT, and ports that follow each other one that can
 * be predicted. Filtering: whether a datagram from a port that nobody here has sent to gets in.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { deferred } from "../../base/signals.ts";
import type { SocketAddress } from "../../transport/transport.ts";
import type { NatReport } from "../../wire/channel-messages.ts";

/** What a check needs of its Client. */
export interface NatCheckHost {
	/** As the Coordinator sees this Client. */
	readonly observed: SocketAddress;
	/** Addresses of this Client's own socket. */
	readonly hosts: readonly SocketAddress[];
	/** Round trip to the Coordinator. */
	readonly rttMs: number;
	readonly clock: Clock;
	/** Sends an echo request to the second port. */
	sendEcho(): void;
	/** Asks for a datagram from a third port. */
	askForTest(): void;
}

/** A running or finished check. */
export interface NatCheck {
	/** What is known by now. */
	readonly report: NatReport;
	/** Resolves when all is known of the NAT that will be; never rejects. */
	readonly done: Promise<void>;
	/** Resolves when it is known whether the second port answers, not earlier than {@link done}; `undefined` if the check is given up. Never rejects. */
	readonly answered: Promise<boolean | undefined>;
	/** Whether the second port has answered by now, be it late. */
	readonly heard: boolean;
	/** The second port has seen this Client at `address`. */
	echoed(address: SocketAddress): void;
	/** A datagram from the third port has come in. */
	tested(): void;
	/** Gives it up. */
	stop(): void;
}

/** Nothing is known: there is no second port. */
export const NAT_UNKNOWN: NatReport = { mapping: "unknown", filtering: "unknown" };

/** Starts a check; it takes a few round trips, at most about a second. */
export function checkNat(host: NatCheckHost): NatCheck {
	const { observed, hosts, rttMs, clock } = host;
	const outside = hosts.some((own) => own.address === observed.address && own.port === observed.port);
	let report: NatReport = { mapping: outside ? "none" : "unknown", filtering: "unknown" };
	const timers = new Set<unknown>();
	const later = (callback: () => void, delayMs: number): void => {
		const timer = clock.setTimeout(() => {
			timers.delete(timer);
			callback();
		}, delayMs);
		timers.add(timer);
	};
	const { promise: mapped, resolve: resolveMapped } = deferred<void>();
	const { promise: filtered, resolve: resolveFiltered } = deferred<void>();
	const { promise: answered, resolve: resolveAnswered } = deferred<boolean | undefined>();
	let answers = false;
	const patienceMs = Math.max(MIN_PATIENCE_MS, 2 * rttMs);
	const ask = (times: number): void => {
		host.sendEcho();
		later(() => {
			if (answers) return;
			if (times > 1) return ask(times - 1);
			resolveMapped();
			resolveAnswered(false);
		}, patienceMs);
	};
	host.askForTest();
	// Once more, as a datagram that is lost would look like a filter.
	later(() => (report.filtering === "unknown" ? host.askForTest() : undefined), patienceMs / 2);
	later(() => {
		if (report.filtering === "unknown") report = { ...report, filtering: "by-port" };
		resolveFiltered();
	}, patienceMs);
	// Also without a NAT: silence shows a network that lets out only some ports.
	ask(ECHO_TRIES);
	if (outside) resolveMapped();
	const done = Promise.all([mapped, filtered]).then(() => undefined);
	return {
		get report() {
			return report;
		},
		get heard() {
			return answers;
		},
		done,
		answered: done.then(() => answered),
		echoed({ address, port }) {
			answers = true;
			resolveAnswered(true);
			if (report.mapping !== "unknown") return;
			if (address === observed.address && port === observed.port) report = { ...report, mapping: "independent" };
			else {
				const step = port - observed.port;
				report = {
					...report,
					mapping: "dependent",
					lastPort: port,
					...(step >= 1 && step <= STEP_MAX && address === observed.address ? { portStep: step } : {}),
				};
			}
			resolveMapped();
		},
		tested() {
			report = { ...report, filtering: "open" };
			resolveFiltered();
		},
		stop() {
			for (const timer of timers) clock.clearTimeout(timer);
			timers.clear();
			resolveMapped();
			resolveFiltered();
			resolveAnswered(undefined);
		},
	};
}

const ECHO_TRIES = 3;
const MIN_PATIENCE_MS = 100;
/** Greatest step that counts as a sequence; by chance it is one in 4,000. */
const STEP_MAX = 16;
