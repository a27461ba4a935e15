/**
 * What a round of a figure gives.
 *
 * @module
 */

import { cpuSeconds } from "../../remote.ts";

/** CPU seconds, of user and system, that the three processes have used for one unit. */
export interface Cpu {
	readonly sender: number;
	/** 0 where nothing is in the middle. */
	readonly hub: number;
	readonly receiver: number;
}

/** One round. */
export interface Sample {
	/** The figure by its keys, such as `value` or `p50`. */
	readonly values: Readonly<Record<string, number>>;
	readonly cpu?: Cpu;
}

/** A figure of one system, ready to be measured again and again. */
export interface Task {
	readonly figure: string;
	readonly contender: string;
	/** Measures for about that many seconds. `round` is -1 while it warms up. */
	readonly work: (seconds: number, round: number) => Promise<Sample>;
}

/** Processes of one system that are there for a group, and what can be measured with them. */
export interface Cast {
	readonly tasks: readonly Task[];
	/** Ends the processes. */
	end(): Promise<void>;
}

/** Who uses CPU time, by process. */
export type Pids = Readonly<Record<keyof Cpu, number>>;

/**
 * Runs some work, and says what CPU time the processes have used for each of its units. A sender that is a new process each time tells its own time.
 * Where there is no /proc there is no such figure.
 */
export async function withCpu<T extends { readonly cpuSeconds?: number }>(
	pids: Pids,
	work: () => Promise<T>,
	unitsOf: (result: T) => number,
): Promise<[result: T, cpu: { readonly cpu?: Cpu }]> {
	const before = timesOf(pids);
	const result = await work();
	const after = timesOf(pids);
	const units = unitsOf(result);
	const per = (part: keyof Cpu): number => (after[part] - before[part]) / units;
	const cpu = { sender: result.cpuSeconds === undefined ? per("sender") : result.cpuSeconds / units, hub: per("hub"), receiver: per("receiver") };
	return [result, Object.values(cpu).every(Number.isFinite) ? { cpu } : {}];
}

function timesOf(pids: Pids): Cpu {
	return { sender: cpuSeconds(pids.sender), hub: cpuSeconds(pids.hub), receiver: cpuSeconds(pids.receiver) };
}
