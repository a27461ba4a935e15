/**
 * Looks for {@link MachineSign}s: at the clocks once a second, at the addresses as often as it is cheap. Node has no event for either.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { LOOK_MS, type MachineSign, Signs } from "./signs.ts";

/** From now on `heard` is told of signs, until what is returned is called. */
export type MachineWatch = (heard: (sign: MachineSign) => void) => () => void;

/** The addresses of a machine by interface, as `os.networkInterfaces` lists them, without what is not looked at. */
export type Interfaces = Readonly<Record<string, readonly { readonly address: string; readonly internal: boolean }[] | undefined>>;

/** What is looked at. */
export interface MachineWatchParts {
	/** Its timers should not keep the process alive. */
	readonly clock: Clock;
	readonly interfaces: () => Interfaces;
}

/** Makes a watch. All who use it share one timer, and there is none while nobody does. */
export function createMachineWatch({ clock, interfaces }: MachineWatchParts): MachineWatch {
	const listeners = new Set<(sign: MachineSign) => void>();
	let signs = new Signs();
	let timer: unknown;
	let lookAtAddressesMs = 0;
	const addresses = (): string => {
		const sinceMs = clock.now();
		const found = addressesOf(interfaces());
		const endMs = clock.now();
		lookAtAddressesMs = endMs + Math.min(ADDRESSES_MOST_MS, Math.max(ADDRESSES_LEAST_MS, (endMs - sinceMs) * ADDRESSES_SHARE));
		return found;
	};
	const look = (): void => {
		timer = clock.setTimeout(look, LOOK_MS);
		const times = { nowMs: clock.now(), wallMs: clock.wallMs() };
		const isDue = times.nowMs >= lookAtAddressesMs || signs.paused(times);
		const sign = signs.look(isDue ? { ...times, addresses: addresses() } : times);
		if (sign !== undefined) for (const heard of [...listeners]) heard(sign);
	};
	return (listener) => {
		// The same function may be given twice.
		const heard = (sign: MachineSign): void => listener(sign);
		listeners.add(heard);
		if (listeners.size === 1) {
			signs = new Signs();
			lookAtAddressesMs = 0;
			look();
		}
		return () => {
			if (listeners.delete(heard) && listeners.size === 0) clock.clearTimeout(timer);
		};
	};
}

/** Those that mean something elsewhere, in one order. */
export function addressesOf(interfaces: Interfaces): string {
	return Object.values(interfaces)
		.flatMap((list = []) => list.filter(({ address, internal }) => !internal && !LINK_LOCAL.test(address)).map(({ address }) => address))
		.sort()
		.join();
}

const LINK_LOCAL = /^(169\.254\.|fe[89ab])/i;

/** The pause between two looks at the addresses: never shorter than the first and never longer than the second, and otherwise so many times as long as a look takes. */
const ADDRESSES_LEAST_MS = 2_000;
const ADDRESSES_MOST_MS = 60_000;
const ADDRESSES_SHARE = 1_000;
