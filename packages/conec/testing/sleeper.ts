/**
 * A machine of a world that can be put to sleep.
 *
 * @module
 */

import type { NetworkInterfaceInfo } from "node:os";
import type { Clock } from "../src/base/clock.ts";
import { createMachineWatch } from "../src/session/machine/index.ts";
import type { Machine, World } from "./world.ts";

/** What stands still while it sleeps. A stopped process has a clock that goes on, and a machine that sleeps mostly has one that does not. */
export type SleepKind = "process stopped" | "machine asleep";

/** See the module. */
export interface Sleeper {
	readonly machine: Machine;
	/** Nothing runs on the machine, and nothing reaches it. */
	sleep(kind: SleepKind): void;
	/** It goes on, with this address: timers that are due fire. */
	wake(address?: string): void;
	/** Its addresses are others from now on. */
	address(...addresses: readonly string[]): void;
	/** Somebody sets its clock on the wall. */
	setClock(byMs: number): void;
	/** How often its addresses were read. */
	readonly looks: number;
}

interface HeldTimer {
	readonly callback: () => void;
	/** In the time of the sleeper. */
	readonly atMs: number;
	timer: unknown;
}

/** A machine with a clock of its own. */
export function createSleeper(world: World, name: string, lookMs: number = 0): Sleeper {
	const { clock } = world;
	const timers = new Set<HeldTimer>();
	let asleep: { readonly sinceMs: number; readonly kind: SleepKind } | undefined;
	/** So long its clock has stood still. */
	let stoodMs = 0;
	let setMs = 0;
	let looks = 0;
	let addresses: readonly string[] = ["192.0.2.1"];
	let joins: (() => void)[] = [];
	const now = (): number => (asleep?.kind === "machine asleep" ? asleep.sinceMs : clock.now()) - stoodMs;
	const start = (held: HeldTimer): void => {
		held.timer = clock.setTimeout(
			() => {
				timers.delete(held);
				held.callback();
			},
			Math.max(0, held.atMs - now()),
		);
	};
	const own: Clock = {
		now,
		wallMs: () => clock.wallMs() + setMs,
		setTimeout(callback, delayMs) {
			const held: HeldTimer = { callback, atMs: now() + Math.max(0, delayMs), timer: undefined };
			timers.add(held);
			if (asleep === undefined) start(held);
			return held;
		},
		clearTimeout(timer) {
			if (timer === undefined) return;
			clock.clearTimeout((timer as HeldTimer).timer);
			timers.delete(timer as HeldTimer);
		},
		soon: (callback) => void own.setTimeout(callback, 0),
	};
	const interfaces = (): NodeJS.Dict<NetworkInterfaceInfo[]> => {
		looks++;
		stoodMs -= lookMs;
		return {
			eth0: addresses.map(
				(address) => ({ address, family: "IPv4", internal: false, netmask: "255.255.255.0", cidr: `${address}/24`, mac: "" }) as NetworkInterfaceInfo,
			),
		};
	};
	const { runtime, ...rest } = world.machine(name);
	const machine: Machine = { ...rest, runtime: { ...runtime, clock: own, interfaces, machine: createMachineWatch({ clock: own, interfaces }) } };
	return {
		machine,
		sleep(kind) {
			asleep = { sinceMs: clock.now(), kind };
			for (const held of timers) clock.clearTimeout(held.timer);
			joins = world.isolate(machine);
		},
		wake(address) {
			if (asleep === undefined) return;
			if (address !== undefined) addresses = [address];
			if (asleep.kind === "machine asleep") stoodMs += clock.now() - asleep.sinceMs;
			asleep = undefined;
			for (const join of joins) join();
			for (const held of [...timers]) start(held);
		},
		address: (...others) => {
			addresses = others;
		},
		setClock(byMs) {
			setMs += byMs;
		},
		get looks() {
			return looks;
		},
	};
}
