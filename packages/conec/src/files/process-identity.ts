/**
 * What tells a process from every other one, on this machine and elsewhere, as far as the system says it.
 *
 * @module
 */

import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** A process, for others to judge whether it still runs. */
export interface ProcessIdentity {
	readonly pid: number;
	/** When it began, which tells it from a later one of the same number; `null` where the system does not say. */
	readonly start: string | null;
	/** In which numbering of processes `pid` is: the boot and the PID namespace; `null` where the system does not say. */
	readonly space: string | null;
	/** The installed system, which a reboot does not change; `null` where it does not say. */
	readonly machine: string | null;
	/** Name of the machine or the container. For people. */
	readonly host: string;
}

/** This process. */
export function ownIdentity(): ProcessIdentity {
	own ??= { pid: process.pid, start: startOf(process.pid), space: ownSpace(), machine: text("/etc/machine-id") };
	return { ...own, host: safeHostName() };
}

/** What the system says of this process, which never changes: it is asked once, as it takes four files. */
let own: Omit<ProcessIdentity, "host"> | undefined;

/**
 * Whether the process runs: `true` and `false` are certain. `undefined`: it belongs to another boot, container or machine, or the
 * system does not say enough.
 */
export function isRunning({ pid, start, space, machine }: ProcessIdentity): boolean | undefined {
	const here = ownIdentity();
	if (space !== here.space) {
		// Another boot of the same system: all its processes are gone.
		if (space === null || here.space === null || machine === null || machine !== here.machine) return undefined;
		return bootOf(space) === bootOf(here.space) ? undefined : false;
	}
	try {
		process.kill(pid, 0);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
	}
	const present = startOf(pid);
	return start === null || present === null ? undefined : start === present;
}

/** The boot of the system, and the clock that {@link monotonicMs} counts on; `null` where the system does not say. */
export function ownBoot(): string | null {
	const boot = text("/proc/sys/kernel/random/boot_id");
	// A time namespace has a clock of its own.
	return boot === null ? null : `${boot} ${link("/proc/self/ns/time") ?? ""}`.trim();
}

/** Milliseconds since the system started, without the time that it slept. Only comparable within one {@link ownBoot}. */
export function monotonicMs(): number {
	return Number(process.hrtime.bigint() / 1_000_000n);
}

/** Name of this machine; empty where the system has none or does not say. */
export function safeHostName(): string {
	try {
		return hostname();
	} catch {
		return "";
	}
}

function ownSpace(): string | null {
	const boot = text("/proc/sys/kernel/random/boot_id");
	const namespace = link("/proc/self/ns/pid");
	return boot === null || namespace === undefined ? null : `${boot} ${namespace}`;
}

function bootOf(space: string): string | undefined {
	return space.split(" ")[0];
}

/** On Linux the tick at which the process began, counted from the boot. */
function startOf(pid: number): string | null {
	const stat = text(`/proc/${pid}/stat`);
	// The name before the last bracket may contain anything; the start is the 20th field after it (proc(5)).
	const fields = stat?.split(") ").at(-1)?.split(" ");
	// One that was killed but not yet waited for by its parent runs no more.
	if (fields?.[0] === "Z" || fields?.[0] === "X") return "gone";
	return fields?.[19] ?? null;
}

function text(path: string): string | null {
	if (process.platform !== "linux") return null;
	try {
		return readFileSync(path, "utf8").trim() || null;
	} catch {
		return null;
	}
}

function link(path: string): string | undefined {
	try {
		return process.platform === "linux" ? readlinkSync(path) : undefined;
	} catch {
		return undefined;
	}
}
